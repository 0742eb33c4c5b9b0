"""The wire with a clock."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bench.tap import open_tap


class Echo(asyncio.Protocol):
    """Answers each line with itself."""

    def connection_made(self, transport) -> None:
        self._transport, self._heard = transport, b""

    def data_received(self, data: bytes) -> None:
        self._heard += data
        if self._heard.endswith(b"\n"):
            self._transport.write(self._heard)
            self._heard = b""


@asynccontextmanager
async def echo() -> AsyncIterator[int]:
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def line_through(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        await writer.wait_closed()


async def test_bytes_pass_unchanged() -> None:
    async with echo() as server, open_tap(server) as tap, line_through(tap.port) as (reader, writer):
        writer.write(b"order 7\n")
        assert await reader.readline() == b"order 7\n"


async def test_time_is_that_of_the_first_byte_though_the_rest_tells_who_it_is() -> None:
    async with echo() as server, open_tap(server) as tap, line_through(tap.port) as (_, writer):
        head, heard = tap.watch(lambda text: text == b"POST "), tap.watch(lambda text: b"order 7" in text)
        writer.write(b"POST ")
        began = await head
        writer.write(b"order 7\n")
        assert await heard == began


async def test_next_request_of_a_connection_has_a_time_of_its_own() -> None:
    async with echo() as server, open_tap(server) as tap, line_through(tap.port) as (reader, writer):
        heard = tap.watch(lambda text: b"order 8" in text)
        writer.write(b"order 7\n")
        await reader.readline()
        answered = time.perf_counter()
        writer.write(b"order 8\n")
        assert await heard > answered


async def test_what_does_not_fit_is_not_told() -> None:
    async with echo() as server, open_tap(server) as tap, line_through(tap.port) as (reader, writer):
        heard = tap.watch(lambda text: b"order 8" in text)
        writer.write(b"order 7\n")
        await reader.readline()
        assert not heard.done()
