"""Withdraw: messages leave their `sku:` lanes without being done."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from app.outbox import tickets
from app.outbox.conclude import conclude, mark_dirty


async def step_aside(pool: asyncpg.Pool, ids: Sequence[int], reason: str) -> int:
    """Takes messages in doubt out of their lanes; adopting needs no way back, a re-send enters first. Raises MovedError
    if one of them is being probed by now, or was answered: what may be sent must not lose its place.
    """
    async with pool.acquire() as conn, conn.transaction():
        rows = await _held(conn, ids)
        await tickets.lock(conn, {lane for row in rows for lane in row["lanes"]})
        places = [(lane, row["ticket"]) for row in rows for lane in row["lanes"]]
        freed = await tickets.leave(conn, places)
        now, _ = await conclude(conn, [row["id"] for row in rows], {}, (), freed)
        doubtful = {number: row["ticket"] for number, row in now.items() if row["state"] == "in_doubt"}
        if any(doubtful.get(row["id"]) != row["ticket"] for row in rows):
            raise tickets.MovedError
        await conn.execute(
            """
            UPDATE message_state SET ticket = NULL, entered = false, aside = $2 WHERE id = ANY($1::bigint[])
            """,
            [row["id"] for row in rows],
            reason,
        )
        await mark_dirty(conn, [row["id"] for row in rows])
        await tickets.sweep(conn, {lane for lane, _ in places})
        return len(rows)


async def _held(conn: asyncpg.Connection, ids: Sequence[int]) -> list[asyncpg.Record]:
    rows: list[asyncpg.Record] = await conn.fetch(
        """
        SELECT id, lanes, ticket FROM message_state
        WHERE id = ANY($1::bigint[]) AND state = 'in_doubt' AND ticket IS NOT NULL
        """,
        list(ids),
    )
    return rows


async def impatient(pool: asyncpg.Pool, before: datetime) -> list[int]:
    """Messages in doubt that have held `sku:` lanes since before `before`."""
    rows = await pool.fetch(
        """
        SELECT id FROM message_state WHERE state = 'in_doubt' AND ticket IS NOT NULL AND failed_since < $1 ORDER BY id
        """,
        before,
    )
    return [row["id"] for row in rows]
