"""`/metrics`, `/livez`, `/readyz` on a port of their own: never on the public one, and no web framework needed.

`prometheus_client.start_http_server` answers metrics on every path, so it cannot serve probes.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

Ready = Callable[[], Awaitable[bool]]

_TEXT = "text/plain; charset=utf-8"
_PATIENCE = 5.0
_READY_PATIENCE = 2.0


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    accept: str


@asynccontextmanager
async def serve_probes(registry: CollectorRegistry, ready: Ready, host: str, port: int) -> AsyncIterator[int]:
    """The real port (0 asks for a free one). `ready` that fails, or takes over 2 s, means no."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError, ValueError, asyncio.IncompleteReadError):
            async with asyncio.timeout(_PATIENCE):
                writer.write(await _answer(_parse(await reader.readuntil(b"\r\n\r\n")), registry, ready))
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(converse, host, port, limit=16 * 1024)
    async with server:
        yield server.sockets[0].getsockname()[1]


def _parse(head: bytes) -> _Request:
    first, *rest = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)
    }
    return _Request(method, target.partition("?")[0], headers.get("accept", ""))


async def _answer(request: _Request, registry: CollectorRegistry, ready: Ready) -> bytes:
    if request.method not in {"GET", "HEAD"}:
        return _reply(request, HTTPStatus.METHOD_NOT_ALLOWED)
    match request.path:
        case "/metrics":
            encode, kind = choose_encoder(request.accept)
            return _reply(request, HTTPStatus.OK, encode(registry), kind)
        case "/livez":
            return _reply(request, HTTPStatus.OK)
        case "/readyz":
            return _reply(
                request, HTTPStatus.OK if await _is_ready(ready) else HTTPStatus.SERVICE_UNAVAILABLE
            )
    return _reply(request, HTTPStatus.NOT_FOUND)


async def _is_ready(ready: Ready) -> bool:
    try:
        async with asyncio.timeout(_READY_PATIENCE):
            return await ready()
    except Exception:  # noqa: BLE001 - whatever is wrong, the answer is no
        return False


def _reply(request: _Request, status: HTTPStatus, body: bytes | None = None, kind: str = _TEXT) -> bytes:
    content = f"{status.phrase}\n".encode() if body is None else body
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {kind}\r\n"
        f"Content-Length: {len(content)}\r\nConnection: close\r\n\r\n"
    ).encode("latin-1")
    return head if request.method == "HEAD" else head + content
