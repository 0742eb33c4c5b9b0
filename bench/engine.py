"""`python -m bench.engine work URL`: one worker process of ours, whose one flow does nothing. Speaks as the peers do."""

import asyncio
import os
import random
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from functools import partial
from typing import Any, NoReturn

import asyncpg
import uvloop
from prometheus_client import CollectorRegistry

from app.db.clock import DatabaseClock
from app.db.session import open_pool
from app.domain.erp import Erp
from app.domain.message import Done, Draft, MessageClass, Outcome, Result
from app.flows import tend, work
from app.flows.context import Context, Pace
from app.flows.flow import Batch, Flow
from app.flows.signal import Signal
from app.mappings.shelf import Shelf
from app.outbox.append import append
from app.telemetry.catalogue import make_metrics
from app.telemetry.logs import configure_logging
from app.telemetry.words import Role
from bench.peers.cue import Tally

SLOTS = 8
BATCH = 200
POOL = 10
KIND = "bench.noop"
DESTINATION = "bench:main"
APPLIED = Done(Result.APPLIED)


async def fill(url: str, jobs: Sequence[Mapping[str, Any]]) -> None:
    """Appends as the gateway does, and tells the destination's adaptive slots that all went well so far."""
    async with open_pool(url, size=1, by_key=True) as pool:
        await pool.execute(
            "INSERT INTO destination (name, slots) VALUES ($1, $2) ON CONFLICT DO NOTHING", DESTINATION, SLOTS
        )
        for first in range(0, len(jobs), BATCH):
            async with pool.acquire() as conn, conn.transaction():
                await append(conn, [draft_of(job) for job in jobs[first : first + BATCH]])
        await pool.execute("ANALYZE")


def draft_of(job: Mapping[str, Any]) -> Draft:
    """An effect that stands in the lane of its order and of each SKU."""
    return Draft(
        kind=KIND,
        cls=MessageClass.EFFECT,
        destination=DESTINATION,
        source="bench",
        key=f"bench/{job['ref']}",
        order_ref=str(job["ref"]),
        skus=tuple(job["skus"]),
        body=dict(job),
    )


async def serve(url: str) -> None:
    """The worker's own loop and chores, until the bench is gone."""
    tally, signal, clock = Tally(), Signal(), DatabaseClock()
    async with open_pool(url, size=POOL, application="sluice-worker", by_key=True) as pool:
        await clock.look(pool)
        ctx = make_context(pool, clock)
        flow = Flow("noop", partial(apply, tally), batch=BATCH)
        await tally.start()
        async with asyncio.TaskGroup() as group:
            group.create_task(work._drain(ctx, signal, DESTINATION, {KIND: flow}))  # noqa: SLF001 - the loop itself
            group.create_task(tend.tend(ctx, signal))


async def apply(tally: Tally, _ctx: Context, batch: Batch) -> AsyncGenerator[Sequence[Outcome], None]:
    yield [Outcome(message, APPLIED) for message in batch.messages]
    tally.done += len(batch.messages)


def make_context(pool: asyncpg.Pool, clock: DatabaseClock) -> Context:
    books = Erp("bench", "main", facts=_silent, probe=_silent, place=_silent, preflight=_silent, slots=SLOTS)
    metrics = make_metrics(CollectorRegistry(), Role.WORKER)
    rng = random.SystemRandom()
    return Context(pool, clock, rng, {}, books, Shelf(pool), metrics, Pace(), f"bench:{os.getpid()}")


async def _silent(*_given: object) -> NoReturn:
    raise NotImplementedError("nobody is asked anything here")


if __name__ == "__main__":
    configure_logging("worker", sys.stderr)
    uvloop.run(serve(sys.argv[2]))
