"""Settle: one transaction for what a handler said of its messages.

Lock order everywhere: keys, lanes, state rows, ledger rows. The tickets go first; who moved up is asked in a new
statement with a new snapshot: done in one, most messages were left stranded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import asyncpg

from app.domain.message import Done, Outcome, Park, Result
from app.outbox import append, cases, tickets
from app.outbox.conclude import finish, note_attempts, put_to_rest
from app.outbox.verdict import Rest, Rules, rest


@dataclass(frozen=True, slots=True)
class Change:
    """Something to do to another open message, in the same transaction.

    `amend`: new lanes for an effect whose send was not begun (it leaves its places and enters anew).
    `end`: settle it, unsent, with this Done. Neither: it stays as it is. Raises MovedError if it has meanwhile been
    claimed or sent.
    """

    message_id: int
    amend: tuple[str, ...] | None = None
    end: Done | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """`aside`: reason -> messages that left their `sku:` lanes. `enterable`: something may enter its lanes now."""

    aside: Mapping[str, int]
    enterable: bool
    waits: tickets.Waits


@dataclass(slots=True)
class _Work:
    """The batch, read before the locks."""

    rows: dict[int, asyncpg.Record]
    rests: dict[int, Rest]
    done: dict[int, Done]
    places: list[tuple[str, int]] = field(default_factory=list)


async def settle(
    conn: asyncpg.Connection, outcomes: Sequence[Outcome], changes: Sequence[Change], rules: Rules
) -> Settled:
    """Inside the caller's transaction. Raises MovedError when a claim token is not ours any more."""
    drafts = [draft for outcome in outcomes for draft in outcome.follow_ups]
    answers = await append.claim_keys(conn, drafts) if drafts else []
    fresh = append.only_fresh(answers, drafts)
    work = await _read(conn, outcomes, changes, rules)
    lanes = _lanes(work, changes, fresh)
    await tickets.lock(conn, lanes)
    freed = await tickets.leave(conn, work.places)
    await _lock_rows(conn, work, outcomes, [*freed.heads, *freed.order_heads])
    await note_attempts(conn, outcomes)
    await finish(conn, work.done, work.rows)
    await put_to_rest(conn, work.rests)
    await _amend(conn, changes)
    waits = await tickets.advance(conn, freed)
    await append.place(conn, fresh)
    await tickets.sweep(conn, lanes)
    parks = [(o.message, o.verdict) for o in outcomes if isinstance(o.verdict, Park)]
    if parks:
        await cases.open_cases(
            conn, [cases.Case(m.id, m.source, m.order_ref, p.violations) for m, p in parks]
        )
    again = any(value.state == "waiting" for value in work.rests.values())
    return Settled(_asides(work), bool(freed.order_heads or changes or again), waits)


async def _read(
    conn: asyncpg.Connection, outcomes: Sequence[Outcome], changes: Sequence[Change], rules: Rules
) -> _Work:
    ids = [outcome.message.id for outcome in outcomes] + [change.message_id for change in changes]
    rows = {
        row["id"]: row
        for row in await conn.fetch("SELECT * FROM message_state WHERE id = ANY($1::bigint[])", ids)
    }
    if len(rows) < len(set(ids)):
        raise tickets.MovedError
    work = _Work(rows, {}, {})
    for outcome in outcomes:
        row = rows[outcome.message.id]
        if isinstance(outcome.verdict, Done):
            work.done[outcome.message.id] = outcome.verdict
        else:
            work.rests[outcome.message.id] = rest(row, outcome.verdict, rules)
    await _overtaken(conn, work)
    for change in changes:
        if change.end is not None:
            work.done[change.message_id] = change.end
    leaving = {change.message_id for change in changes if change.amend is not None}
    leaving |= work.done.keys() | {number for number, value in work.rests.items() if value.leaves}
    for number, row in rows.items():
        leaves = number in leaving
        if leaves and row["ticket"] is not None:
            work.places += [(lane, row["ticket"]) for lane in row["lanes"]]
        if number in work.done and row["order_lane"] is not None:
            work.places.append((row["order_lane"], row["order_ticket"]))
    return work


async def _overtaken(conn: asyncpg.Connection, work: _Work) -> None:
    """A state message that comes back from a failure while a younger one waits is superseded."""
    back = {work.rows[n]["coalesce_key"]: n for n in work.rests if work.rows[n]["coalesce_key"] is not None}
    if back:
        younger = await conn.fetch(
            "SELECT coalesce_key FROM message_state WHERE coalesce_key = ANY($1::text[]) AND id <> ALL($2::bigint[])",
            list(back),
            list(back.values()),
        )
        for row in younger:
            number = back[row["coalesce_key"]]
            work.rests.pop(number, None)
            work.done[number] = Done(Result.SUPERSEDED, "a newer one waits")


def _lanes(work: _Work, changes: Sequence[Change], fresh: append.Fresh) -> set[str]:
    lanes = append.all_lanes(draft for _, draft in fresh) | {lane for lane, _ in work.places}
    lanes |= {row["order_lane"] for row in work.rows.values() if row["order_lane"] is not None}
    return lanes | {lane for change in changes for lane in change.amend or ()}


async def _lock_rows(
    conn: asyncpg.Connection, work: _Work, outcomes: Sequence[Outcome], others: Sequence[int]
) -> None:
    """Locks every state row that this settle writes, by id, and checks that what was read still holds."""
    ids = sorted({*work.rows, *others})
    rows = await conn.fetch(
        "SELECT * FROM message_state WHERE id = ANY($1::bigint[]) ORDER BY id FOR UPDATE", ids
    )
    now = {row["id"]: row for row in rows}
    tokens = {outcome.message.id: outcome.message.token for outcome in outcomes}
    for number, before in work.rows.items():
        row = now.get(number)
        if row is None or row["lanes"] != before["lanes"] or row["ticket"] != before["ticket"]:
            raise tickets.MovedError
        ours = row["state"] == "leased" and row["token"] == tokens.get(number)
        unsent = (
            number not in tokens and row["state"] in {"waiting", "ready", "parked"} and not row["send_begun"]
        )
        if not (ours or unsent):
            raise tickets.MovedError


async def _amend(conn: asyncpg.Connection, changes: Sequence[Change]) -> None:
    amended = {change.message_id: change.amend for change in changes if change.amend is not None}
    for number, lanes in amended.items():
        await conn.execute(
            """
            UPDATE message_state SET lanes = $2, ticket = NULL, entered = false, blockers = 0, state = 'waiting',
                due_at = CASE WHEN due_at = 'infinity' AND state <> 'parked' THEN due_at ELSE '-infinity' END,
                failed_since = NULL, aside = 'edited'
            WHERE id = $1
            """,
            number,
            list(lanes),
        )
    if amended:
        await cases.close_cases(conn, list(amended), "amended")


def _asides(work: _Work) -> dict[str, int]:
    reasons: dict[str, int] = {}
    for number, value in work.rests.items():
        if value.aside and work.rows[number]["ticket"] is not None:
            reasons[value.aside] = reasons.get(value.aside, 0) + 1
    return reasons
