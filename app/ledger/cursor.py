"""How far each poll has read, and how often it was asked to look."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg


@dataclass(frozen=True, slots=True)
class CursorMoved:
    """Fact: the poll has read up to here. `horizon`: how far that is in the channel's history, UTC. `heard`: the hints when
    the walk began that goes on from here; None if none does.
    """

    connection: str
    poll: str
    cursor: dict[str, Any]
    horizon: datetime | None
    heard: int | None = None


@dataclass(frozen=True, slots=True)
class Hinted:
    """Fact: somebody told that something happened in the channel."""

    connection: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a poll goes on. `hints`: of its connection until now; `heard`: those when its walk began, which may be now."""

    cursor: dict[str, Any]
    hints: int
    heard: int


async def read(pool: asyncpg.Pool, connection: str, poll: str) -> Place:
    row = await pool.fetchrow(
        """
        SELECT p.cursor, coalesce(h.hints, 0) AS hints, coalesce(p.heard, h.hints, 0) AS heard
        FROM (SELECT $1::text AS connection) AS asked
        LEFT JOIN poll_cursor AS p ON p.connection = asked.connection AND p.poll = $2
        LEFT JOIN channel_hint AS h ON h.connection = asked.connection
        """,
        connection,
        poll,
    )
    return Place(dict(row["cursor"] or {}), row["hints"], row["heard"])


async def record(conn: asyncpg.Connection, fact: CursorMoved) -> None:
    await conn.execute(
        """
        INSERT INTO poll_cursor AS kept (connection, poll, cursor, horizon, heard) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (connection, poll) DO UPDATE SET cursor = excluded.cursor, moved_at = now(),
            horizon = coalesce(excluded.horizon, kept.horizon), heard = excluded.heard
        """,
        fact.connection,
        fact.poll,
        fact.cursor,
        fact.horizon,
        fact.heard,
    )


async def hint(conn: asyncpg.Connection, fact: Hinted) -> None:
    await conn.execute(
        """
        INSERT INTO channel_hint AS kept (connection, hints) VALUES ($1, 1)
        ON CONFLICT (connection) DO UPDATE SET hints = kept.hints + 1
        """,
        fact.connection,
    )
