"""Draining what eight hours without books left behind, while orders go on arriving; and the channel beside it."""

import asyncio
import itertools
import math
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from app.flows.context import Pace
from app.flows.signal import Signal
from bench.arena import Arena
from bench.baskets import TYPICAL, draw
from bench.gateway import Gateway, on_uvloop, open_gateway
from bench.harness import Bench, Contender, Outcome, Sample, percentile
from bench.schedule import check_order
from bench.vendors import BOOKS, SHOP, Books

AIM = 1.1
AFFECTED = 2.0
"""Times the median latency of a calm hour: more, and the channel suffers under the books' backlog."""
PATIENCE = 10.0
"""Times the bound: a machine that cannot keep up with the arrivals would never be done."""
PACE = Pace(breaker_rest=0.5, look=0.05)
HOURS, RUSH = 8.0, 1.6
"""volumes.md 5.3: orders that arrive by day come 1.6 times as fast as the average."""


@dataclass(frozen=True, slots=True)
class Outage:
    """`hour`: seconds of the bench. `share`: of the books' capacity that arrives (volumes.md 5.3, large: 0.56 of 2 a
    second). Rates a second.
    """

    hour: float
    latency: float = 0.4
    slots: int = 4
    share: float = 0.28

    @property
    def capacity(self) -> float:
        return self.slots / self.latency

    @property
    def arrivals(self) -> float:
        return self.capacity * self.share

    @property
    def backlog(self) -> int:
        return round(self.arrivals * HOURS * RUSH * self.hour)

    @property
    def bound(self) -> float:
        """Seconds: backlog / (capacity - arrivals)."""
        return self.backlog / (self.capacity - self.arrivals)

    @property
    def calm(self) -> int:
        """Orders under way where none waits."""
        return math.ceil(self.arrivals * self.latency)


@dataclass(slots=True)
class Day:
    """Orders as they were told, by number."""

    gateway: Gateway
    outage: Outage
    rng: random.Random
    baskets: list[tuple[str, ...]] = field(default_factory=list)

    async def tell(self, count: int) -> None:
        fresh = draw(TYPICAL, count, self.rng)
        first = len(self.baskets)
        self.baskets += fresh
        await self.gateway.tell([str(first + place) for place in range(count)], fresh)

    @asynccontextmanager
    async def arriving(self) -> AsyncIterator[None]:
        """Evenly, whatever becomes of those before; each that is counted is told."""
        over = Signal()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._arrive(over))
            try:
                yield
            finally:
                over.stop()

    async def _arrive(self, over: Signal) -> None:
        clock = asyncio.get_running_loop().time
        began = clock()
        for number in itertools.count(1):
            await over.pause(began + number / self.outage.arrivals - clock())
            if over.stopping:
                return
            await self.tell(1)

    async def calms_down(self) -> None:
        sent = self.gateway.books.sent
        while len(self.baskets) - len(sent) > self.outage.calm:
            await self.gateway.books.sent_all(len(sent) + 1)


@dataclass(frozen=True, slots=True)
class Recovery:
    """`seconds`: from the first moment that the books would answer until no order waits. `first`: until the first was
    sent. Lags: seconds until an order was read again at the channel, on a calm day and meanwhile.
    """

    outage: Outage
    seconds: float
    first: float
    refused: int
    calm_lags: Sequence[float]
    lags: Sequence[float]

    def facts(self) -> dict[str, Any]:
        return {
            "backlog": self.outage.backlog,
            "capacity_per_second": self.outage.capacity,
            "arrivals_per_second": round(self.outage.arrivals, 2),
            "ratio": round(self.seconds / self.outage.bound, 3),
            "first_sent_seconds": round(self.first, 3),
            "refused_during_outage": self.refused,
            "channel_calm_p50_ms": round(percentile(self.calm_lags, 0.5) * 1000, 2),
            "channel_calm_p99_ms": round(percentile(self.calm_lags, 0.99) * 1000, 2),
            "channel_affected": self.affected,
        }

    @property
    def affected(self) -> bool:
        return percentile(self.lags, 0.5) > AFFECTED * percentile(self.calm_lags, 0.5)


