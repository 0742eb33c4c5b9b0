"""The ERP's numbers as channels are told them: one of a kind in each account, whatever company or connection they are of
(R-37).
"""

from dataclasses import dataclass
from datetime import datetime

import asyncpg


@dataclass(frozen=True, slots=True)
class Reference:
    """`account`: within which numbers are unique; `ref`: the order that is to bear the number."""

    account: str
    number: str
    connection: str
    ref: str


@dataclass(frozen=True, slots=True)
class Filed:
    """Fact: a file that tells the number lies ready since `at`, UTC."""

    reference: Reference
    at: datetime


@dataclass(frozen=True, slots=True)
class Taken:
    """Who bears the number. `filed_at`: see `Filed`."""

    connection: str
    ref: str
    filed_at: datetime | None


async def take(pool: asyncpg.Pool, wanted: Reference) -> Taken:
    """The first to ask keeps a number, also where two ask at once: the primary key decides."""
    await pool.execute(
        """
        INSERT INTO reference_taken (account, number, connection, ref) VALUES ($1, $2, $3, $4)
        ON CONFLICT (account, number) DO NOTHING
        """,
        wanted.account,
        wanted.number,
        wanted.connection,
        wanted.ref,
    )
    row = await pool.fetchrow(
        "SELECT connection, ref, filed_at FROM reference_taken WHERE account = $1 AND number = $2",
        wanted.account,
        wanted.number,
    )
    return Taken(row["connection"], row["ref"], row["filed_at"])


async def file(conn: asyncpg.Connection, fact: Filed) -> None:
    await _file(conn, fact.reference, fact.at)


async def unfile(pool: asyncpg.Pool, reference: Reference) -> None:
    """The file was refused, or nobody took it: a retry writes it anew."""
    await _file(pool, reference, None)


async def _file(conn: asyncpg.Connection | asyncpg.Pool, reference: Reference, at: datetime | None) -> None:
    await conn.execute(
        "UPDATE reference_taken SET filed_at = $3 WHERE account = $1 AND number = $2",
        reference.account,
        reference.number,
        at,
    )
