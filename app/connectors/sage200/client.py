"""HTTP to one company of one Sage site. No retries and no redirects: the outbox retries, in one place."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx
import simplejson

from app.connectors.sage200.classify import message
from app.connectors.sage200.failures import LOST, of_create, of_read, of_wire
from app.connectors.sage200.odata import query
from app.connectors.sage200.replies import Reply, receive
from app.connectors.sage200.settings import Sage200Settings
from app.connectors.sage200.tokens import MISLED, Tokens
from app.domain.errors import DestinationError, InDoubtError, PermanentError, TransientError

PAGE = 500
MOST_ROWS = 200 * PAGE
WRITING = "http11.send_request_headers.started"

LastCheck = Callable[[], None]
Row = Mapping[str, Any]
Options = Mapping[str, str | int]


def no_check() -> None:
    """A read needs no last check: it may be repeated."""


@dataclass(frozen=True, slots=True)
class _Call:
    """`scoped`: with X-Site and X-Company, as all but `sites` (sage200.md 4)."""

    path: str
    options: Options = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    scoped: bool = True
    method: str = "GET"


class Client:
    def __init__(
        self, settings: Sage200Settings, tokens: Tokens, http: httpx.AsyncClient, now: Callable[[], datetime]
    ) -> None:
        self._settings = settings
        self._tokens = tokens
        self._http = http
        self._now = now
        self._slots = asyncio.Semaphore(settings.concurrency)

    async def rows(self, path: str, options: Options) -> list[Row]:
        """All rows, page by page in the order of `id` (`$skip` needs `$orderby`, sage200.md 6)."""
        found: list[Row] = []
        while True:
            paged = {**options, "orderby": "id", "top": PAGE, "skip": len(found)}
            page = _listed(self._parsed(await self._answer(_Call(path, paged))))
            found += page
            if len(page) < PAGE:
                return found
            if len(found) >= MOST_ROWS:
                raise DestinationError(f"Sage's list of {path} does not end: is $skip obeyed?")

    async def page(self, path: str, options: Options) -> list[Row]:
        """One page, as the options say."""
        return _listed(self._parsed(await self._answer(_Call(path, options))))

    async def sites(self) -> list[Row]:
        return _listed(self._parsed(await self._answer(_Call("sites", scoped=False))))

    async def single(self, path: str, options: Options | None = None) -> Row | None:
        """The object at a path, or the first of its list; None for an id that does not exist."""
        reply = await self._answer(_Call(path, options or {}))
        if reply.status == 404 and path.rpartition("/")[2].isdigit():
            return None
        parsed = self._parsed(reply)
        return (
            parsed
            if isinstance(parsed, dict) and "value" not in parsed
            else next(iter(_listed(parsed)), None)
        )

    async def create(self, path: str, body: Mapping[str, Any], last_check: LastCheck) -> Row | Reply:
        """The saved record, or the reply that refuses it plainly. `last_check` runs right before the bytes leave."""
        reply = await self._answer(_Call(path, body=body, method="POST"), last_check)
        if not 200 <= reply.status < 300:
            error = of_create(reply.status, reply.headers, reply.body, self._now())
            if error:
                raise error
            return reply
        parsed = _loaded(reply.body)
        if not isinstance(parsed, dict):
            raise InDoubtError(f"Sage answered a create with {reply.status} and a body that is no record")
        return parsed

    async def amend(self, path: str, body: Mapping[str, Any]) -> Reply | None:
        """None: saved, whole. A reply that refuses it may come after a part was saved (sage200.md 9.1)."""
        reply = await self._answer(_Call(path, body=body, method="PUT"))
        if 200 <= reply.status < 300:
            return None
        error = (
            None if reply.status == 404 else of_create(reply.status, reply.headers, reply.body, self._now())
        )
        if error:
            raise error
        return reply

    async def lock(self, path: str) -> Row | Reply:
        """The record, now locked by us, or the reply that refuses it."""
        reply = await self._answer(_Call(path, {"expand": "is_to_lock"}))
        if 400 <= reply.status < 500 and reply.status not in {401, 403, 404, 408, 429}:
            return reply
        parsed = self._parsed(reply)
        if not isinstance(parsed, dict):
            raise DestinationError("Sage answered a lock with something else than a record")
        return parsed

    async def ask(self, path: str, body: Mapping[str, Any]) -> Row:
        """A look-up that Sage serves by POST: it may be repeated, so no answer is no doubt. What the API's user may not
        look up stops those who need it and nobody else.
        """
        try:
            reply = await self._answer(_Call(path, body=body, method="POST"))
        except InDoubtError as error:
            raise TransientError(f"Sage gave no answer to a look-up: {error}") from error
        if reply.status in {403, 404}:
            raise PermanentError("E-SAGE-FORBIDDEN", f"{path} ({reply.status}): {message(reply.body)}")
        parsed = self._parsed(reply)
        if not isinstance(parsed, dict):
            raise DestinationError(f"Sage answered {path} with something else than a record")
        return parsed

    def _parsed(self, reply: Reply) -> Any:
        if not 200 <= reply.status < 300:
            raise of_read(reply.status, reply.headers, reply.body, self._now())
        parsed = _loaded(reply.body)
        if parsed is None:
            raise DestinationError(
                "Sage answered a look-up with 200 and no JSON: something stands in front of it"
            )
        return parsed

    async def _answer(self, call: _Call, last_check: LastCheck = no_check) -> Reply:
        request = self._built(call)
        token = await self._tokens.access()
        reply = await self._send(request, token, last_check)
        if reply.status == 401:
            reply = await self._send(request, await self._tokens.replace(token), last_check)
        if reply.status == 401:
            raise DestinationError(MISLED)
        return reply

    def _built(self, call: _Call) -> httpx.Request:
        url = f"{self._settings.base_url}/{call.path}" + (f"?{query(call.options)}" if call.options else "")
        headers = {"Accept": "application/json"}
        if call.scoped:
            headers |= {"X-Site": self._settings.site, "X-Company": str(self._settings.company)}
        if call.body is None:
            return self._http.build_request("GET", url, headers=headers)
        headers["Content-Type"] = "application/json"
        content = simplejson.dumps(call.body, use_decimal=True, allow_nan=False).encode()
        return self._http.build_request(call.method, url, headers=headers, content=content)

    async def _send(self, request: httpx.Request, token: str, last_check: LastCheck) -> Reply:
        async def watch(event: str, _info: Mapping[str, Any]) -> None:
            if event == WRITING:
                last_check()  # once more: connecting may have taken long

        request.headers["Authorization"] = f"Bearer {token}"
        request.extensions["trace"] = watch
        async with self._slots:
            last_check()
            try:
                async with asyncio.timeout(self._settings.timeout_seconds):
                    return await receive(self._http, request)
            except LOST as error:
                raise of_wire(error, creates=request.method != "GET") from error


def _loaded(body: bytes) -> Any:
    """JSON with its numbers as Decimal; None for anything else."""
    try:
        return simplejson.loads(body, use_decimal=True)
    except (ValueError, RecursionError):
        return None


def _listed(parsed: Any) -> list[Row]:
    """A list arrives bare or as `{"value": [...]}` (sage200.md 5)."""
    rows = parsed.get("value") if isinstance(parsed, dict) else parsed
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DestinationError("Sage answered a look-up with something else than a list of records")
    return rows
