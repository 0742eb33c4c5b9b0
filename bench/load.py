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
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import psutil
import uvloop

from bench.deliver import Envelope
from bench.desk import Desk, Line, Tape

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
