"""Remap: a mapping is written, and all that waited on its table is released with it, in one transaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import asyncpg

from app.domain.row import Row
from app.flows.release import lanes_for
from app.ledger import audit
from app.mappings.read import load, read_table
from app.mappings.write import LOCK, Change, apply, put
from app.outbox import replay as outbox
from app.outbox.enter import enter_all


@dataclass(frozen=True, slots=True)
class Remapped:
    """`messages`: ids released, in order. What is still unmapped parks again, with what is still missing."""

    change: Change
    messages: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Edit:
    """`whole`: the table becomes `rows`; otherwise they are added, or replace those of their keys. `check` is shown the
    table as it is, once nobody else can change it, and raises to leave it so.
    """

    table: str
    rows: Sequence[Row]
    actor: str
    reason: str
    whole: bool = False
    check: Callable[[Sequence[Row]], None] | None = None


async def edit(pool: asyncpg.Pool, wanted: Edit) -> Remapped:
    """Raises RefusedError with every problem."""
    write = apply if wanted.whole else put
    async with pool.acquire() as conn, conn.transaction():
        if wanted.check is not None:
            await conn.execute(LOCK)
            wanted.check(await read_table(conn, wanted.table))
        change = await write(conn, wanted.table, wanted.rows, actor=wanted.actor, reason=wanted.reason)
        done = await _released(conn, change)
    await enter_all(pool)
    return done


async def remap(pool: asyncpg.Pool, table: str, rows: Sequence[Row], *, actor: str, reason: str) -> Remapped:
    """Adds rows, or replaces those of their keys. Raises RefusedError with every problem."""
    return await edit(pool, Edit(table, rows, actor, reason))


async def replace_table(
    pool: asyncpg.Pool, table: str, rows: Sequence[Row], *, actor: str, reason: str
) -> Remapped:
    """The table becomes `rows`: what is not among them goes. Raises RefusedError with every problem."""
    return await edit(pool, Edit(table, rows, actor, reason, whole=True))


async def _released(conn: asyncpg.Connection, change: Change) -> Remapped:
    difference = change.difference
    if not (difference.added or difference.changed or difference.removed):
        return Remapped(change, ())
    waiting = await waits_on(conn, difference.table)
    released = await outbox.release(conn, await lanes_for(conn, waiting, await load(conn)))
    await audit.note(
        conn,
        change.actor,
        "mappings.write",
        difference.table,
        reason=change.reason,
        added=[row.key for row in difference.added],
        changed=[row.key for _, row in difference.changed],
        removed=[row.key for row in difference.removed],
        messages=released,
    )
    return Remapped(change, tuple(released))


async def waits_on(conn: asyncpg.Connection, table: str) -> list[int]:
    """Parked messages that a row of this table might mend, oldest first."""
    rows = await conn.fetch(
        """
        SELECT DISTINCT message_id FROM exception_case
        WHERE closed_at IS NULL AND NOT flag AND needs @> ARRAY[$1] AND message_id IS NOT NULL ORDER BY message_id
        """,
        table,
    )
    return [row["message_id"] for row in rows]
