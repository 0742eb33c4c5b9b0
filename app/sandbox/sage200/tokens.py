"""OAuth at Sage ID: authorization code once, then rotating refresh tokens (sage200.md 3)."""

import hashlib
import secrets
from typing import Any
from urllib.parse import parse_qs, urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from app.sandbox.disturb import CALL
from app.sandbox.mirror import Doc, View
from app.sandbox.sage200.stamps import stamp_later, stamp_now
from app.sandbox.sage200.switches import setting
from app.sandbox.store import Change
from app.sandbox.world import World

TICKETS = "sage200.token"
CLIENT = "sage200.client"
FORM = "application/x-www-form-urlencoded"
SCOPE = "openid profile email offline_access"


class InvalidGrant(Exception):  # noqa: N818 - an answer of the token endpoint
    """`family`: of a token that was spent already; all tokens of one consent are one."""

    def __init__(self, why: str, family: str = "") -> None:
        super().__init__(why)
        self.family = family


def key_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def store_token(change: Change, token: str, kind: str, family: str, until: str) -> None:
    """Kept as a digest, like any credential."""
    id_ = key_of(token)
    change.put(TICKETS, id_, {"id": id_, "kind": kind, "family": family, "until": until, "used_until": ""})


def find_token(view: View, token: str, kind: str, now: str) -> Doc | None:
    found = view.get(TICKETS, key_of(token))
    return found if found is not None and found["kind"] == kind and found["until"] > now else None


async def exchange(world: World, request: Request) -> Response:
    """POST /oauth/token: form-encoded; JSON answers."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        return JSONResponse({"error": "invalid_request"}, 400)
    form = {name: values[0] for name, values in parse_qs((await request.body()).decode("latin-1")).items()}
    call = request.scope[CALL]
    client = world.store.read().get(CLIENT, form.get("client_id", ""))
    secret = form.get("client_secret", "").encode()
    if client is None or not secrets.compare_digest(client["secret"].encode(), secret):
        return JSONResponse({"error": "access_denied", "error_description": "Unknown client."}, 401)
    grants = {"refresh_token": refresh, "authorization_code": redeem}
    grant = grants.get(form.get("grant_type", ""))
    if grant is None:
        return JSONResponse({"error": "unsupported_grant_type"}, 400)
    try:
        with world.store.record(call, silent=True) as change:
            answer = grant(world, change, form)
    except InvalidGrant as error:
        return refuse_grant(world, call, error)
    return JSONResponse(answer)


def refuse_grant(world: World, call: Any, refused: InvalidGrant) -> Response:
    if refused.family and setting(world, "refresh_reuse") == "revoke":
        call.status = setting(world, "invalid_grant_status")
        with world.store.record(call, silent=True) as change:
            revoke(change, "access", "refresh", family=refused.family)
    body = {"error": "invalid_grant", "error_description": f"The refresh token or code is {refused}."}
    return JSONResponse(body, setting(world, "invalid_grant_status"))


def revoke(change: Change, *kinds: str, family: str = "") -> None:
    """Of one family, or of every one."""
    for doc in change.all(TICKETS):
        if doc["kind"] in kinds and family in {"", doc["family"]}:
            change.delete(TICKETS, doc["id"])


def refresh(world: World, change: Change, form: dict[str, str]) -> Doc:
    now = stamp_now(world)
    old = find_token(change, form.get("refresh_token", ""), "refresh", now)
    if old is None:
        raise InvalidGrant("unknown or expired")
    if old["used_until"] and old["used_until"] <= now:
        raise InvalidGrant("reused", old["family"])
    if not old["used_until"]:
        grace = setting(world, "refresh_grace_seconds") if setting(world, "refresh_reuse") == "grace" else 0
        change.put(TICKETS, old["id"], {**old, "used_until": stamp_later(world, grace)})
    return issue(world, change, old["family"], old["until"])


def redeem(world: World, change: Change, form: dict[str, str]) -> Doc:
    code = find_token(change, form.get("code", ""), "code", stamp_now(world))
    if code is None or code.get("redirect_uri") != form.get("redirect_uri"):
        raise InvalidGrant("unknown or expired")
    change.delete(TICKETS, code["id"])
    until = stamp_later(world, setting(world, "refresh_lifetime_seconds"))
    return issue(world, change, code["family"], until)


def issue(world: World, change: Change, family: str, until: str) -> Doc:
    """`until`: the refresh tokens of one consent all end with it."""
    access, renewed = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    lifetime = setting(world, "access_lifetime_seconds")
    store_token(change, access, "access", family, stamp_later(world, lifetime))
    store_token(change, renewed, "refresh", family, until)
    return {
        "access_token": access,
        "refresh_token": renewed,
        "id_token": "",
        "scope": SCOPE,
        "expires_in": lifetime,
        "token_type": "Bearer",
    }


async def authorize(world: World, request: Request) -> Response:
    """GET /authorize: consents at once and sends the caller back with a code."""
    query = request.query_params
    if world.store.read().get(CLIENT, query.get("client_id", "")) is None or "redirect_uri" not in query:
        return JSONResponse({"error": "invalid_request"}, 400)
    code = secrets.token_urlsafe(24)
    call = request.scope[CALL]
    call.status = 302
    with world.store.record(call, silent=True) as change:
        store_token(change, code, "code", secrets.token_hex(8), stamp_later(world, 600))
        ticket = {**(change.get(TICKETS, key_of(code)) or {}), "redirect_uri": query["redirect_uri"]}
        change.put(TICKETS, key_of(code), ticket)
    back = urlencode({"code": code, "state": query.get("state", "")})
    return RedirectResponse(f"{query['redirect_uri']}?{back}", 302)
