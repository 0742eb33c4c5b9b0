"""The exporter's looks at the database: one question each, so that one that fails spoils no other."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import asyncpg

from app.ledger import despatches
from app.outbox.stuck import BLOCKED
from app.telemetry.catalogue import Metrics
from app.telemetry.words import BlockedCause, OpenState

SLICE = 50_000  # ids; partitions begin at a multiple of it
SLICES_A_LOOK = 4
RECENT = 200_000
LATE = 1_000  # ids are drawn before they commit, so that the newest seen is not yet the newest before it


@dataclass(slots=True)
class Memory:
    """What one look leaves for the next. `missing`: slice of ids -> keys without an end. `kept`: the same for slices
    whose receipts were dropped -> keys. `turn`: the slice to look at again next.
    """

    destinations: set[str] = field(default_factory=set)
    events: dict[str, float] = field(default_factory=dict)
    events_to: int | None = None
    missing: dict[int, int] = field(default_factory=dict)
    kept: dict[int, int] = field(default_factory=dict)
    turn: int = 0


Look = Callable[[asyncpg.Connection, Metrics, Memory, float], Awaitable[None]]


async def open_messages(conn: asyncpg.Connection, metrics: Metrics, memory: Memory, now: float) -> None:
    """A watermark, not an age: an age would freeze at a healthy value when its reporter dies."""
    rows = await conn.fetch(
        """
        SELECT state, destination, count(*) AS messages, extract(epoch FROM min(received_at))::float8 AS oldest
        FROM message_state GROUP BY state, destination
        """
    )
    names = await conn.fetch("SELECT name FROM destination")
    memory.destinations |= {row["name"] for row in names} | {row["destination"] for row in rows}
    found = {(row["state"], row["destination"]): row for row in rows}
    for state in OpenState:
        for destination in memory.destinations:
            row = found.get((state, destination))
            metrics.messages.labels(state, destination).set(row["messages"] if row else 0)
            metrics.oldest_message_timestamp_seconds.labels(state, destination).set(
                row["oldest"] if row else now
            )
    in_doubt = sum(row["messages"] for row in rows if row["state"] == OpenState.IN_DOUBT)
    metrics.effects_in_doubt.set(in_doubt)


async def blocked_lanes(conn: asyncpg.Connection, metrics: Metrics, _memory: Memory, _now: float) -> None:
    rows = await conn.fetch(
        f"""
        SELECT cause, count(*) AS lanes FROM (
            SELECT CASE WHEN state IN ('in_doubt', 'parked') THEN state WHEN rests THEN 'destination'
                WHEN (SELECT verdict FROM attempt AS a WHERE a.message_id = blocked.id ORDER BY token DESC LIMIT 1)
                    <> 'snooze' THEN 'retry' ELSE 'snooze' END AS cause
            FROM ({BLOCKED}) AS blocked
        ) AS stuck GROUP BY cause
        """  # noqa: S608 - a constant
    )
    found = {row["cause"]: row["lanes"] for row in rows}
    for cause in BlockedCause:
        metrics.lanes_blocked.labels(cause).set(found.get(cause, 0))


async def open_cases(conn: asyncpg.Connection, metrics: Metrics, _memory: Memory, _now: float) -> None:
    rows = await conn.fetch(
        "SELECT code, owner, count(*) AS cases FROM exception_case WHERE closed_at IS NULL GROUP BY code, owner"
    )
    metrics.exceptions.clear()
    for row in rows:
        metrics.exceptions.labels(row["code"], row["owner"]).set(row["cases"])


async def pending_despatches(conn: asyncpg.Connection, metrics: Metrics, _memory: Memory, now: float) -> None:
    for one in await despatches.backlog(conn):
        oldest = one.oldest_at.timestamp() if one.oldest_at else now
        metrics.despatches_pending.labels(one.direction).set(one.despatches)
        metrics.despatches_pending_oldest_timestamp_seconds.labels(one.direction).set(oldest)


async def polls(conn: asyncpg.Connection, metrics: Metrics, _memory: Memory, _now: float) -> None:
    rows = await conn.fetch(
        """
        SELECT connection, poll, extract(epoch FROM coalesce(horizon, moved_at))::float8 AS horizon FROM poll_cursor
        """
    )
    for row in rows:
        metrics.poll_watermark_timestamp_seconds.labels(row["connection"], row["poll"]).set(row["horizon"])


async def last_events(conn: asyncpg.Connection, metrics: Metrics, memory: Memory, _now: float) -> None:
    """Only what is new since the last look; the first looks back over the recent ids."""
    newest = await conn.fetchval("SELECT coalesce(max(id), 0) FROM message")
    since = newest - RECENT if memory.events_to is None else memory.events_to - LATE
    rows = await conn.fetch(
        """
        SELECT source, extract(epoch FROM max(received_at))::float8 AS newest FROM message
        WHERE id > $1 AND cls = 'notice' GROUP BY source
        """,
        since,
    )
    memory.events_to = newest
    for row in rows:
        memory.events[row["source"]] = max(row["newest"], memory.events.get(row["source"], 0.0))
    for source, at in memory.events.items():
        metrics.source_last_event_timestamp_seconds.labels(source).set(at)


async def unaccounted(conn: asyncpg.Connection, metrics: Metrics, memory: Memory, _now: float) -> None:
    """Keys that are neither open nor settled. The newest ids and whatever was wrong are looked at each time, history
    in turn, so that the cost does not grow with it. Below the oldest partition, receipts are a count per source.
    """
    floor = await conn.fetchval(
        """
        SELECT coalesce(min((regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \\(''?([0-9]+)'))[1]::bigint), 0)
        FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid WHERE i.inhparent = 'receipt'::regclass
        """
    )
    newest = await conn.fetchval("SELECT last_value FROM message_id_seq")
    first, last = floor // SLICE, newest // SLICE
    memory.missing = {part: keys for part, keys in memory.missing.items() if part >= first}
    for part in sorted(_due(memory, first, last)):
        memory.missing[part] = await _without_end(conn, part)
    dropped = await _dropped(conn, memory, first) if first else 0
    metrics.messages_unaccounted.set(sum(memory.missing.values()) + dropped)


def _due(memory: Memory, first: int, last: int) -> set[int]:
    count = last - first + 1
    in_turn = {first + (memory.turn + step) % count for step in range(min(count, SLICES_A_LOOK))}
    memory.turn = (memory.turn + SLICES_A_LOOK) % count
    wrong = {part for part, keys in memory.missing.items() if keys}
    return in_turn | wrong | {last, max(first, last - 1)}


async def _without_end(conn: asyncpg.Connection, part: int) -> int:
    count: int = await conn.fetchval(
        """
        SELECT count(*) FROM idempotency_key AS k WHERE k.message_id >= $1 AND k.message_id < $2
        AND NOT EXISTS (SELECT FROM message_state AS s WHERE s.id = k.message_id AND s.id >= $1 AND s.id < $2)
        AND NOT EXISTS (SELECT FROM receipt AS r WHERE r.message_id = k.message_id
                        AND r.message_id >= $1 AND r.message_id < $2)
        """,
        part * SLICE,
        (part + 1) * SLICE,
    )
    return count


async def _dropped(conn: asyncpg.Connection, memory: Memory, first: int) -> int:
    """Old keys beyond what the roll-up counts; 0 until all old slices have been counted, once each."""
    uncounted = [part for part in range(first) if part not in memory.kept]
    for part in uncounted[:SLICES_A_LOOK]:
        memory.kept[part] = await conn.fetchval(
            "SELECT count(*) FROM idempotency_key WHERE message_id >= $1 AND message_id < $2",
            part * SLICE,
            (part + 1) * SLICE,
        )
    if len(uncounted) > SLICES_A_LOOK:
        return 0
    rolled: int = await conn.fetchval("SELECT coalesce(sum(messages), 0)::bigint FROM message_rollup")
    return max(0, sum(memory.kept.values()) - rolled)


LOOKS: Mapping[str, Look] = MappingProxyType(
    {
        "messages": open_messages,
        "lanes": blocked_lanes,
        "cases": open_cases,
        "despatches": pending_despatches,
        "polls": polls,
        "events": last_events,
        "balance": unaccounted,
    }
)
