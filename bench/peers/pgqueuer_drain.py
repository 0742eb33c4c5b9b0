"""`fill URL JOBS`, `work URL`: pgqueuer, as its performance page and its own benchmark have it."""

import asyncio
import json
import sys
from contextlib import AsyncExitStack

import asyncpg
import uvloop
from cue import Tally, jobs_of
from pgqueuer.db import AsyncpgDriver
from pgqueuer.models import Job
from pgqueuer.qm import QueueManager
from pgqueuer.queries import Queries

BATCH = 100
LOOPS = 5


async def fill(url: str, path: str) -> None:
    connection = await asyncpg.connect(url)
    queries = Queries(AsyncpgDriver(connection))
    await queries.install()
    await queries.optimize_autovacuum()
    bodies: list[bytes | None] = [json.dumps(job).encode() for job in jobs_of(path)]
    for first in range(0, len(bodies), 1000):
        part = bodies[first : first + 1000]
        await queries.enqueue(["drain"] * len(part), part, [0] * len(part))
    await connection.close()


async def work(url: str) -> None:
    tally = Tally()
    async with AsyncExitStack() as stack:
        managers = []
        for _ in range(LOOPS):
            connection = await asyncpg.connect(url)
            stack.push_async_callback(connection.close)
            manager = QueueManager(Queries(AsyncpgDriver(connection)))

            @manager.entrypoint("drain")
            async def drain(_job: Job) -> None:
                tally.done += 1

            managers.append(manager)
        await tally.start()
        await asyncio.gather(*(manager.run(batch_size=BATCH) for manager in managers))


if __name__ == "__main__":
    uvloop.run({"fill": fill, "work": work}[sys.argv[1]](*sys.argv[2:]))
