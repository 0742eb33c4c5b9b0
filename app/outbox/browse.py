"""Looks at messages and lanes, for people. Reads only; times of rest come as null where they have no end."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from app.outbox.stuck import BLOCKED


@dataclass(frozen=True, slots=True)
class Wanted:
    """A filter; `code` is that of an open case. `done` is a state here. No `sources` means any."""

    state: str | None = None
    kind: str | None = None
    sources: tuple[str, ...] = ()
    order_ref: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class MessageRow:
    """`state`: that of an open message, or `done` with a `result`. `due_at` is null while it rests behind another."""

    id: int
    kind: str
    cls: str
    source: str
    destination: str
    key: str | None
    order_ref: str | None
    parent_id: int | None
    received_at: datetime
    state: str
    result: str | None
    note: str | None
    due_at: datetime | None
    attempts: int | None
    blockers: int | None
    aside: str | None
    worker: str | None
    done_at: datetime | None
    codes: list[str]


@dataclass(frozen=True, slots=True)
class AttemptRow:
    token: int
    worker: str | None
    verdict: str
    error: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class IntentRow:
    token: int
    operation: str
    probe_key: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Story:
    """One message and all that came of it. `body` and `raw` may hold personal data."""

    message: MessageRow
    parent: MessageRow | None
    follow_ups: tuple[MessageRow, ...]
    attempts: tuple[AttemptRow, ...]
    intents: tuple[IntentRow, ...]
    lanes: tuple[str, ...]
    body: dict[str, Any] | None
    raw: bytes | None


@dataclass(frozen=True, slots=True)
class LaneRow:
    """A lane in which others wait: `head` is whom they wait for. `waiting`: how many, of whom the first 1,000 are counted.
    `cause` is null while it moves.
    """

    lane: str
    head: int
    kind: str
    state: str
    destination: str
    order_ref: str | None
    waiting: int
    since: datetime
    cause: str | None
    note: str | None


FIRST_PAGE = 1 << 62
COUNTED = 1_000
"""Of those that wait in a lane: a page of lanes must not take the longer the more wait in each."""


async def messages(
    pool: asyncpg.Pool, wanted: Wanted, *, before: int = FIRST_PAGE, limit: int = 50
) -> list[MessageRow]:
    """The newest first, with ids below `before`."""
    ids = await _ids(pool, wanted, before, limit)
    return await rows(pool, ids)


async def _ids(pool: asyncpg.Pool, wanted: Wanted, before: int, limit: int) -> list[int]:
    given = (before, wanted.kind, list(wanted.sources), wanted.order_ref, limit)
    if wanted.code is not None:
        found = await pool.fetch(
            """
            SELECT m.id FROM exception_case AS e JOIN message AS m ON m.id = e.message_id
            LEFT JOIN message_state AS s ON s.id = m.id
            WHERE e.closed_at IS NULL AND e.code = $6 AND m.id < $1 AND ($2::text IS NULL OR m.kind = $2)
              AND (cardinality($3::text[]) = 0 OR m.source = ANY($3)) AND ($4::text IS NULL OR m.order_ref = $4)
              AND ($7::text IS NULL OR coalesce(s.state, 'done') = $7)
            GROUP BY m.id ORDER BY m.id DESC LIMIT $5
            """,
            *given,
            wanted.code,
            wanted.state,
        )
    elif wanted.state is not None and wanted.state != "done":
        found = await pool.fetch(
            """
            SELECT id FROM message_state
            WHERE state = $6 AND id < $1 AND ($2::text IS NULL OR kind = $2)
              AND (cardinality($3::text[]) = 0 OR source = ANY($3)) AND ($4::text IS NULL OR order_ref = $4)
            ORDER BY id DESC LIMIT $5
            """,
            *given,
            wanted.state,
        )
    else:
        found = await pool.fetch(
            """
            SELECT m.id FROM message AS m LEFT JOIN receipt AS r ON r.message_id = m.id
            WHERE m.id < $1 AND ($2::text IS NULL OR m.kind = $2)
              AND (cardinality($3::text[]) = 0 OR m.source = ANY($3)) AND ($4::text IS NULL OR m.order_ref = $4)
              AND (NOT $6::bool OR r.message_id IS NOT NULL)
            ORDER BY m.id DESC LIMIT $5
            """,
            *given,
            wanted.state == "done",
        )
    return [row["id"] for row in found]


async def rows(pool: asyncpg.Pool, ids: Sequence[int]) -> list[MessageRow]:
    """Those of `ids` that exist, the newest first."""
    found = await pool.fetch(
        """
        SELECT m.id, m.kind, m.cls, m.source, m.destination, m.key, m.order_ref, m.parent_id, m.received_at,
               coalesce(s.state, 'done') AS state, r.result, coalesce(s.note, r.note) AS note,
               CASE WHEN isfinite(s.due_at) THEN s.due_at END AS due_at, s.attempts, s.blockers,
               coalesce(s.aside, r.aside) AS aside, s.worker, r.done_at,
               ARRAY(SELECT e.code FROM exception_case AS e WHERE e.message_id = m.id AND e.closed_at IS NULL
                     ORDER BY e.id) AS codes
        FROM message AS m
        LEFT JOIN message_state AS s ON s.id = m.id
        LEFT JOIN receipt AS r ON r.message_id = m.id
        WHERE m.id = ANY($1::bigint[]) ORDER BY m.id DESC
        """,
        list(ids),
    )
    return [MessageRow(**dict(row)) for row in found]


async def story(pool: asyncpg.Pool, message_id: int) -> Story | None:
    held = await pool.fetchrow(
        """
        SELECT m.parent_id, m.body, m.raw, coalesce(s.lanes, '{}') AS lanes, s.order_lane
        FROM message AS m LEFT JOIN message_state AS s ON s.id = m.id WHERE m.id = $1
        """,
        message_id,
    )
    if held is None:
        return None
    children = await pool.fetch("SELECT id FROM message WHERE parent_id = $1 LIMIT 200", message_id)
    known = {
        row.id: row
        for row in await rows(pool, [message_id, held["parent_id"] or 0, *(row["id"] for row in children)])
    }
    attempts = await pool.fetch(
        "SELECT token, worker, verdict, error, at FROM attempt WHERE message_id = $1 ORDER BY token LIMIT 500",
        message_id,
    )
    intents = await pool.fetch(
        "SELECT token, operation, probe_key, at FROM intent WHERE message_id = $1 ORDER BY token", message_id
    )
    return Story(
        message=known[message_id],
        parent=known.get(held["parent_id"]),
        follow_ups=tuple(known[row["id"]] for row in sorted(children)),
        attempts=tuple(AttemptRow(**dict(row)) for row in attempts),
        intents=tuple(IntentRow(**dict(row)) for row in intents),
        lanes=tuple(lane for lane in (held["order_lane"], *held["lanes"]) if lane),
        body=held["body"],
        raw=held["raw"],
    )


_MOVING = "SELECT lane, min(ticket) AS ticket FROM ticket WHERE lane > $1 GROUP BY lane HAVING count(*) > 1"
_STUCK = f"SELECT lane, ticket FROM ({BLOCKED}) AS blocked WHERE lane > $1"  # noqa: S608 - a constant


async def lanes(
    pool: asyncpg.Pool, *, after: str = "", limit: int = 50, moving: bool = False, counted: int = COUNTED
) -> list[LaneRow]:
    """Lanes in which others wait behind a head that is stuck (with `moving`: behind any head), by name.

    A head that was only just claimed, or waits for another lane, is not stuck.
    """
    found = await pool.fetch(
        f"""
        SELECT queue.lane, s.id AS head, s.kind, s.state, s.destination, s.order_ref, behind.waiting,
               coalesce(s.doubt_since, s.failed_since, opened.at, s.received_at) AS since, stuck.cause, s.note
        FROM ({_MOVING if moving else _STUCK} ORDER BY lane LIMIT $2) AS queue
        JOIN ticket AS t ON t.lane = queue.lane AND t.ticket = queue.ticket
        JOIN message_state AS s ON s.id = t.message_id
        LEFT JOIN destination AS d ON d.name = s.destination
        CROSS JOIN LATERAL (SELECT count(*) AS waiting FROM (
            SELECT FROM ticket AS n WHERE n.lane = queue.lane AND n.ticket > queue.ticket LIMIT $3) AS those) AS behind
        LEFT JOIN LATERAL (SELECT min(opened_at) AS at FROM exception_case AS e
                           WHERE e.message_id = s.id AND e.closed_at IS NULL) AS opened ON true
        LEFT JOIN LATERAL (SELECT verdict FROM attempt AS a WHERE a.message_id = s.id
                           ORDER BY a.token DESC LIMIT 1) AS last ON true
        CROSS JOIN LATERAL (SELECT CASE
            WHEN s.state IN ('parked', 'in_doubt') THEN s.state
            WHEN s.state = 'leased' THEN NULL
            WHEN d.resume_at > now() THEN 'destination'
            WHEN s.due_at > now() AND last.verdict = 'snooze' THEN 'snooze'
            WHEN s.due_at > now() THEN 'retry' END AS cause) AS stuck
        ORDER BY queue.lane
        """,  # noqa: S608 - one of two constants
        after,
        limit,
        counted,
    )
    return [LaneRow(**dict(row)) for row in found]
