"""One order over all systems, by time: notices, effects, attempts, sends, exceptions, the ERP's document. Reads only."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from app.ledger.find import Name

MOST = 500


@dataclass(frozen=True, slots=True)
class Event:
    """`system`: where it happened: a destination (`centra:uk`, `sage200:main`), or `sluice`. `text` names no person."""

    at: datetime
    system: str
    what: str
    message_id: int | None
    text: str


async def timeline(pool: asyncpg.Pool, name: Name) -> list[Event]:
    """The oldest first; of a longer story the newest events."""
    rows = await pool.fetch(
        """
        WITH held AS MATERIALIZED (
            SELECT id, kind, cls, destination, received_at FROM message
            WHERE source = $1 AND order_ref = $2 ORDER BY id DESC LIMIT 200
        ), told AS (
            SELECT first_seen_at AS at, 'sluice' AS system, 'first read' AS what, NULL::bigint AS message_id,
                   'the channel''s order was read' AS text
            FROM order_snapshot WHERE connection = $1 AND ref = $2
            UNION ALL SELECT changed_at, 'sluice', 'last read', NULL, concat_ws(': ', standing, nullif(hold_reason, ''))
            FROM order_snapshot WHERE connection = $1 AND ref = $2 AND changed_at > first_seen_at
            UNION ALL SELECT received_at, CASE cls WHEN 'notice' THEN destination ELSE 'sluice' END, cls, id, kind
            FROM held
            UNION ALL SELECT a.at, h.destination, 'attempt', h.id, concat_ws(': ', a.verdict, nullif(a.error, ''))
            FROM held AS h JOIN attempt AS a ON a.message_id = h.id
            UNION ALL SELECT i.at, h.destination, 'send', h.id, concat_ws(' ', i.operation, 'as', i.probe_key)
            FROM held AS h JOIN intent AS i ON i.message_id = h.id
            UNION ALL SELECT r.done_at, 'sluice', 'done', h.id, concat_ws(': ', r.result, nullif(r.note, ''))
            FROM held AS h JOIN receipt AS r ON r.message_id = h.id
            UNION ALL SELECT opened_at, 'sluice', CASE WHEN flag THEN 'flag' ELSE 'exception' END, message_id, code
            FROM exception_case WHERE source = $1 AND order_ref = $2
            UNION ALL SELECT closed_at, 'sluice', 'settled', message_id, concat_ws(': ', code, resolution)
            FROM exception_case WHERE source = $1 AND order_ref = $2 AND closed_at IS NOT NULL
            UNION ALL SELECT seen_at, erp, 'despatched', NULL,
                   concat(note, CASE WHEN told_at IS NULL THEN ', not yet in the channel' END)
            FROM despatch_seen WHERE connection = $1 AND ref = $2
            UNION ALL SELECT seen_at, 'sluice', 'shipped', NULL,
                   concat(shipment, ' in the channel', CASE WHEN confirmed_at IS NULL THEN ', not yet in the ERP' END)
            FROM shipped WHERE connection = $1 AND ref = $2
            UNION ALL SELECT bound_at, erp, 'document', NULL,
                   concat(document_no, CASE WHEN adopted THEN ', found there' ELSE '' END)
            FROM binding WHERE connection = $1 AND ref = $2
        )
        SELECT * FROM told ORDER BY at DESC, message_id DESC NULLS LAST LIMIT $3
        """,
        *name,
        MOST,
    )
    return [Event(**dict(row)) for row in reversed(rows)]
