"""Who calls: a JWT pair or HTTP Basic with the same username and password (virtualstock.md 3)."""

import base64
import binascii
import hmac
from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request

from app.sandbox.mirror import Doc, View
from app.sandbox.store import Change
from app.sandbox.virtualstock.refusal import Refused, field
from app.sandbox.virtualstock.switches import setting
from app.sandbox.world import World

ACCOUNT = "virtualstock.account"
TOKEN = "virtualstock.token"  # noqa: S105 - the name of an entity
BASIC = {"WWW-Authenticate": 'Basic realm="api"'}
LIFETIMES = {"access": "access_lifetime_seconds", "refresh": "refresh_lifetime_seconds"}


def exchange(world: World, change: Change, body: Any) -> Doc:
    """`{"username", "password"}` -> `{"refresh", "access"}`. Raises Refused."""
    given = {name: _required(body, name) for name in ("username", "password")}
    account = find_account(change, given["username"], given["password"])
    if account is None:
        raise Refused(401, {"detail": "No active account found with the given credentials"})
    return {kind: issue(world, change, account, kind) for kind in ("refresh", "access")}


def refresh(world: World, change: Change, body: Any) -> Doc:
    """`{"refresh"}` -> `{"access"}`: no new refresh token."""
    token = change.get(TOKEN, _required(body, "refresh"))
    if token is None or token["kind"] != "refresh" or _is_over(world, token):
        raise Refused(401, {"detail": "Token is invalid or expired", "code": "token_not_valid"})
    account = change.get(ACCOUNT, token["account"])
    if account is None or not account["active"]:
        raise Refused(401, {"detail": "User is inactive", "code": "user_inactive"})
    return {"access": issue(world, change, account, "access")}


def issue(world: World, change: Change, account: Doc, kind: str) -> str:
    until = world.clock.now() + timedelta(seconds=setting(world, LIFETIMES[kind]))
    text = f"eyJ{world.rng.getrandbits(96):024x}.{world.rng.getrandbits(192):048x}.{world.rng.getrandbits(128):032x}"
    doc = {"token": text, "kind": kind, "account": account["username"], "until": until.isoformat()}
    change.put(TOKEN, text, doc)
    return text


def authenticate(world: World, request: Request) -> Doc:
    """The calling account. Raises Refused 401."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    view = world.store.read()
    if scheme.lower() == "bearer":
        return _by_token(world, view, given)
    if scheme.lower() == "basic" and setting(world, "basic_auth"):
        account = find_account(view, *_pair(given))
        if account is None:
            raise Refused(401, {"detail": "Invalid username/password."}, headers=BASIC)
        return account
    raise Refused(401, {"detail": "Authentication credentials were not provided."}, headers=BASIC)


def _by_token(world: World, view: View, given: str) -> Doc:
    token = view.get(TOKEN, given)
    account = view.get(ACCOUNT, token["account"]) if token and token["kind"] == "access" else None
    if token is None or account is None or _is_over(world, token) or not account["active"]:
        told = {
            "token_class": "AccessToken",
            "token_type": "access",
            "message": "Token is invalid or expired",
        }
        body = {"detail": "Given token not valid for any token type", "code": "token_not_valid"}
        raise Refused(401, {**body, "messages": [told]}, headers={"WWW-Authenticate": 'Bearer realm="api"'})
    return account


def find_account(view: View, username: str, password: str) -> Doc | None:
    account = view.get(ACCOUNT, username)
    if account is None or not account["active"]:
        return None
    fits = hmac.compare_digest(account["password"].encode(), password.encode())
    return account if fits else None


def revoke(change: Change, username: str, kinds: tuple[str, ...]) -> int:
    """Ends what was issued; answers how many."""
    ended = [doc["token"] for doc in change.find(TOKEN, account=username) if doc["kind"] in kinds]
    for token in ended:
        change.delete(TOKEN, token)
    return len(ended)


def _is_over(world: World, token: Doc) -> bool:
    return datetime.fromisoformat(token["until"]) <= world.clock.now()


def _pair(given: str) -> tuple[str, str]:
    try:
        username, _, password = base64.b64decode(given, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return username, password


def _required(body: Any, name: str) -> str:
    value = body.get(name) if isinstance(body, dict) else None
    if value is None:
        raise field(name, "This field is required.")
    if not isinstance(value, str) or not value:
        raise field(name, "This field may not be blank.")
    return value
