"""A load generator of one process: signed Centra webhooks over keep-alive connections. Bytes are made beforehand.

`python -m bench.load` reads an Order as JSON and prints a Toll as JSON.
"""

import asyncio
import gc
import itertools
import json
import random
import sys
import time
from array import array
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import cast

import psutil
import uvloop

from app.sandbox.centra.sign import sign, write_body

DONE = b"\r\n\r\n"
LENGTH = b"content-length: "
ACCEPTED = b"HTTP/1.1 202"
AGENT = "Centra webhooks"
SLACK = 2.0


@dataclass(frozen=True, slots=True)
class Order:
    """`rate` None: each connection sends again once it was answered (closed); else that many a second fall due
    whatever is answered (open), and latency counts from when they fell due. `series` makes the events of each order
    other than those before. `most`: requests made beforehand. `pid`: the server's.
    """

    port: int
    path: str
    secret: str
    series: int
    pid: int
    connections: int = 64
    warm: float = 5.0
    seconds: float = 20.0
    rate: float | None = None
    most: int = 200_000


@dataclass(frozen=True, slots=True)
class Toll:
    """Of the measured seconds alone. Latencies in milliseconds, processor as shares of one core. `short`: the requests
    made beforehand were used up.
    """

    rate: float
    p50: float
    p99: float
    p999: float
    most: float
    answers: int
    refused: int
    seconds: float
    server_cpu: float
    load_cpu: float
    short: bool


