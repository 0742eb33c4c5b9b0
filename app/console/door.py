"""Who comes in: an API key opens a visit, kept in a signed cookie. Its scopes are looked up at every request, so that a
revoked key ends its visits at once.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from itsdangerous import BadSignature, Signer
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.console.desk import Desk, desk_of
from app.console.form import asked, posted
from app.console.refusal import RefusalError, StrangerError
from app.console.render import page
from app.flows.keys import Holder, authenticate, still_holds
from app.ledger import secret

COOKIE = "sluice_console"
VISIT_SECONDS = 8 * 3600
READS = "messages:read"
BACK = re.compile(r"(?:/[A-Za-z0-9_-]+){0,3}/?")


@dataclass(frozen=True, slots=True)
class Visit:
    """`token` goes into every form: whoever cannot read our pages cannot know it."""

    holder: Holder
    token: str

    def may(self, scope: str) -> bool:
        return scope in self.holder.scopes

    def require(self, scope: str) -> None:
        """Raises RefusalError."""
        if not self.may(scope):
            raise RefusalError(403, f"This needs a key with the scope {scope}.")


async def visit_of(request: Request, scope: str = READS) -> Visit:
    """Raises StrangerError, or RefusalError where the key lacks the scope."""
    desk = desk_of(request)
    cookie = request.cookies.get(COOKIE, "")
    key = await _secret(desk)
    try:
        key_id, until, _ = _signer(key, "visit").unsign(cookie).decode().split(".")
    except (BadSignature, ValueError):
        raise StrangerError from None
    if int(until) <= desk.now().timestamp():
        raise StrangerError
    holder = await still_holds(desk.pool, key_id, desk.now())
    if holder is None:
        raise StrangerError
    visit = Visit(holder, _signer(key, "form").get_signature(cookie).decode())
    visit.require(scope)
    return visit


async def form_of(request: Request) -> tuple[Visit, dict[str, str]]:
    """Who posts, and what. Raises RefusalError for a form that is none of our pages'."""
    refuse_foreign(request)
    visit = await visit_of(request)
    fields = await posted(request)
    if not hmac.compare_digest(fields.pop("token", "").encode(), visit.token.encode()):
        raise RefusalError(403, "This form is not of this visit: load the page again.")
    return visit, fields


def refuse_foreign(request: Request) -> None:
    """Browsers say where a form comes from: in Sec-Fetch-Site, the older ones in Origin. Raises RefusalError."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    foreign = (
        site != "same-origin" if site else bool(origin) and urlsplit(origin).netloc != request.url.netloc
    )
    if foreign:
        raise RefusalError(403, "This form comes from another site.")


async def door(request: Request) -> Response:
    fields = asked(request)
    return page(request, "door.html", {"back": _back(fields), "wrong": ""})


async def come_in(request: Request) -> Response:
    refuse_foreign(request)
    desk = desk_of(request)
    fields = await posted(request)
    holder = await authenticate(desk.pool, fields.get("key", ""), desk.now())
    if holder is None:
        return page(request, "door.html", {"back": _back(fields), "wrong": "This key is not valid."}, 403)
    if READS not in holder.scopes:
        wrong = f"The console needs a key with the scope {READS}."
        return page(request, "door.html", {"back": _back(fields), "wrong": wrong}, 403)
    root = request.scope["root_path"]
    response = RedirectResponse(f"{root}{_back(fields)}", 303)
    until = int(desk.now().timestamp()) + VISIT_SECONDS
    told = f"{holder.id}.{until}.{secrets.token_hex(8)}"
    response.set_cookie(
        COOKIE,
        _signer(await _secret(desk), "visit").sign(told).decode(),
        max_age=VISIT_SECONDS,
        path=root or "/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )
    return response


async def go_out(request: Request) -> Response:
    await form_of(request)
    root = request.scope["root_path"]
    response = RedirectResponse(f"{root}/sign-in", 303)
    response.delete_cookie(COOKIE, path=root or "/")
    return response


def _back(fields: Mapping[str, str]) -> str:
    """A page of ours, never another site."""
    text = fields.get("back", "/")
    return text if BACK.fullmatch(text) and not text.startswith("//") else "/"


async def _secret(desk: Desk) -> bytes:
    return await secret.kept(desk.pool, "console")


def _signer(key: bytes, purpose: str) -> Signer:
    return Signer(key, salt=purpose, key_derivation="hmac", digest_method=hashlib.sha256)
