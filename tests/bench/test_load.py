"""The load generator: what it sends is authentic, what it measures is what it says."""

import asyncio
import itertools
import os
import time
from array import array
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from app.connectors.centra.webhook import Hook, receive
from bench.desk import DONE, Desk, Tape, is_whole
from bench.load import Order, apply, quantile, read_tape, write_requests

SECRET = "a secret"
YES = b'HTTP/1.1 202 Accepted\r\ncontent-length: 12\r\n\r\n{"ids":[10]}'
NO = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"


def order(port: int = 1, series: int = 1, **given) -> Order:
    return Order(port, "/webhooks/centra/uk", SECRET, series, os.getpid(), **given)


def requests(series: int, count: int) -> list[bytes]:
    return list(itertools.islice(write_requests(order(series=series), int(time.time())), count))


def keys(request: bytes) -> list[str]:
    head, _, body = request.partition(DONE)
    headers = dict(line.lower().split(": ", 1) for line in head.decode().split("\r\n")[1:])
    assert int(headers["content-length"]) == len(body)
    hook = Hook("uk", (SECRET.encode(),))
    return [draft.key for draft in receive(body, headers, datetime.now(UTC), hook=hook)]


def test_requests_are_authentic_and_no_two_alike() -> None:
    sent = [*requests(1, 500), *requests(2, 500)]
    assert len({key for request in sent for key in keys(request)}) == 1000


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1.0), (0.5, 2.0), (0.51, 3.0), (0.99, 4.0), (1.0, 4.0)]
)
def test_quantile_is_the_smallest_value_that_the_share_does_not_exceed(share: float, expected: float) -> None:
    assert quantile([1.0, 2.0, 3.0, 4.0], share) == expected


def test_quantile_of_nothing_is_nothing() -> None:
    assert quantile([], 0.99) == 0.0


@pytest.mark.parametrize("cut", [1, 30, len(YES) - 1])
def test_answer_is_whole_with_its_last_byte(cut: int) -> None:
    assert (is_whole(YES[:cut]), is_whole(YES)) == (False, True)


def test_only_what_was_answered_in_the_measured_time_counts() -> None:
    tape = Tape(since=10.0, until=20.0)
    for began, ended in ((9.0, 9.9), (9.5, 10.5), (12.0, 12.1), (19.0, 20.0)):
        tape.note(began, ended, accepted=True)
    assert tape.millis == pytest.approx(array("d", [1000.0, 100.0]))


def test_refused_answers_are_no_throughput() -> None:
    tape = Tape(since=0.0, until=10.0)
    for number in range(10):
        tape.note(number, number + 0.5, accepted=number < 4)
    toll = read_tape(tape, (0.0, 1.0, 0.0), (10.0, 10.0, 1.0), short=False)
    assert (toll.rate, toll.refused, toll.server_cpu, toll.load_cpu) == (0.4, 6, 0.9, 0.1)


class FakeLine:
    def __init__(self) -> None:
        self.began: list[float] = []

    def send(self, _request: bytes, began: float) -> None:
        self.began.append(began)


def test_latency_of_an_open_load_counts_from_when_it_fell_due() -> None:
    desk, line = Desk(itertools.repeat(b"x"), Tape(0, 1), closed=False), FakeLine()
    desk.fall_due(1.0)
    desk.fall_due(2.0)
    desk.free(line)
    desk.free(line)
    assert line.began == [1.0, 2.0]


def test_open_load_sends_nothing_before_it_falls_due() -> None:
    desk, line = Desk(itertools.repeat(b"x"), Tape(0, 1), closed=False), FakeLine()
    desk.free(line)
    assert line.began == []


class Counter(asyncio.Protocol):
    """Answers each request at once. `busiest`: requests of one connection under way at a time."""

    def __init__(self, reply: Callable[[asyncio.Transport], None]) -> None:
        self._reply = reply

    def connection_made(self, transport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        assert data.count(b"POST ") == 1
        asyncio.get_running_loop().call_soon(self._reply, self._transport)


@asynccontextmanager
async def serving(reply: Callable[[asyncio.Transport], None]) -> AsyncIterator[int]:
    server = await asyncio.get_running_loop().create_server(lambda: Counter(reply), "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def say(answer: bytes) -> Callable[[asyncio.Transport], None]:
    return lambda transport: transport.write(answer)


async def test_closed_load_counts_what_the_server_accepted() -> None:
    async with serving(say(YES)) as port:
        toll = await apply(order(port, connections=4, warm=0, seconds=0.2), requests(1, 20_000))
    assert toll.answers > 4
    assert (toll.refused, toll.short) == (0, False)


async def test_load_says_that_its_requests_were_used_up() -> None:
    async with serving(say(YES)) as port:
        toll = await apply(order(port, connections=4, warm=0, seconds=5), requests(1, 20))
    assert toll.short
    assert toll.seconds < 5


async def test_load_does_not_count_what_was_refused() -> None:
    async with serving(say(NO)) as port:
        toll = await apply(order(port, connections=2, warm=0, seconds=0.1), requests(1, 20_000))
    assert toll.rate == 0
    assert toll.refused == toll.answers > 0


async def test_server_that_hangs_up_ends_the_load() -> None:
    async with serving(lambda transport: transport.close()) as port:
        with pytest.raises(ConnectionError):
            await apply(order(port, connections=2, warm=0, seconds=5), requests(1, 100))


async def test_open_load_keeps_its_rate() -> None:
    async with serving(say(YES)) as port:
        toll = await apply(order(port, connections=8, warm=0, seconds=0.5, rate=200.0), requests(1, 1000))
    assert 40 < toll.answers < 160
