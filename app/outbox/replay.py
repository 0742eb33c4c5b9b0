"""Release and replay: parked and done messages come back. The same verb as entry: lanes are worked out anew."""

from collections.abc import Mapping, Sequence

import asyncpg

from app.domain.lanes import order_lane
from app.domain.message import MessageClass
from app.outbox import cases, tickets


async def release(conn: asyncpg.Connection, lanes: Mapping[int, Sequence[str] | None]) -> list[int]:
    """Parked messages -> due now, with new lanes where given; `enter` takes them in order of their ids. One that was
    in doubt when it was parked is so again: only a probe says whether it may be sent.

    Idempotent: what is no longer parked is left alone. Answers the ids that were.
    """
    rows = await conn.fetch(
        """
        WITH held AS (
            SELECT id FROM message_state WHERE id = ANY($1::bigint[]) AND state = 'parked' ORDER BY id FOR UPDATE
        )
        UPDATE message_state AS s SET entered = (m.cls = $2), due_at = '-infinity', attempts = 0, failed_since = NULL,
            state = CASE WHEN s.doubt_since IS NOT NULL THEN 'in_doubt' WHEN m.cls = $2 THEN 'ready' ELSE 'waiting' END
        FROM held JOIN message AS m ON m.id = held.id WHERE s.id = held.id RETURNING s.id
        """,
        sorted(lanes),
        MessageClass.NOTICE.value,
    )
    released = sorted(row["id"] for row in rows)
    for number in released:
        new = lanes[number]
        if new is not None:
            await conn.execute("UPDATE message_state SET lanes = $2 WHERE id = $1", number, list(new))
    await cases.close_cases(conn, released, "released")
    return released


async def replay(conn: asyncpg.Connection, lanes: Mapping[int, Sequence[str]]) -> list[int]:
    """Done messages are worked again, under the same keys: what already took effect is found, not repeated."""
    rows = await conn.fetch(
        """
        SELECT m.id, m.kind, m.cls, m.destination, m.source, m.order_ref FROM message AS m
        JOIN receipt AS r ON r.message_id = m.id
        WHERE m.id = ANY($1::bigint[]) AND m.cls <> 'state'
          AND NOT EXISTS (SELECT FROM message_state AS s WHERE s.id = m.id)
        ORDER BY m.id FOR UPDATE OF r
        """,
        sorted(lanes),
    )
    effects = {row["id"]: order_lane(row["source"], row["order_ref"]) for row in rows if _ordered(row)}
    await tickets.lock(conn, effects.values())
    numbers = dict(zip(effects, await tickets.draw(conn, len(effects)), strict=True))
    await conn.execute(
        "DELETE FROM receipt WHERE message_id = ANY($1::bigint[])", [row["id"] for row in rows]
    )
    for row in rows:
        await _reopen(conn, row, lanes[row["id"]], (effects.get(row["id"]), numbers.get(row["id"])))
    await tickets.stand(conn, [tickets.Standing(n, [lane], numbers[n]) for n, lane in effects.items()])
    await conn.execute(
        """
        UPDATE message_state AS s SET due_at = 'infinity' WHERE s.id = ANY($1::bigint[]) AND EXISTS (
            SELECT FROM ticket AS t WHERE t.lane = s.order_lane AND t.ticket < s.order_ticket)
        """,
        list(effects),
    )
    return [row["id"] for row in rows]


def _ordered(row: asyncpg.Record) -> bool:
    return bool(row["cls"] == MessageClass.EFFECT and row["order_ref"] is not None)


async def _reopen(
    conn: asyncpg.Connection, row: asyncpg.Record, lanes: Sequence[str], order: tuple[str | None, int | None]
) -> None:
    notice = row["cls"] == MessageClass.NOTICE
    await conn.execute(
        """
        INSERT INTO message_state (id, kind, destination, source, order_ref, state, entered, lanes, order_lane,
                                   order_ticket, due_at, note)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, '-infinity', 'replayed')
        """,
        row["id"],
        row["kind"],
        row["destination"],
        row["source"],
        row["order_ref"],
        "ready" if notice else "waiting",
        notice,
        list(lanes),
        *order,
    )
