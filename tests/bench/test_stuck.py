from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg
import pytest

from app.db.session import open_pool
from app.outbox.append import append
from bench.stuck import Flow, obstruct, pile_up

FLOW = Flow("bench.noop", "bench:main")
COUNT = 60
PASSING = {"received_at", "created_at", "waits_since"}
NOW = datetime.now(UTC)
TABLES = {
    "message": "id",
    "message_state": "id",
    "idempotency_key": "key",
    "lane": "key",
    "ticket": "lane, ticket",
}


@pytest.fixture
async def other_url(servers: tuple[str, str], template: str) -> AsyncIterator[str]:
    """A second database like the first."""
    admin = await asyncpg.connect(servers[0])
    await admin.execute(f"CREATE DATABASE beside_it TEMPLATE {template}")
    yield f"{servers[0].rpartition('/')[0]}/beside_it"
    await admin.execute("DROP DATABASE beside_it WITH (FORCE)")
    await admin.close()


async def contents(pool: asyncpg.Pool) -> dict[str, list[dict]]:
    """Rows without their times; places in lanes by rank, since numbers may have gaps."""
    held = {}
    for table, order in TABLES.items():
        rows = await pool.fetch(f"SELECT * FROM {table} ORDER BY {order}")
        held[table] = [{name: value for name, value in row.items() if name not in PASSING} for row in rows]
    numbers = {row["ticket"] for row in held["ticket"]}
    rank = {number: place for place, number in enumerate(sorted(numbers))}
    for row in held["message_state"] + held["ticket"]:
        for name in {"ticket", "order_ticket"} & row.keys():
            row[name] = rank.get(row[name])
    return held


async def test_what_is_written_in_bulk_is_what_append_leaves(database_url: str, other_url: str) -> None:
    async with open_pool(database_url, size=2) as bulk, open_pool(other_url, size=2) as appended:
        for url in (database_url, other_url):
            await obstruct(url, FLOW, NOW)
        await pile_up(database_url, FLOW, COUNT)
        for number in range(COUNT):
            async with appended.acquire() as conn, conn.transaction():
                await append(conn, [FLOW.behind(number)])
        assert await contents(bulk) == await contents(appended)
        assert (await bulk.fetchval("SELECT count(*) FROM message_state")) == FLOW.lanes + COUNT


async def test_what_waits_behind_is_never_due(database_url: str, pool: asyncpg.Pool) -> None:
    await obstruct(database_url, FLOW, NOW)
    await pile_up(database_url, FLOW, COUNT)
    rows = await pool.fetch("SELECT state, count(*) FROM message_state GROUP BY state ORDER BY state")
    states = {row["state"]: row["count"] for row in rows}
    assert states == {"in_doubt": 66, "leased": 66, "ready": 68, "waiting": COUNT}
    assert not await pool.fetchval(
        "SELECT count(*) FROM message_state WHERE state IN ('ready', 'in_doubt') AND due_at <= now()"
    )
