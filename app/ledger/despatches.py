"""Despatches that one side has and the other lacks: which, since when, and why they wait (R-52). Reads only."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg

from app.domain.sheet import write_sheet
from app.ledger.find import Name
from app.telemetry.words import DespatchDirection

Place = tuple[datetime, str, str, str, str]
"""Where a page begins: since, direction, connection, ref, name."""
FIRST: Place = (datetime.min.replace(tzinfo=UTC), "", "", "", "")
COLUMNS = (
    *("direction", "connection", "ref", "document_no", "name", "where", "goods", "since", "why", "note"),
    *("code", "exception_id"),
)

OPEN = """
SELECT 'to_channel' AS direction, connection, ref, note AS name, erp, goods, seen_at AS since
FROM despatch_seen WHERE told_at IS NULL
UNION ALL SELECT 'to_erp', connection, ref, shipment, NULL, goods, seen_at FROM shipped WHERE confirmed_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class DespatchRow:
    """`name`: the ERP's despatch note or the channel's shipment; `goods`: the ERP's code -> units. `why`: ready, working,
    waiting, behind (another message of its order), locked, destination (it rests), parked, in_doubt or ended; `note` says
    it in words. `exception_id`: of its message, or of the one that it waits behind.
    """

    direction: str
    connection: str
    ref: str
    document_no: str | None
    name: str
    where: str
    goods: dict[str, str]
    since: datetime
    why: str
    note: str | None
    due_at: datetime | None
    message_id: int | None
    exception_id: int | None
    code: str | None

    @property
    def place(self) -> Place:
        return self.since, self.direction, self.connection, self.ref, self.name


@dataclass(frozen=True, slots=True)
class Backlog:
    direction: str
    despatches: int
    oldest_at: datetime | None


async def pending(
    pool: asyncpg.Pool, *, after: Place = FIRST, limit: int | None = 50, order: Name | None = None
) -> list[DespatchRow]:
    """The oldest first; of one order, or of all."""
    rows = await pool.fetch(
        f"""
        SELECT o.direction, o.connection, o.ref, b.document_no, o.name, o.goods, o.since, m.id AS message_id,
            coalesce(s.note, r.note) AS note, CASE WHEN isfinite(s.due_at) THEN s.due_at END AS due_at,
            e.id AS exception_id, e.code, coalesce(o.erp, b.erp, m.destination) AS erp,
            coalesce(CASE o.direction WHEN 'to_channel' THEN m.destination END, told.destination) AS channel,
            CASE WHEN s.id IS NULL THEN 'ended' WHEN s.state IN ('parked', 'in_doubt') THEN s.state
                 WHEN s.state = 'leased' THEN 'working' WHEN s.due_at = 'infinity' THEN 'behind'
                 WHEN d.resume_at > now() THEN 'destination'
                 WHEN s.due_at > now() AND s.locked_since IS NOT NULL THEN 'locked'
                 WHEN s.due_at > now() THEN 'waiting' ELSE 'ready' END AS why
        FROM ({OPEN}) AS o LEFT JOIN binding AS b ON b.connection = o.connection AND b.ref = o.ref
        LEFT JOIN LATERAL (
            SELECT id, destination FROM message WHERE source = o.connection AND order_ref = o.ref AND cls = 'effect'
              AND kind LIKE CASE o.direction WHEN 'to_channel' THEN '%.ship' ELSE '%.despatch.confirm' END
              AND coalesce(body ->> 'note', body ->> 'shipment') = o.name ORDER BY id DESC LIMIT 1) AS m ON true
        LEFT JOIN LATERAL (
            SELECT destination FROM message WHERE source = o.connection AND order_ref = o.ref AND cls = 'notice'
            ORDER BY id DESC LIMIT 1) AS told ON true
        LEFT JOIN message_state AS s ON s.id = m.id LEFT JOIN receipt AS r ON r.message_id = m.id
        LEFT JOIN destination AS d ON d.name = m.destination
        LEFT JOIN LATERAL (
            SELECT id, code FROM exception_case WHERE source = o.connection AND order_ref = o.ref
              AND closed_at IS NULL AND (message_id = m.id OR (NOT flag AND s.due_at = 'infinity'))
            ORDER BY message_id = m.id DESC, id LIMIT 1) AS e ON true
        WHERE (o.since, o.direction, o.connection, o.ref, o.name) > ($1, $2, $3, $4, $5)
          AND ($6::text IS NULL OR (o.connection, o.ref) = ($6, $7))
        ORDER BY o.since, o.direction, o.connection, o.ref, o.name LIMIT $8
        """,  # noqa: S608 - one constant
        *after,
        *(order or (None, None)),
        limit,
    )
    return [_row(dict(row)) for row in rows]


def _row(given: dict[str, Any]) -> DespatchRow:
    erp, channel = given.pop("erp"), given.pop("channel")
    here, there = _system(erp, "the ERP"), _system(channel, given["connection"])
    if given["direction"] == DespatchDirection.TO_ERP:
        here, there = there, here
    return DespatchRow(where=f"shipped in {here}, not yet in {there}", **given)


def _system(destination: str | None, otherwise: str) -> str:
    return destination.partition(":")[0].capitalize() if destination else otherwise


def sheet(rows: Iterable[DespatchRow]) -> str:
    """As CSV."""
    return write_sheet(COLUMNS, [asdict(row) for row in rows])


async def backlog(conn: asyncpg.Pool | asyncpg.Connection) -> list[Backlog]:
    """One row for each direction, empty ones too."""
    rows = await conn.fetch(
        f"SELECT direction, count(*) AS despatches, min(since) AS oldest_at FROM ({OPEN}) AS o GROUP BY direction"  # noqa: S608 - one constant
    )
    found: Mapping[str, asyncpg.Record] = {row["direction"]: row for row in rows}
    return [
        Backlog(**dict(found[one])) if one in found else Backlog(one, 0, None) for one in DespatchDirection
    ]
