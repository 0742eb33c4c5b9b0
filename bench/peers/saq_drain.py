"""`fill URL JOBS`, `work URL`: SAQ, on Postgres or on Valkey as the URL says."""

import asyncio
import sys
from typing import Any

import uvloop
from cue import Tally, jobs_of
from saq import Job, Queue, Worker

CONCURRENCY = 100


def open_queue(url: str) -> Queue:
    if url.startswith("redis"):
        return Queue.from_url(url, name="drain", max_concurrent_ops=CONCURRENCY)
    return Queue.from_url(url, name="drain", min_size=4, max_size=20)


async def fill(url: str, path: str) -> None:
    queue = open_queue(url)
    await queue.connect()
    jobs = [Job("drain", kwargs=job) for job in jobs_of(path)]
    for first in range(0, len(jobs), 200):
        await asyncio.gather(*(queue.enqueue(job) for job in jobs[first : first + 200]))
    await queue.disconnect()


async def work(url: str) -> None:
    tally = Tally()

    async def drain(_context: Any, **_job: Any) -> None:
        tally.done += 1

    queue = open_queue(url)
    await queue.connect()
    worker: Worker[Any] = Worker(queue, [("drain", drain)], concurrency=CONCURRENCY)
    await tally.start()
    await worker.start()


if __name__ == "__main__":
    uvloop.run({"fill": fill, "work": work}[sys.argv[1]](*sys.argv[2:]))
