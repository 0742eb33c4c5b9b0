"""The table of failures against real sockets: what the HTTP library really raises decides between loss and doubles."""

import asyncio
import gzip
from contextlib import asynccontextmanager

import httpx
import pytest

from app.connectors.sage200.connector import open_erp
from app.connectors.sage200.replies import LARGEST_BODY
from app.domain.errors import InDoubtError, TransientError
from app.domain.tokens import TokenPair
from tests.connectors.sage200.stage import START, FakeSage, MemoryTokens, order, settings

CREATE = b"POST "


@pytest.fixture
def sage():
    fake = FakeSage()
    fake.access_token = "AT1"
    return fake


def answer(sage, head, body):
    """Lets the fake answer a request that came over a socket."""
    first, *rest = head.decode().split("\r\n")
    method, path, _ = first.split()
    headers = dict(line.split(": ", 1) for line in rest if ": " in line)
    response = sage(httpx.Request(method, f"https://sage.test{path}", headers=headers, content=body))
    return response.status_code, response.content


def write(writer, status, body, *extra):
    head = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Content-Type: application/json", *extra]
    writer.write("\r\n".join(head).encode() + b"\r\n\r\n" + body)


async def serve_one(sage, reader, writer, on_call):
    while head := await read_head(reader):
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        body = await reader.readexactly(length)
        if on_call and head.startswith(on_call[0]):
            if await on_call[1](head, body, writer) is not None:
                return
        else:
            write(writer, *answer(sage, head, body))
        await writer.drain()


async def read_head(reader):
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


@pytest.fixture
async def listening(sage):
    """Serves on the loopback; `(verb, call)`: `call(head, body, writer)` may answer, or end the connection by returning a value."""
    tasks: set[asyncio.Task] = set()
    servers = []

    async def start(call=None, verb=CREATE):
        async def handle(reader, writer):
            tasks.add(asyncio.current_task())
            try:
                await serve_one(sage, reader, writer, call and (verb, call))
            except asyncio.CancelledError:
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        servers.append(server)
        return server.sockets[0].getsockname()[1]

    yield start
    for server in servers:
        server.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def erp_at(port, clock, **changes):
    store = MemoryTokens(TokenPair("AT1", "RT1", START.replace(year=2030), START))
    there = f"http://127.0.0.1:{port}/uk/sage200extra/accounts/v1"
    async with open_erp("main", settings(**{"base_url": there} | changes), store, clock) as erp:
        yield erp


async def test_an_order_travels_over_a_socket(sage, listening, clock):
    async with erp_at(await listening(), clock) as erp:
        made = await erp.place(order(), lambda: None)
    assert made.number == "0000040001"


@pytest.mark.parametrize("how", ["close", "reset", "half"])
async def test_a_connection_lost_after_a_create_is_in_doubt(sage, listening, clock, how):
    async def lose(head, body, writer):
        answer(sage, head, body)
        if how == "half":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{")
            await writer.drain()
        if how == "reset":
            writer.transport.abort()
        return True

    async with erp_at(await listening(lose), clock) as erp:
        with pytest.raises(InDoubtError):
            await erp.place(order(), lambda: None)
        assert len((await erp.probe(["CEN-10045"]))["CEN-10045"]) == 1


async def test_an_answer_that_drips_does_not_outlive_the_deadline(sage, listening, clock):
    async def drip(_head, _body, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n")
        ticks = asyncio.get_running_loop()
        for _ in range(500):
            writer.write(b" ")
            await writer.drain()
            tick = asyncio.Event()
            ticks.call_later(0.05, tick.set)
            await tick.wait()

    async with erp_at(await listening(drip), clock, timeout_seconds=0.4) as erp:
        with pytest.raises(InDoubtError):
            await asyncio.wait_for(erp.place(order(), lambda: None), 5)


async def test_the_last_check_runs_when_the_connection_stands(sage, listening, clock):
    """First before connecting, then again right before the first byte: connecting may outlast a lease."""

    class LeaseOverError(Exception):
        pass

    checks = []

    def over_at_the_second():
        checks.append(1)
        if len(checks) == 2:
            raise LeaseOverError

    async with erp_at(await listening(), clock) as erp:
        with pytest.raises(LeaseOverError):
            await erp.place(order(), over_at_the_second)
        assert sage.creates() == []
        assert (await erp.place(order(), lambda: None)).number


@pytest.mark.parametrize("packed", [False, True])
async def test_a_reply_without_measure_is_not_swallowed_whole(sage, listening, clock, packed):
    body = b'{"id": 1, "x": "' + b"x" * LARGEST_BODY + b'"}'

    async def flood(_head, _body, writer):
        extra = ["Content-Encoding: gzip"] if packed else []
        write(writer, 200, gzip.compress(body) if packed else body, *extra)
        await writer.drain()

    async with erp_at(await listening(flood), clock) as erp:
        with pytest.raises(InDoubtError):
            await erp.place(order(), lambda: None)


async def test_a_read_that_takes_too_long_is_tried_again(listening, clock):
    async def hang(_head, _body, _writer):
        await asyncio.Event().wait()

    async with erp_at(await listening(hang, b"GET "), clock, timeout_seconds=0.3) as erp:
        with pytest.raises(TransientError):
            await erp.probe(["X"])


async def test_no_more_requests_are_in_flight_than_told(sage, clock):
    most = 0
    now = 0

    async def slow(request):
        nonlocal most, now
        now += 1
        most = max(most, now)
        for _ in range(5):
            await asyncio.sleep(0)
        now -= 1
        return sage(request)

    store = MemoryTokens(TokenPair("AT1", "RT1", START.replace(year=2030), START))
    async with open_erp("main", settings(concurrency=2), store, clock, httpx.MockTransport(slow)) as erp:
        await asyncio.gather(*(erp.probe([f"K{number}"]) for number in range(8)))
        assert erp.slots == 2
    assert most == 2
