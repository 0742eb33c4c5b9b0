"""How far each poll has read."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg


@dataclass(frozen=True, slots=True)
class CursorMoved:
    """Fact: the poll has read up to here. `horizon`: how far that is in the channel's history, UTC."""

    connection: str
    poll: str
    cursor: dict[str, Any]
    horizon: datetime | None


async def read(pool: asyncpg.Pool, connection: str, poll: str) -> dict[str, Any]:
    row = await pool.fetchrow(
        "SELECT cursor FROM poll_cursor WHERE connection = $1 AND poll = $2", connection, poll
    )
    return dict(row["cursor"]) if row else {}


async def record(conn: asyncpg.Connection, fact: CursorMoved) -> None:
    await conn.execute(
        """
        INSERT INTO poll_cursor AS kept (connection, poll, cursor, horizon) VALUES ($1, $2, $3, $4)
        ON CONFLICT (connection, poll) DO UPDATE SET cursor = excluded.cursor, moved_at = now(),
            horizon = coalesce(excluded.horizon, kept.horizon)
        """,
        fact.connection,
        fact.poll,
        fact.cursor,
        fact.horizon,
    )
