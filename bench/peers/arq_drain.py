"""`fill URL JOBS`, `work URL`: arq, kept as light as its settings allow."""

import asyncio
import sys
from typing import Any

import uvloop
from arq import create_pool
from arq.connections import RedisSettings
from arq.worker import Worker, func
from cue import Tally, jobs_of

JOBS = 100


async def fill(url: str, path: str) -> None:
    pool = await create_pool(RedisSettings.from_dsn(url))
    jobs = jobs_of(path)
    for first in range(0, len(jobs), 200):
        await asyncio.gather(*(pool.enqueue_job("drain", **job) for job in jobs[first : first + 200]))
    await pool.aclose()


async def work(url: str) -> None:
    tally = Tally()

    async def drain(_context: Any, **_job: Any) -> None:
        tally.done += 1

    worker = Worker(
        functions=[func(drain, name="drain", keep_result=0, max_tries=1)],
        redis_settings=RedisSettings.from_dsn(url),
        max_jobs=JOBS,
        poll_delay=0.01,
        keep_result=0,
        handle_signals=False,
        log_results=False,
    )
    await tally.start()
    await worker.async_run()


if __name__ == "__main__":
    uvloop.run({"fill": fill, "work": work}[sys.argv[1]](*sys.argv[2:]))
