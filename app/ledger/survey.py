"""What a person looks at first: exceptions, connections, the audit trail. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

FIRST_PAGE = 1 << 62


@dataclass(frozen=True, slots=True)
class Sought:
    """A filter over exceptions; `message_id` and `order_ref` narrow it to one story, `ids` to those."""

    code: str | None = None
    owner: str | None = None
    source: str | None = None
    order_ref: str | None = None
    message_id: int | None = None
    open: bool | None = True
    ids: Sequence[int] | None = None


@dataclass(frozen=True, slots=True)
class CaseRow:
    """`flag`: holds nothing up. `violations`: code, field, value, fix, owner, need."""

    id: int
    message_id: int | None
    source: str
    order_ref: str | None
    flag: bool
    code: str
    owner: str
    violations: list[dict[str, Any]]
    needs: list[str]
    opened_at: datetime
    closed_at: datetime | None
    resolution: str | None


@dataclass(frozen=True, slots=True)
class PollRow:
    poll: str
    cursor: dict[str, Any]
    horizon: datetime | None
    moved_at: datetime


@dataclass(frozen=True, slots=True)
class DestinationRow:
    """`resume_at` in the future: nothing is attempted until then. `slots`: requests at once."""

    name: str
    failures: int
    resume_at: datetime | None
    opened_at: datetime | None
    error: str | None
    slots: float


@dataclass(frozen=True, slots=True)
class AuditRow:
    id: int
    at: datetime
    actor: str
    action: str
    object: str
    detail: dict[str, Any]
    reason: str


_STANDING = {None: "true", True: "closed_at IS NULL", False: "closed_at IS NOT NULL"}


async def cases(
    pool: asyncpg.Pool, sought: Sought, *, before: int = FIRST_PAGE, limit: int = 50
) -> list[CaseRow]:
    """The newest first."""
    rows = await pool.fetch(
        f"""
        SELECT id, message_id, source, order_ref, flag, code, owner, violations, needs, opened_at, closed_at, resolution
        FROM exception_case
        WHERE id < $1 AND ($3::text IS NULL OR code = $3) AND ($4::text IS NULL OR owner = $4)
          AND ($5::text IS NULL OR source = $5) AND ($6::text IS NULL OR order_ref = $6)
          AND ($7::bigint IS NULL OR message_id = $7)
          AND ($8::bigint[] IS NULL OR id = ANY($8)) AND {_STANDING[sought.open]}
        ORDER BY id DESC LIMIT $2
        """,  # noqa: S608 - one of three constants, so that what is open is found by its index
        before,
        limit,
        sought.code,
        sought.owner,
        sought.source,
        sought.order_ref,
        sought.message_id,
        sought.ids,
    )
    return [CaseRow(**dict(row)) for row in rows]


async def case(pool: asyncpg.Pool, case_id: int) -> CaseRow | None:
    row = await pool.fetchrow(
        """
        SELECT id, message_id, source, order_ref, flag, code, owner, violations, needs, opened_at, closed_at, resolution
        FROM exception_case WHERE id = $1
        """,
        case_id,
    )
    return CaseRow(**dict(row)) if row else None


async def polls(pool: asyncpg.Pool, connection: str) -> list[PollRow]:
    rows = await pool.fetch(
        "SELECT poll, cursor, horizon, moved_at FROM poll_cursor WHERE connection = $1 ORDER BY poll",
        connection,
    )
    return [PollRow(**dict(row)) for row in rows]


async def destinations(pool: asyncpg.Pool) -> list[DestinationRow]:
    rows = await pool.fetch(
        "SELECT name, failures, resume_at, opened_at, error, slots FROM destination ORDER BY name"
    )
    return [DestinationRow(**dict(row)) for row in rows]


async def last_event(pool: asyncpg.Pool, destination: str, connection: str) -> datetime | None:
    """Receipt of the newest notice of a connection, among the newest 100,000 messages."""
    found: datetime | None = await pool.fetchval(
        """
        SELECT received_at FROM message
        WHERE id > (SELECT last_value FROM message_id_seq) - 100000 AND cls = 'notice'
          AND destination = $1 AND source = $2
        ORDER BY id DESC LIMIT 1
        """,
        destination,
        connection,
    )
    return found


async def audit(
    pool: asyncpg.Pool, given: Sequence[str | None], *, before: int = FIRST_PAGE, limit: int = 50
) -> list[AuditRow]:
    """`given`: actor, action, object; None is any. The newest first."""
    rows = await pool.fetch(
        """
        SELECT id, at, actor, action, object, detail, reason FROM audit
        WHERE id < $1 AND ($3::text IS NULL OR actor = $3) AND ($4::text IS NULL OR action = $4)
          AND ($5::text IS NULL OR object = $5)
        ORDER BY id DESC LIMIT $2
        """,
        before,
        limit,
        *given,
    )
    return [AuditRow(**dict(row)) for row in rows]
