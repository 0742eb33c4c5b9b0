"""Settle: one transaction for what a handler said of its messages.

Lock order everywhere: keys, lanes, state rows, ledger rows. The tickets go first; who moved up is asked in a new
statement with a new snapshot: done in one, most messages were left stranded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import asyncpg

from app.domain.message import Done, Outcome, Park, Result
from app.outbox import append, cases, tickets
from app.outbox.verdict import Rest, Rules, rest
from app.outbox.withdraw import mark_dirty


@dataclass(frozen=True, slots=True)
class Change:
    """Something to do to another open message, in the same transaction.

    `amend`: new lanes for an effect whose send was not begun (it leaves its places and enters anew).
    `end`: settle it, unsent, with this Done. Raises MovedError if it has meanwhile been claimed or sent.
    """

    message_id: int
    amend: tuple[str, ...] | None = None
    end: Done | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """`aside`: reason -> messages that left their `sku:` lanes. `enterable`: something may enter its lanes now."""

    aside: Mapping[str, int]
    enterable: bool


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
    await tickets.lock(conn, _lanes(work, changes, fresh))
    freed = await tickets.leave(conn, work.places)
    await _lock_rows(conn, work, outcomes, [*freed.heads, *freed.order_heads])
    await _note_attempts(conn, outcomes)
    await _finish(conn, work.done, work.rows)
    await _rest(conn, work.rests)
    await _amend(conn, changes)
    await tickets.advance(conn, freed)
    await append.place(conn, fresh)
    parks = [(o.message, o.verdict) for o in outcomes if isinstance(o.verdict, Park)]
    if parks:
        await cases.open_cases(
            conn, [cases.Case(m.id, m.source, m.order_ref, p.violations) for m, p in parks]
        )
    again = any(value.state == "waiting" for value in work.rests.values())
    return Settled(_asides(work), bool(freed.order_heads or changes or again))


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
    for number, row in rows.items():
        leaves = number in work.done or number not in work.rests or work.rests[number].leaves
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


async def _note_attempts(conn: asyncpg.Connection, outcomes: Sequence[Outcome]) -> None:
    await conn.execute(
        """
        INSERT INTO attempt (message_id, token, worker, verdict, error)
        SELECT given.id, given.token, s.worker, given.verdict, given.error
        FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[]) AS given(id, token, verdict, error)
        JOIN message_state AS s ON s.id = given.id
        """,
        [outcome.message.id for outcome in outcomes],
        [outcome.message.token for outcome in outcomes],
        [type(outcome.verdict).__name__.lower() for outcome in outcomes],
        [said(outcome) for outcome in outcomes],
    )


def said(outcome: Outcome) -> str:
    """One line for the timeline; never personal data."""
    verdict = outcome.verdict
    if isinstance(verdict, Park):
        return ", ".join(violation.code for violation in verdict.violations)
    return str(
        getattr(verdict, "error", "") or getattr(verdict, "reason", "") or getattr(verdict, "note", "")
    )[:500]


async def _finish(
    conn: asyncpg.Connection, done: Mapping[int, Done], rows: Mapping[int, asyncpg.Record]
) -> None:
    if not done:
        return
    await conn.execute(
        """
        WITH gone AS (DELETE FROM message_state WHERE id = ANY($1::bigint[]) RETURNING *)
        INSERT INTO receipt (message_id, kind, source, result, note, keyed, aside, received_at)
        SELECT gone.id, gone.kind, gone.source, given.result, given.note, gone.coalesce_key IS NULL, gone.aside,
               gone.received_at
        FROM gone JOIN unnest($1::bigint[], $2::text[], $3::text[]) AS given(id, result, note) ON given.id = gone.id
        """,
        list(done),
        [verdict.result.value for verdict in done.values()],
        [verdict.note or None for verdict in done.values()],
    )
    troubled = [
        number for number in done if rows[number]["attempts"] > 1 or rows[number]["state"] == "parked"
    ]
    if troubled:
        await cases.close_cases(conn, troubled, "settled")


async def _rest(conn: asyncpg.Connection, rests: Mapping[int, Rest]) -> None:
    if not rests:
        return
    values = list(rests.values())
    await conn.execute(
        """
        UPDATE message_state AS s SET token = NULL, lease_until = NULL, worker = NULL,
            state = given.state, due_at = given.due_at,
            attempts = s.attempts - CASE WHEN given.free THEN 1 ELSE 0 END,
            entered = s.entered AND NOT given.leaves, ticket = CASE WHEN given.leaves THEN NULL ELSE s.ticket END,
            blockers = 0, failed_since = given.failed_since, doubt_since = given.doubt_since, probes = given.probes,
            send_begun = given.send_begun, aside = coalesce(given.aside, s.aside), note = given.note
        FROM unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::bool[], $5::bool[], $6::timestamptz[],
                    $7::timestamptz[], $8::int[], $9::bool[], $10::text[], $11::text[])
            AS given(id, state, due_at, free, leaves, failed_since, doubt_since, probes, send_begun, aside, note)
        WHERE s.id = given.id
        """,
        list(rests),
        [value.state for value in values],
        [value.due_at for value in values],
        [value.free for value in values],
        [value.leaves for value in values],
        [value.failed_since for value in values],
        [value.doubt_since for value in values],
        [value.probes for value in values],
        [value.send_begun for value in values],
        [value.aside for value in values],
        [value.note for value in values],
    )
    await mark_dirty(conn, [number for number, value in rests.items() if value.aside])


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
