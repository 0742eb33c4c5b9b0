"""A wire with a clock: passes bytes on to a server and tells when the first of each request came by."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

Fits = Callable[[bytes], bool]
CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class Watch:
    """`heard`: perf_counter of the first byte of the first request that fits."""

    fits: Fits
    heard: "asyncio.Future[float]"


@dataclass(slots=True)
class Tap:
    """A request is what a connection sends until it is answered; pipelining would look like one."""

    port: int
    watches: list[Watch] = field(default_factory=list)

    def watch(self, fits: Fits) -> "asyncio.Future[float]":
        """`fits` is asked anew as a request grows: its head may come before its body."""
        watch = Watch(fits, asyncio.get_running_loop().create_future())
        self.watches.append(watch)
        return watch.heard

    def hear(self, began: float, text: bytes) -> None:
        for watch in [one for one in self.watches if one.fits(text)]:
            self.watches.remove(watch)
            if not watch.heard.done():
                watch.heard.set_result(began)


@asynccontextmanager
async def open_tap(server: int) -> AsyncIterator[Tap]:
    """Before a server on this port of the loopback. Lines still open at the end are cut."""
    tap, lines = Tap(0), set[asyncio.Task[None]]()

    def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = asyncio.get_running_loop().create_task(_join(tap, server, reader, writer))
        lines.add(line)
        line.add_done_callback(lines.discard)

    listener = await asyncio.start_server(connect, "127.0.0.1", 0)
    async with listener:
        tap.port = listener.sockets[0].getsockname()[1]
        yield tap
    for line in lines:
        line.cancel()
    await asyncio.gather(*lines, return_exceptions=True)


async def _join(tap: Tap, server: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    outer = None
    try:
        inner, outer = await asyncio.open_connection("127.0.0.1", server)
        line = Line(tap)
        async with asyncio.TaskGroup() as group:
            group.create_task(line.carry(reader, outer, asks=True))
            group.create_task(line.carry(inner, writer, asks=False))
    except* OSError:
        pass  # either end hung up; so do we
    finally:
        for end in (writer, outer):
            await _close(end)


async def _close(writer: asyncio.StreamWriter | None) -> None:
    if writer is not None:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


@dataclass(slots=True)
class Line:
    """One connection. `text`: of the request under way, since `began`."""

    tap: Tap
    text: bytes = b""
    began: float = 0.0

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, asks: bool) -> None:
        while chunk := await reader.read(CHUNK):
            now = time.perf_counter()
            writer.write(chunk)
            if asks:
                self._grow(chunk, now)
            else:
                self.text = b""
            await writer.drain()
        writer.close()

    def _grow(self, chunk: bytes, now: float) -> None:
        if not self.text:
            self.began = now
        self.text += chunk
        self.tap.hear(self.began, self.text)