@dataclass(frozen=True, slots=True)
class Envelope:
    """Where a delivery goes, and who signs it when (Unix seconds)."""

    port: int
    path: str
    secret: str
    moment: int

    def write(self, event: Mapping[str, object]) -> bytes:
        """A whole request: a delivery of one event."""
        body = write_body([dict(event)], "+")
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nUser-Agent: {AGENT}\r\nAccept: */*\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n"
            f"X-Centra-Signature: {sign(self.secret, self.moment, body)}\r\n\r\n"
        )
        return head.encode("ascii") + body


def write_requests(order: Order, moment: int) -> Iterator[bytes]:
    """No two events are alike, here or in another series."""
    envelope = Envelope(order.port, order.path, order.secret, moment)
    for number in itertools.count():
        yield envelope.write(
            {
                "type": "order",
                "action": "insert" if number % 2 else "update",
                "date": f"2026-03-02 09:14:07.{number % 1_000_000:06}",
                "id": 1 + order.series * 1_000_000 + number,
            }
        )


def quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of them does not exceed; 0 for none."""
    if not ordered:
        return 0.0
    rank = -int(-share * len(ordered) // 1)
    return ordered[max(0, rank - 1)]


@dataclass(slots=True)
class Tape:
    """What was measured between `since` and `until` (perf_counter)."""

    since: float
    until: float
    millis: "array[float]" = field(default_factory=lambda: array("d"))
    refused: int = 0

    def note(self, began: float, ended: float, *, accepted: bool) -> None:
        if self.since <= ended < self.until:
            self.millis.append((ended - began) * 1000)
            self.refused += not accepted


class Line(asyncio.Protocol):
    """One keep-alive connection with one request at a time under way."""

    def __init__(self, desk: "Desk") -> None:
        self._desk = desk
        self._began = 0.0
        self._heard = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._desk.free(self)

    def send(self, request: bytes, began: float) -> None:
        self._began = began
        if self._transport is not None:
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        heard = self._heard + data if self._heard else data
        if not is_whole(heard):
            self._heard = heard
            return
        self._heard = b""
        self._desk.tape.note(self._began, time.perf_counter(), accepted=heard.startswith(ACCEPTED))
        self._desk.free(self)

    def connection_lost(self, _exc: Exception | None) -> None:
        self._desk.lose()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()


def is_whole(heard: bytes) -> bool:
    head = heard.find(DONE)
    if head < 0:
        return False
    at = heard.find(LENGTH, 0, head)
    if at < 0:
        return True
    length = int(heard[at + len(LENGTH) : heard.index(b"\r", at)])
    return len(heard) >= head + len(DONE) + length


class Desk:
    """Hands requests to free lines: at once (closed), or as they fall due (open)."""

    def __init__(self, requests: Iterator[bytes], tape: Tape, *, closed: bool) -> None:
        self.tape = tape
        self.short = False
        self.hung_up = False
        self.over = asyncio.Event()
        self._requests = requests
        self._closed = closed
        self._idle: deque[Line] = deque()
        self._due: deque[float] = deque()

    def free(self, line: Line) -> None:
        if self._closed:
            self._give(line, time.perf_counter())
        elif self._due:
            self._give(line, self._due.popleft())
        else:
            self._idle.append(line)

    def fall_due(self, at: float) -> None:
        if self._idle:
            self._give(self._idle.popleft(), at)
        else:
            self._due.append(at)

    def lose(self) -> None:
        """A closed loop with a line less would be another load."""
        if not self.over.is_set():
            self.hung_up = True
            self.over.set()

    def _give(self, line: Line, began: float) -> None:
        if self.over.is_set():
            return
        request = next(self._requests, None)
        if request is None:
            self.short = True
            self.over.set()
            return
        line.send(request, began)


async def pace(desk: Desk, rate: float, chance: random.Random) -> None:
    """Arrivals as strangers make them: the gaps are exponential. The timers are good to a millisecond."""
    due = time.perf_counter()
    while not desk.over.is_set():
        due += chance.expovariate(rate)
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        desk.fall_due(due)


@dataclass(frozen=True, slots=True)
class Meter:
    """Processor seconds of the server and of ourselves, so far."""

    server: psutil.Process
    ours: psutil.Process

    def read(self) -> tuple[float, float, float]:
        server, ours = self.server.cpu_times(), self.ours.cpu_times()
        return time.perf_counter(), server.user + server.system, ours.user + ours.system


async def apply(order: Order, requests: Sequence[bytes]) -> Toll:
    begun = time.perf_counter()
    tape = Tape(begun + order.warm, begun + order.warm + order.seconds)
    desk = Desk(iter(requests), tape, closed=order.rate is None)
    loop = asyncio.get_running_loop()
    opened = [
        await loop.create_connection(lambda: Line(desk), "127.0.0.1", order.port)
        for _ in range(order.connections)
    ]
    meter = Meter(psutil.Process(order.pid), psutil.Process())
    async with asyncio.TaskGroup() as group:
        if order.rate is not None:
            group.create_task(pace(desk, order.rate, random.Random(order.series)))  # noqa: S311 - arrivals
        await asyncio.sleep(max(0.0, tape.since - time.perf_counter()))
        before = meter.read()
        await _until(desk, tape.until)
        after = meter.read()
        desk.over.set()
    for _, line in opened:
        line.close()
    if desk.hung_up:
        raise ConnectionError("the server closed a connection that it should have kept")
    return read_tape(tape, before, after, short=desk.short)


async def _until(desk: Desk, moment: float) -> None:
    try:
        async with asyncio.timeout(max(0.0, moment - time.perf_counter())):
            await desk.over.wait()
    except TimeoutError:
        return


def read_tape(
    tape: Tape, before: tuple[float, float, float], after: tuple[float, float, float], *, short: bool
) -> Toll:
    """`before`, `after`: as a Meter reads."""
    seconds = after[0] - before[0]
    ordered = sorted(tape.millis)
    accepted = len(ordered) - tape.refused
    return Toll(
        rate=accepted / seconds,
        p50=quantile(ordered, 0.5),
        p99=quantile(ordered, 0.99),
        p999=quantile(ordered, 0.999),
        most=ordered[-1] if ordered else 0.0,
        answers=len(ordered),
        refused=tape.refused,
        seconds=seconds,
        server_cpu=(after[1] - before[1]) / seconds,
        load_cpu=(after[2] - before[2]) / seconds,
        short=short,
    )


def main() -> None:
    order = Order(**json.load(sys.stdin))
    count = order.most
    if order.rate is not None:
        count = int(order.rate * (order.warm + order.seconds + SLACK) * 1.2)
    requests = list(itertools.islice(write_requests(order, int(time.time())), count))
    gc.disable()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        toll = runner.run(apply(order, requests))
    print(json.dumps(asdict(toll)))


if __name__ == "__main__":
    main()
