"""`fill URL JOBS`, `work URL`: procrastinate, each job under the lock of its first SKU."""

import sys
from typing import Any

import uvloop
from cue import Tally, jobs_of
from procrastinate import App, PsycopgConnector

CONCURRENCY = 10


def make_app(url: str, tally: Tally) -> App:
    app = App(connector=PsycopgConnector(conninfo=url, min_size=4, max_size=CONCURRENCY + 2))

    @app.task(name="drain")
    async def drain(**_job: Any) -> None:
        tally.done += 1

    return app


async def fill(url: str, path: str) -> None:
    app = make_app(url, Tally())
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        for job in jobs_of(path):
            await app.configure_task("drain", lock=job["skus"][0]).defer_async(**job)


async def work(url: str) -> None:
    tally = Tally()
    app = make_app(url, tally)
    async with app.open_async():
        await tally.start()
        await app.run_worker_async(
            concurrency=CONCURRENCY, install_signal_handlers=False, delete_jobs="always"
        )


if __name__ == "__main__":
    uvloop.run({"fill": fill, "work": work}[sys.argv[1]](*sys.argv[2:]))
