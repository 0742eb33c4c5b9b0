"""Exception cases: opened by a park or by a flag, closed when their cause is gone."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import asyncpg

from app.db.session import encode
from app.domain.message import Claimed, Violation

LOCKED = "E-LOCKED"
"""A flag that ends with what it tells of: a lock that a message waited for."""


@dataclass(frozen=True, slots=True)
class Case:
    """`message_id` is None for a flag that no message waits for."""

    message_id: int | None
    source: str
    order_ref: str | None
    violations: tuple[Violation, ...]
    flag: bool = False


@dataclass(frozen=True, slots=True)
class Cleared:
    """Flags of this code on an order have lost their cause."""

    source: str
    order_ref: str
    code: str


async def clear(conn: asyncpg.Connection, cleared: Cleared) -> None:
    await conn.execute(
        """
        UPDATE exception_case SET closed_at = now(), resolution = 'cleared'
        WHERE source = $1 AND order_ref = $2 AND code = $3 AND flag AND closed_at IS NULL
        """,
        cleared.source,
        cleared.order_ref,
        cleared.code,
    )


async def open_cases(conn: asyncpg.Connection, cases: Sequence[Case]) -> None:
    """One case each, under its first violation's code and owner; all violations are in it."""
    await conn.execute(
        """
        INSERT INTO exception_case (message_id, source, order_ref, flag, code, owner, violations, needs)
        SELECT message_id, source, order_ref, flag, code, owner, violations::jsonb,
               ARRAY(SELECT DISTINCT v ->> 'need' FROM jsonb_array_elements(violations::jsonb) AS v
                     WHERE v ->> 'need' IS NOT NULL)
        FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bool[], $5::text[], $6::text[], $7::text[])
            AS given(message_id, source, order_ref, flag, code, owner, violations)
        """,
        [case.message_id for case in cases],
        [case.source for case in cases],
        [case.order_ref for case in cases],
        [case.flag for case in cases],
        [case.violations[0].code for case in cases],
        [case.violations[0].owner.value for case in cases],
        [encode([asdict(violation) for violation in case.violations]) for case in cases],
    )


async def close_cases(conn: asyncpg.Connection, message_ids: Sequence[int], resolution: str) -> int:
    """Closes what is open for these messages; flags stay, they hold nothing up and are closed by a person."""
    rows = await conn.fetch(
        """
        UPDATE exception_case SET closed_at = now(), resolution = $2
        WHERE message_id = ANY($1::bigint[]) AND closed_at IS NULL AND NOT flag RETURNING id
        """,
        list(message_ids),
        resolution,
    )
    return len(rows)


async def flag_lock(conn: asyncpg.Connection, case: Case) -> None:
    """Once for a message: not while the flag is open, nor after a person said that it is known."""
    known = await conn.fetchval(
        """
        SELECT EXISTS (SELECT FROM exception_case WHERE source = $1 AND order_ref = $2 AND message_id = $3 AND code = $4
                       AND (closed_at IS NULL OR resolution = 'acknowledged'))
        """,
        case.source,
        case.order_ref,
        case.message_id,
        LOCKED,
    )
    if not known:
        await open_cases(conn, [case])


async def unflag_locks(conn: asyncpg.Connection, message_ids: Sequence[int]) -> None:
    """The lock is gone, whatever became of the message then."""
    await conn.execute(
        """
        UPDATE exception_case SET closed_at = now(), resolution = 'unlocked'
        WHERE message_id = ANY($1::bigint[]) AND closed_at IS NULL AND flag AND code = $2
        """,
        list(message_ids),
        LOCKED,
    )


async def rename(conn: asyncpg.Connection, message_ids: Sequence[int], resolution: str) -> None:
    """What was closed for these messages in this very transaction ended in another way than by itself."""
    await conn.execute(
        """
        UPDATE exception_case SET resolution = $2
        WHERE message_id = ANY($1::bigint[]) AND closed_at = now() AND resolution = 'settled'
        """,
        list(message_ids),
        resolution,
    )


async def acknowledge(conn: asyncpg.Connection, case_ids: Sequence[int]) -> list[int]:
    """Flags that a person has seen; answers those that were still open."""
    rows = await conn.fetch(
        """
        WITH held AS (
            SELECT id FROM exception_case
            WHERE id = ANY($1::bigint[]) AND closed_at IS NULL AND flag ORDER BY id FOR UPDATE
        )
        UPDATE exception_case AS e SET closed_at = now(), resolution = 'acknowledged'
        FROM held WHERE e.id = held.id RETURNING e.id
        """,
        list(case_ids),
    )
    return [row["id"] for row in rows]


async def flags_of(pool: asyncpg.Pool, source: str, code: str) -> dict[int, str]:
    """Flag -> value, of a code that no message waits for: those that are open, and those that a person has seen."""
    rows = await pool.fetch(
        """
        SELECT id, violations -> 0 ->> 'value' AS value FROM exception_case
        WHERE source = $1 AND code = $2 AND flag AND message_id IS NULL
          AND (closed_at IS NULL OR resolution = 'acknowledged')
        """,
        source,
        code,
    )
    return {row["id"]: row["value"] for row in rows}


async def end_flags(pool: asyncpg.Pool, case_ids: Sequence[int]) -> None:
    """What they were about is mended: one that a person has seen says nothing of the next of its kind."""
    await pool.execute(
        """
        UPDATE exception_case SET closed_at = coalesce(closed_at, now()), resolution = 'mended'
        WHERE id = ANY($1::bigint[]) AND (closed_at IS NULL OR resolution = 'acknowledged')
        """,
        list(case_ids),
    )


async def was_looked_at(pool: asyncpg.Pool, message: Claimed, code: str) -> bool:
    """Whether a person has let it go from a case of this code since it was last sent: then nothing is there."""
    found: bool = await pool.fetchval(
        """
        SELECT EXISTS (
            SELECT FROM exception_case WHERE source = $3 AND message_id = $1 AND code = $2 AND resolution = 'released'
            AND closed_at > (SELECT max(at) FROM intent WHERE message_id = $1)
        )
        """,
        message.id,
        code,
        message.source,
    )
    return found


async def was_told(pool: asyncpg.Pool, source: str, order_ref: str, code: str) -> bool:
    """Whether people saw this code at the order, or still do."""
    found: bool = await pool.fetchval(
        "SELECT EXISTS (SELECT FROM exception_case WHERE source = $1 AND order_ref = $2 AND code = $3)",
        source,
        order_ref,
        code,
    )
    return found


async def was_released(pool: asyncpg.Pool, message: Claimed) -> bool:
    """Whether a person has let it go again after it was parked."""
    found: bool = await pool.fetchval(
        """
        SELECT EXISTS (SELECT FROM exception_case
                       WHERE source = $1 AND order_ref = $2 AND message_id = $3 AND resolution = 'released')
        """,
        message.source,
        message.order_ref,
        message.id,
    )
    return found
