"""A request's body, counted in bytes as they arrive: what Content-Length says is a claim."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from app.api.problems import ProblemError

MIB = 1 << 20
DRAIN_BYTES = 8 * MIB
DRAIN_SECONDS = 1.0


def headers_of(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in raw}


def media_type(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_body(receive: Receive, headers: Mapping[str, str], limit: int) -> bytes:
    """Raises ProblemError `too_large`, after reading on a little so that an honest client is not cut off before it
    hears the answer.
    """
    claimed = headers.get("content-length", "")
    if claimed.isascii() and claimed.isdigit() and int(claimed) > limit:
        raise await _refusal(receive, headers, more=True)
    message = await _next(receive)
    body: bytes = message.get("body", b"")
    if message.get("more_body"):
        body = await _gather(receive, headers, bytearray(body), limit)
    if len(body) > limit:
        raise await _refusal(receive, headers, more=False)
    return body


async def _gather(receive: Receive, headers: Mapping[str, str], body: bytearray, limit: int) -> bytes:
    more = True
    while more:
        if len(body) > limit:
            raise await _refusal(receive, headers, more=True)
        message = await _next(receive)
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return bytes(body)


async def _next(receive: Receive) -> Message:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return message


async def _refusal(receive: Receive, headers: Mapping[str, str], *, more: bool) -> ProblemError:
    if more and "100-continue" not in headers.get("expect", "").lower():
        await _drain(receive)
    return ProblemError("too_large", headers={"connection": "close"})


async def _drain(receive: Receive) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            await _swallow(receive)


async def _swallow(receive: Receive) -> None:
    left, more = DRAIN_BYTES, True
    while more and left > 0:
        message = await receive()
        left -= len(message.get("body", b"")) or 1
        more = message.get("more_body", False)
