"""State messages: at most one in flight and one waiting; the newest body wins and the place is kept."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import asyncpg

from app.domain.message import Draft
from app.outbox import cases

Fresh = Sequence[tuple[int, Draft]]


async def replace_waiting(conn: asyncpg.Connection, fresh: Fresh) -> Fresh:
    """Lets new state messages take the place of those that wait; answers the messages that still need a state row.

    The `state:` lanes are locked. A waiting message that a claim is just taking is no longer waiting. A parked one has
    no place to give; it ends, or its old body would come back after the new one.
    """
    newest = {draft.coalesce_key: number for number, draft in fresh if draft.coalesce_key is not None}
    if not newest:
        return fresh
    overtaken = [(n, d) for n, d in fresh if d.coalesce_key is not None and newest[d.coalesce_key] != n]
    if overtaken:
        await _supersede(conn, [number for number, _ in overtaken])
    rows = await conn.fetch(
        """
        SELECT id, coalesce_key, state, lanes, ticket FROM message_state
        WHERE coalesce_key = ANY($1::text[]) AND state IN ('waiting', 'ready', 'parked') ORDER BY id FOR UPDATE
        """,
        list(newest),
    )
    # Two may wait where one of them came back from a lost lease: the older keeps its place, the other was overtaken.
    waiting = [row for row in rows if row["state"] != "parked"]
    first = {row["coalesce_key"]: row for row in sorted(waiting, key=_place, reverse=True)}
    kept = {row["id"] for row in first.values()}
    await _drop(conn, [row for row in rows if row["id"] not in kept])
    for row in first.values():
        await _take_over(conn, row, newest[row["coalesce_key"]])
    due = _soonest(fresh)
    await _bring_forward(conn, [(newest[key], due[key]) for key in first])
    gone = {number for number, _ in overtaken} | {newest[key] for key in first}
    return [
        (n, replace(d, due_at=due.get(d.coalesce_key or "", d.due_at))) for n, d in fresh if n not in gone
    ]


def _soonest(fresh: Fresh) -> dict[str, datetime | None]:
    """When the newest of each is due: as soon as any of those that came with it wished."""
    due: dict[str, datetime | None] = {}
    for _, draft in fresh:
        if draft.coalesce_key is not None:
            wishes = (due.get(draft.coalesce_key, draft.due_at), draft.due_at)
            due[draft.coalesce_key] = None if None in wishes else min(at for at in wishes if at is not None)
    return due


def _place(row: asyncpg.Record) -> tuple[bool, int]:
    return row["ticket"] is None, row["ticket"] or row["id"]


async def _drop(conn: asyncpg.Connection, rows: Sequence[asyncpg.Record]) -> None:
    """They leave from behind another of their lane, or stand in none: nobody moves up."""
    if not rows:
        return
    ids = [row["id"] for row in rows]
    await conn.execute("DELETE FROM message_state WHERE id = ANY($1::bigint[])", ids)
    await conn.execute(
        """
        DELETE FROM ticket USING unnest($1::text[], $2::bigint[]) AS gone(lane, number)
        WHERE ticket.lane = gone.lane AND ticket.ticket = gone.number
        """,
        [lane for row in rows for lane in row["lanes"] if row["ticket"] is not None],
        [row["ticket"] for row in rows for _ in row["lanes"] if row["ticket"] is not None],
    )
    await cases.close_cases(conn, ids, "superseded")
    await _supersede(conn, ids)


async def _take_over(conn: asyncpg.Connection, old: asyncpg.Record, new: int) -> None:
    await conn.execute("UPDATE message_state SET id = $2 WHERE id = $1", old["id"], new)
    await conn.execute(
        "UPDATE ticket SET message_id = $3 WHERE lane = ANY($1::text[]) AND ticket = $2",
        old["lanes"],
        old["ticket"],
        new,
    )
    await _supersede(conn, [old["id"]])


async def _bring_forward(conn: asyncpg.Connection, due: Sequence[tuple[int, object]]) -> None:
    """The newer wish may be due earlier, never later: keeping a place must not mean waiting longer."""
    await conn.execute(
        """
        UPDATE message_state AS s SET due_at = LEAST(s.due_at, coalesce(given.due_at, '-infinity'))
        FROM unnest($1::bigint[], $2::timestamptz[]) AS given(id, due_at) WHERE s.id = given.id
        """,
        [number for number, _ in due],
        [at for _, at in due],
    )


async def _supersede(conn: asyncpg.Connection, ids: Sequence[int]) -> None:
    await conn.execute(
        """
        INSERT INTO receipt (message_id, kind, source, result, note, keyed, received_at)
        SELECT id, kind, source, 'superseded', 'a newer one took its place', key IS NOT NULL, received_at
        FROM message WHERE id = ANY($1::bigint[])
        """,
        list(ids),
    )
