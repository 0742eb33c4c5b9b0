"""Cost of a fresh message while others wait behind stuck lanes, against none waiting."""

import asyncio
import itertools
import random
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import asyncpg

from app.db.clock import DatabaseClock
from app.db.session import open_pool
from app.domain.message import Done, Outcome, Result
from app.flows import tend, work
from app.flows.context import Context
from app.flows.flow import Batch, Flow
from app.flows.signal import Signal
from bench import harness, stuck
from bench.arena import Arena, beside
from bench.baskets import Mix, draw
from bench.engine import BATCH, DESTINATION, KIND, POOL, fill, make_context
from bench.gateway import on_uvloop
from bench.harness import Bench, Contender, Sample
from bench.weigh import open_scale, weigh_all

SIZES = (0, 1_000, 100_000, 1_000_000)
STUCK = stuck.Flow(KIND, DESTINATION)
MIX = Mix("uniform", 0.0)
APPLIED = Done(Result.APPLIED)
AIM = 1.3


@dataclass(slots=True)
class Goal:
    left: int
    reached: asyncio.Event

    async def apply(self, _ctx: Context, batch: Batch) -> AsyncGenerator[Sequence[Outcome], None]:
        yield [Outcome(message, APPLIED) for message in batch.messages]
        self.left -= len(batch.messages)
        if self.left <= 0:
            self.reached.set()


@dataclass(frozen=True, slots=True)
class Yard:
    """A database for each size, made once; rounds leave only history behind."""

    arena: Arena
    sizes: Sequence[int]
    fresh: int
    rounds: "itertools.count[int]"

    def url(self, size: int) -> str:
        return beside(self.arena.database_url, f"blocked_{size}")

    async def build(self) -> None:
        now = datetime.now(UTC)
        for size in self.sizes:
            await self._admin(f"CREATE DATABASE blocked_{size} TEMPLATE bench_template")
            await stuck.obstruct(self.url(size), STUCK, now)
            await stuck.pile_up(self.url(size), STUCK, size)

    async def clear(self) -> None:
        for size in self.sizes:
            await self._admin(f"DROP DATABASE blocked_{size} WITH (FORCE)")

    async def _admin(self, statement: str) -> None:
        admin = await asyncpg.connect(self.arena.database_url)
        try:
            await admin.execute(statement)
        finally:
            await admin.close()

    def contender(self, size: int) -> Contender:
        settings = f"{size:,} messages behind {STUCK.lanes} stuck SKUs"
        return Contender(f"{size:,} blocked", "", settings, partial(self.round, size))

    async def round(self, size: int) -> Sample:
        number = next(self.rounds)
        baskets = draw(MIX, self.fresh, random.Random(number))  # noqa: S311 - shoppers
        jobs = [{"ref": f"{number}-{place}", "skus": basket} for place, basket in enumerate(baskets)]
        began = time.perf_counter()
        await fill(self.url(size), jobs)
        filled = time.perf_counter() - began
        seconds = await on_uvloop(partial(drain, self.url(size), len(jobs)))
        facts = {"append_us": round(filled / len(jobs) * 1e6), "per_second": round(len(jobs) / seconds)}
        return Sample(seconds / len(jobs) * 1e6, facts=facts)

    async def weights(self) -> Mapping[str, Any]:
        """What each verb costs at each size; then the databases are no longer needed."""
        found = {}
        for size in self.sizes:
            async with open_scale(self.url(size), self.arena.database_url) as scale:
                found[f"{size} blocked"] = await weigh_all(scale, STUCK, 5 if self.arena.quick else 15)
        await self.clear()
        return {"growth": found}


async def drain(url: str, count: int) -> float:
    """Seconds until a worker's loop has settled the last of them, its chores beside it."""
    goal, signal = Goal(count, asyncio.Event()), Signal()
    async with open_pool(url, size=POOL, by_key=True) as pool:
        clock = DatabaseClock()
        await clock.look(pool)
        ctx = make_context(pool, clock)
        ctx = replace(ctx, pace=replace(ctx.pace, patience=stuck.DAY))
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with asyncio.TaskGroup() as group:
            flow = Flow("noop", goal.apply, batch=BATCH)
            group.create_task(work._drain(ctx, signal, DESTINATION, {KIND: flow}))  # noqa: SLF001 - the loop itself
            group.create_task(tend.tend(ctx, signal))
            await goal.reached.wait()
            seconds = loop.time() - began
            signal.stop()
    return seconds


def met(outcome: harness.Outcome) -> bool:
    return all(outcome.ratio(name) <= AIM for name in outcome.references)


async def bench(arena: Arena) -> Bench:
    sizes = SIZES[:3] if arena.quick else SIZES
    yard = Yard(arena, sizes, 2_000 if arena.quick else 20_000, itertools.count())
    await yard.build()
    contenders = [yard.contender(size) for size in sizes]
    settings = (
        f"{contenders[-1].settings} (heads leased, in doubt or not due; patience of a day, or they would step aside); "
        f"{yard.fresh:,} fresh messages of 1.7 SKUs, no-op effect, one worker's loop with its chores"
    )
    return Bench(
        name="blocked",
        unit="us a message",
        aim=f"<= {AIM} x the cost with none blocked",
        better="lower",
        ours=replace(contenders[-1], name="sluice", settings=settings),
        references=contenders[:-1],
        met=met,
        rounds=1 if arena.quick else 5,
        extra=yard.weights,
    )