async def recover(url: str, outage: Outage, seed: int) -> Recovery:
    books = Books(outage.latency, outage.slots)
    async with open_gateway(url, books, PACE) as gateway:
        day = Day(gateway, outage, random.Random(seed))  # noqa: S311 - shoppers
        await gateway.ctx.pool.execute(
            "INSERT INTO destination (name, slots) VALUES ($1, $2)", BOOKS, float(outage.slots)
        )
        async with gateway.working():
            calm_lags = await calm_hours(day)
            await go_down(day)
            found = await come_back(day, calm_lags)
            await books.sent_all(len(day.baskets))
            await gateway.settled(BOOKS)
    check_order(books.sent, day.baskets)
    return found


async def calm_hours(day: Day) -> list[float]:
    """Channel lags while books and channel are well."""
    async with day.arriving():
        await day.gateway.books.sent_all(5)  # statements are prepared, caches warm
        day.gateway.shop.lags.clear()
        await asyncio.sleep(2 * day.outage.hour)
    await day.gateway.books.sent_all(len(day.baskets))
    return list(day.gateway.shop.lags)


async def go_down(day: Day) -> None:
    """The whole backlog is told at once: what waits, waits alike. Returns when the breaker is open."""
    gateway = day.gateway
    gateway.books.down = True
    await day.tell(day.outage.backlog)
    await gateway.settled(SHOP)
    while not await gateway.ctx.pool.fetchval("SELECT opened_at FROM destination WHERE name = $1", BOOKS):  # noqa: ASYNC110 - as above
        await asyncio.sleep(0.02)
    await gateway.ctx.pool.execute("ANALYZE")


async def come_back(day: Day, calm_lags: Sequence[float]) -> Recovery:
    books, shop = day.gateway.books, day.gateway.shop
    clock = asyncio.get_running_loop().time
    before, refused = len(books.sent), books.refused
    shop.lags.clear()
    began = clock()
    books.down = False
    async with day.arriving(), asyncio.timeout(PATIENCE * day.outage.bound):
        await day.calms_down()
        seconds = clock() - began
    first = books.sent[before].began - began
    return Recovery(day.outage, seconds, first, refused, calm_lags, list(shop.lags))


@dataclass(frozen=True, slots=True)
class Rounds:
    arena: Arena
    outage: Outage
    seeds: "itertools.count[int]"

    async def ours(self) -> Sample:
        seed = next(self.seeds)
        async with self.arena.database() as url:

            async def there() -> Recovery:
                return await recover(url, self.outage, seed)

            found = await on_uvloop(there)
        p50, p99 = (percentile(found.lags, share) * 1000 for share in (0.5, 0.99))
        return Sample(found.seconds, p50, p99, facts=found.facts())

    async def formula(self) -> Sample:
        return Sample(self.outage.bound)


def met(outcome: Outcome) -> bool:
    affected = bool(outcome.ours.facts["channel_affected"])
    return outcome.ratio("backlog / (capacity - arrivals)") <= AIM and not affected


async def bench(arena: Arena) -> Bench:
    outage = Outage(hour=1.5 if arena.quick else 8.0)
    rounds = Rounds(arena, outage, itertools.count(1))
    settings = (
        f"8 h without books, an hour in {outage.hour:g} s; {outage.backlog} orders wait, {outage.arrivals:.1f} a second "
        f"arrive evenly, the books take {outage.slots} at once, {outage.latency * 1000:.0f} ms each; one worker; the "
        "breaker rests 0.5 s and the worker looks every 50 ms (10 s and 1 s as shipped, in scaled time); p50 and p99: "
        "from notice to re-read at the channel, meanwhile"
    )
    return Bench(
        name="catchup",
        unit="s",
        aim=f"<= {AIM} x backlog / (capacity - arrivals); the channel unaffected",
        better="lower",
        ours=Contender("sluice", "", settings, rounds.ours),
        references=[Contender("backlog / (capacity - arrivals)", "", "computed", rounds.formula)],
        met=met,
        rounds=1 if arena.quick else 3,
        warm_up=False,
    )
