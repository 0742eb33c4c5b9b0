"""Remap: a mapping is written, and all that waited on its table is released with it, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from app.domain.rows import Row
from app.flows.release import lanes_for
from app.ledger import audit
from app.mappings.read import load
from app.mappings.write import Change, apply, put
from app.outbox import replay as outbox
from app.outbox.enter import enter_all


@dataclass(frozen=True, slots=True)
class Remapped:
    """`messages`: ids released, in order. What is still unmapped parks again, with what is still missing."""

    change: Change
    messages: tuple[int, ...]


async def remap(
    pool: asyncpg.Pool, table: str, rows: Sequence[Row], *, actor: str, reason: str, whole: bool = False
) -> Remapped:
    """`whole`: the table becomes `rows`; else they are added or replaced. Raises RefusedError with every problem."""
    async with pool.acquire() as conn, conn.transaction():
        write = apply if whole else put
        change = await write(conn, table, rows, actor=actor, reason=reason)
        released: list[int] = []
        if change.version is not None or change.difference.removed:
            waiting = await waits_on(conn, table)
            released = await outbox.release(conn, await lanes_for(conn, waiting, await load(conn)))
            await audit.note(
                conn,
                actor,
                "mappings.write",
                table,
                reason=reason,
                added=len(change.difference.added),
                changed=len(change.difference.changed),
                removed=len(change.difference.removed),
                messages=released,
            )
    await enter_all(pool)
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
