"""What one verb of the engine costs: time, and pages of Postgres that it touched."""

import random
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count

import asyncpg

from app.db.session import open_pool
from app.domain.message import Claimed, Done, Outcome, Result
from app.outbox.append import append
from app.outbox.claim import claim
from app.outbox.enter import enter_due
from app.outbox.repair import repair
from app.outbox.rescue import rescue
from app.outbox.room import Claim, Limits, Want
from app.outbox.settle import settle
from app.outbox.verdict import Rules
from app.outbox.withdraw import impatient
from bench.stuck import DAY, Flow

Verb = Callable[[], Awaitable[object]]
APPLIED = Done(Result.APPLIED)


@dataclass(frozen=True, slots=True)
class Scale:
    """`pool`: of one connection, so that its counts are all there is. `watcher`: on another database."""

    pool: asyncpg.Pool
    watcher: asyncpg.Connection
    database: str

    async def weigh(self, verb: Verb) -> tuple[float, int]:
        """Milliseconds and pages."""
        before = await self._pages()
        began = time.perf_counter()
        await verb()
        seconds = time.perf_counter() - began
        return seconds * 1000, await self._pages() - before

    async def _pages(self) -> int:
        await self.pool.execute("SELECT pg_stat_force_next_flush()")
        pages: int = await self.watcher.fetchval(
            "SELECT blks_hit + blks_read FROM pg_stat_database WHERE datname = $1", self.database
        )
        return pages


@asynccontextmanager
async def open_scale(url: str, watching: str) -> AsyncIterator[Scale]:
    """`watching`: URL of another database of the same server."""
    watcher = await asyncpg.connect(watching)
    try:
        async with open_pool(url, size=1) as pool:
            yield Scale(pool, watcher, url.rpartition("/")[2])
    finally:
        await watcher.close()


@dataclass(slots=True)
class Hand:
    """One fresh message at a time, through append, claim and settle."""

    pool: asyncpg.Pool
    flow: Flow
    numbers: "count[int]"
    held: list[Claimed]

    async def append(self) -> None:
        number = next(self.numbers)
        draft = self.flow.draft(f"weighed-{number}", (f"WEIGHED{number}",))
        async with self.pool.acquire() as conn, conn.transaction():
            await append(conn, [draft])

    async def claim(self) -> None:
        who = Claim(self.flow.destination, "bench", datetime.now(UTC), timedelta(seconds=90))
        batches = await claim(self.pool, [Want(self.flow.kind)], Limits(8, None, 5), who)
        self.held = [message for _, batch in batches for message in batch]

    async def settle(self) -> None:
        rules = Rules(datetime.now(UTC), random.Random(1))  # noqa: S311 - jitter
        async with self.pool.acquire() as conn, conn.transaction():
            await settle(conn, [Outcome(message, APPLIED) for message in self.held], (), rules)

    def verbs(self) -> Mapping[str, Verb]:
        """One that finds nothing to do, those that a message meets in turn, then a worker's chores."""
        now = datetime.now(UTC)
        return {
            "claim in vain": self.claim,
            "append": self.append,
            "claim": self.claim,
            "settle": self.settle,
            "enter due": lambda: enter_due(self.pool, now),
            "rescue": lambda: rescue(self.pool, now, settle_delay=timedelta(seconds=DAY)),
            "step aside": lambda: impatient(self.pool, now - timedelta(seconds=DAY)),
            "repair": lambda: repair(self.pool),
        }


async def weigh_all(scale: Scale, flow: Flow, repeats: int) -> dict[str, dict[str, float]]:
    """Medians, after one turn that fills the caches."""
    verbs = Hand(scale.pool, flow, count(1), []).verbs()
    turns = [{name: await scale.weigh(verb) for name, verb in verbs.items()} for _ in range(repeats + 1)][1:]
    return {
        name: {
            "ms": round(statistics.median(turn[name][0] for turn in turns), 2),
            "pages": statistics.median(turn[name][1] for turn in turns),
        }
        for name in verbs
    }
