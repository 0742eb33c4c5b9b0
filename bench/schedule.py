"""Makespan of a backlog through slow books, against the least that its lanes and the books' slots allow."""

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.flows.context import Pace
from bench.arena import Arena
from bench.baskets import TYPICAL, Mix, draw
from bench.bound import critical_path, greedy, lower_bound
from bench.gateway import on_uvloop, open_gateway
from bench.harness import Bench, Contender, Outcome, Sample
from bench.vendors import BOOKS, Books, Sent

SLOTS = 4
SALE = Mix("flash sale", TYPICAL.skew, sale=0.5)
AIM = 1.10


class DisorderError(Exception):
    """Two messages of one lane were under way together, or changed places."""


@dataclass(frozen=True, slots=True)
class Load:
    """`latency`: seconds that the books take for a create."""

    mix: Mix
    count: int
    latency: float
    seed: int
    slots: int = SLOTS

    def baskets(self) -> list[tuple[str, ...]]:
        return draw(self.mix, self.count, random.Random(self.seed))  # noqa: S311 - shoppers

    @property
    def bound(self) -> float:
        """Seconds."""
        return lower_bound(self.baskets(), self.slots) * self.latency


@dataclass(frozen=True, slots=True)
class Makespan:
    """`seconds`: from the start of the loop until the last effect is settled. `busy`: share of the slots' time."""

    load: Load
    seconds: float
    busy: float

    def facts(self) -> dict[str, Any]:
        baskets, latency = self.load.baskets(), self.load.latency
        ideal = greedy(baskets, self.load.slots) * latency
        return {
            "mix": self.load.mix.name,
            "skew": self.load.mix.skew,
            "messages": self.load.count,
            "latency_ms": round(latency * 1000),
            "seed": self.load.seed,
            "seconds": round(self.seconds, 2),
            "critical_path_seconds": round(critical_path(baskets) * latency, 2),
            "work_seconds": round(len(baskets) / self.load.slots * latency, 2),
            "ratio": round(self.seconds / self.load.bound, 3),
            "ratio_of_a_loop_without_cost": round(ideal / self.load.bound, 3),
            "slots_busy": round(self.busy, 3),
        }


async def run_through(url: str, load: Load) -> Makespan:
    books = Books(load.latency, load.slots)
    async with open_gateway(url, books, Pace()) as gateway:
        baskets = load.baskets()
        await gateway.stock_up(baskets)
        clock = asyncio.get_running_loop().time
        began = clock()
        async with gateway.working():
            await books.sent_all(load.count)
            await gateway.settled(BOOKS)
            seconds = clock() - began
    check_order(books.sent, baskets)
    return Makespan(load, seconds, load.count * load.latency / (seconds * load.slots))


def check_order(sent: Sequence[Sent], baskets: Sequence[Sequence[str]]) -> None:
    """Each lane in the order of the baskets, one at a time, and nothing twice. Raises DisorderError."""
    free: dict[str, tuple[float, int]] = {}
    for one in sorted(sent, key=lambda one: one.began):
        place = number_of(one)
        for sku in baskets[place]:
            ended, before = free.get(sku, (one.began, -1))
            if one.began < ended or place <= before:
                raise DisorderError(one.key)
            free[sku] = (one.ended, place)
    if sorted(map(number_of, sent)) != list(range(len(baskets))):
        raise DisorderError("not each order once")


def number_of(one: Sent) -> int:
    return int(one.key.rpartition("-")[2])


async def measure(arena: Arena, load: Load) -> Makespan:
    async with arena.database() as url:

        async def there() -> Makespan:
            return await run_through(url, load)

        return await on_uvloop(there)


def loads(seed: int, *, quick: bool) -> list[Load]:
    """A fifth of the second that real books take: what the loop costs shows five times as much."""
    sizes = ((TYPICAL, 80), (SALE, 40)) if quick else ((TYPICAL, 400), (SALE, 200))
    return [Load(mix, count, 0.2, seed) for mix, count in sizes]


def ours(arena: Arena) -> Callable[[], Awaitable[Sample]]:
    seeds = itertools.count(1)

    async def run() -> Sample:
        spans = [await measure(arena, load) for load in loads(next(seeds), quick=arena.quick)]
        facts = [span.facts() for span in spans]
        return Sample(max(span.seconds / span.load.bound for span in spans), facts={"mixes": facts})

    return run


async def bound() -> Sample:
    return Sample(1.0)


def growth(arena: Arena) -> Callable[[], Awaitable[Mapping[str, Any]]]:
    async def run() -> Mapping[str, Any]:
        sale, zipf = (20, 40) if arena.quick else (100, 400)
        latencies = [Load(SALE, sale, latency, 1) for latency in (0.05, 0.1, 0.2, 0.5)]
        skews = [Load(Mix("zipf", skew), zipf, 0.1, 1) for skew in (0.0, 0.8, 1.0, 1.1, 1.3)]
        return {
            "growth": {
                "latency": [(await measure(arena, load)).facts() for load in latencies],
                "skew": [(await measure(arena, load)).facts() for load in skews],
            }
        }

    return run


def met(outcome: Outcome) -> bool:
    return outcome.ours.median <= AIM


async def bench(arena: Arena) -> Bench:
    settings = (
        f"one worker, {SLOTS} slots, orders of 1.7 lines over 5,000 SKUs, a create takes 200 ms, a look for a key "
        "nothing; per-SKU order checked; the worse of two mixes, another seed each round"
    )
    return Bench(
        name="schedule",
        unit="x lower bound",
        aim=f"<= {AIM:.2f} x max(critical path, work / slots)",
        better="lower",
        ours=Contender("sluice", "", settings, ours(arena)),
        references=[
            Contender("lower bound", "", "max(critical path of the lanes, work / slots), computed", bound)
        ],
        met=met,
        rounds=1 if arena.quick else 3,
        warm_up=False,
        extra=growth(arena),
    )
