"""The API as shipped, but what it accepts is stored nowhere: the most that its route, parsing and log allow.

With `--insert` each request is one INSERT and one commit through a pool instead.
"""

import itertools
import sys
from collections.abc import Sequence
from dataclasses import replace

import asyncpg

from app.cli.start import start
from app.db.session import encode, open_pool
from app.domain.message import Draft
from app.flows.receive import Store
from app.main import Running, Server, build, configuration, listen, open_state
from app.outbox.keys import Appended
from app.settings import Settings
from bench.accept_insert import CONNECTIONS, ROW, TABLE


def forgetting() -> Store:
    numbers = itertools.count(1)

    async def store(drafts: Sequence[Draft]) -> list[Appended]:
        return [Appended(next(numbers)) for _ in drafts]

    return store


def inserting(pool: asyncpg.Pool) -> Store:
    async def store(drafts: Sequence[Draft]) -> list[Appended]:
        return [
            Appended(await pool.fetchval(ROW, draft.source, encode(draft.body).encode())) for draft in drafts
        ]

    return store


def with_store(running: Running, store: Store) -> Running:
    state = running.state
    return replace(running, state=replace(state, intake=replace(state.intake, store=store)))


async def serve(settings: Settings) -> None:
    url = settings.database_url.get_secret_value()
    async with (
        open_state(settings) as opened,
        open_pool(url, size=CONNECTIONS, application="bench-insert") as pool,
    ):
        store = forgetting()
        if "--insert" in sys.argv:
            await pool.execute(TABLE)
            store = inserting(pool)
        running = with_store(opened, store)
        listener = listen(settings.http_host, settings.http_port)
        await Server(configuration(build(running.state)), running.draining).serve(sockets=[listener])


if __name__ == "__main__":
    start("api", serve)
