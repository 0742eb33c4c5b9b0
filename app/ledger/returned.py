"""Returns that channels asked for."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg


@dataclass(frozen=True, slots=True)
class ReturnAsked:
    """Fact: so many units of a line are to come back, for the channel's `reason` code."""

    connection: str
    id: str
    ref: str
    line: str
    units: int
    reason: str


@dataclass(frozen=True, slots=True)
class ReturnAcknowledged:
    """Fact: the channel knows that we deal with these. `at`: UTC."""

    connection: str
    ids: tuple[str, ...]
    at: datetime


async def unanswered(pool: asyncpg.Pool, connection: str, place: tuple[str, str]) -> dict[str, int]:
    """Of `place` (order, line): the returns that the channel has not heard of, id -> units as they were told last."""
    rows = await pool.fetch(
        """
        SELECT id, units FROM return_asked
        WHERE connection = $1 AND ref = $2 AND line_ref = $3 AND acknowledged_at IS NULL
        """,
        connection,
        *place,
    )
    return {row["id"]: row["units"] for row in rows}


async def answered(pool: asyncpg.Pool, connection: str, place: tuple[str, str]) -> bool:
    """Whether the channel heard of a return of `place` (order, line)."""
    found: bool = await pool.fetchval(
        """
        SELECT EXISTS (SELECT FROM return_asked
                       WHERE connection = $1 AND ref = $2 AND line_ref = $3 AND acknowledged_at IS NOT NULL)
        """,
        connection,
        *place,
    )
    return found


async def units_besides(pool: asyncpg.Pool, connection: str, place: tuple[str, str], id_: str) -> int:
    """Units of `place` (order, line) that other returns than this one ask for."""
    asked: int = await pool.fetchval(
        """
        SELECT coalesce(sum(units), 0)::bigint FROM return_asked
        WHERE connection = $1 AND ref = $2 AND line_ref = $3 AND id <> $4
        """,
        connection,
        *place,
        id_,
    )
    return asked


async def record(conn: asyncpg.Connection, fact: ReturnAsked) -> None:
    await conn.execute(
        """
        INSERT INTO return_asked (connection, id, ref, line_ref, units, reason) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (connection, id) DO UPDATE SET units = excluded.units, reason = excluded.reason
        """,
        fact.connection,
        fact.id,
        fact.ref,
        fact.line,
        fact.units,
        fact.reason,
    )


async def acknowledge(conn: asyncpg.Connection, fact: ReturnAcknowledged) -> None:
    await conn.execute(
        "UPDATE return_asked SET acknowledged_at = $3 WHERE connection = $1 AND id = ANY($2::text[])",
        fact.connection,
        list(fact.ids),
        fact.at,
    )
