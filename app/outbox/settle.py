"""Settle: one transaction for what a handler said of its messages.

Lock order everywhere: keys, lanes, state rows, ledger rows. The tickets go first; who moved up is asked in a new
statement with a new snapshot: done in one, most messages were left stranded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import asyncpg

from app.domain.message import Done, Outcome, Park, Result
from app.outbox import append, cases, keys, tickets
from app.outbox.conclude import Waits, conclude, note_attempts, put_to_rest
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
    waits: Waits


@dataclass(slots=True)
class _Work:
    """What becomes of the batch. `rows`: as read before the locks, of those whose end depends on it."""

    rows: dict[int, asyncpg.Record]
    done: dict[int, Done]
    rests: dict[int, Rest] = field(default_factory=dict)
    places: list[tuple[str, int]] = field(default_factory=list)


async def settle(
    conn: asyncpg.Connection, outcomes: Sequence[Outcome], changes: Sequence[Change], rules: Rules
) -> Settled:
    """Inside the caller's transaction. Raises MovedError when a claim token is not ours any more."""
    drafts = [draft for outcome in outcomes for draft in outcome.follow_ups]
    answers = await keys.claim_keys(conn, drafts) if drafts else []
    fresh = append.only_fresh(answers, drafts)
    work = await _read(conn, outcomes, changes, rules)
    keep, lanes = append.all_lanes(draft for _, draft in fresh), _lanes(work, changes)
    await tickets.lock(conn, lanes | keep)
    freed = await tickets.leave(conn, work.places, keep=keep)
    ids = {*work.rows, *(outcome.message.id for outcome in outcomes)}
    now, waits = await conclude(conn, ids, work.done, outcomes, freed)
    _verify(work, outcomes, now)
    await note_attempts(conn, [outcome for outcome in outcomes if outcome.message.id in work.rests])
    await put_to_rest(conn, work.rests)
    await _amend(conn, changes)
    parks = [
        (o.message, o.verdict) for o in outcomes if isinstance(o.verdict, Park) and o.message.id in work.rests
    ]
    if parks:
        await cases.open_cases(
            conn, [cases.Case(m.id, m.source, m.order_ref, p.violations) for m, p in parks]
        )
    await append.place(conn, fresh)
    if work.rows or fresh:
        await tickets.sweep(conn, lanes | keep)
    # A newer state may have made one that waits due at once.
    again = any(value.state == "waiting" for value in work.rests.values()) or any(
        d.coalesce_key for d in drafts
    )
    return Settled(_asides(work), bool(freed.order_heads or changes or again), waits)


async def _read(
    conn: asyncpg.Connection, outcomes: Sequence[Outcome], changes: Sequence[Change], rules: Rules
) -> _Work:
    """Nobody else moves a message that is leased, so where one stands that is done is known from its claim."""
    done = {o.message.id: o.verdict for o in outcomes if isinstance(o.verdict, Done)}
    places = [place for o in outcomes if o.message.id in done for place in o.message.places]
    open_ = {o.message.id: o.verdict for o in outcomes if not isinstance(o.verdict, Done)}
    ids = {*open_, *(change.message_id for change in changes)}
    if not ids:
        return _Work({}, done, places=places)
    found = await conn.fetch("SELECT * FROM message_state WHERE id = ANY($1::bigint[])", list(ids))
    work = _Work({row["id"]: row for row in found}, done, places=places)
    if len(work.rows) < len(ids):
        raise tickets.MovedError
    for number, verdict in open_.items():
        work.rests[number] = rest(work.rows[number], verdict, rules)
    await _overtaken(conn, work)
    for change in changes:
        if change.end is not None:
            work.done[change.message_id] = change.end
    leaving = {change.message_id for change in changes if change.amend is not None}
    leaving |= work.done.keys() | {number for number, value in work.rests.items() if value.leaves}
    for number, row in work.rows.items():
        if number in leaving and row["ticket"] is not None:
            work.places += [(lane, row["ticket"]) for lane in row["lanes"]]
        if number in work.done and row["order_lane"] is not None:
            work.places.append((row["order_lane"], row["order_ticket"]))
    return work


async def _overtaken(conn: asyncpg.Connection, work: _Work) -> None:
    """A state message that comes back from a failure while a younger one waits is superseded."""
    back = {work.rows[n]["coalesce_key"]: n for n in work.rests if work.rows[n]["coalesce_key"] is not None}
    if back:
        younger = await conn.fetch(
            """
            SELECT s.coalesce_key FROM message_state AS s
            JOIN unnest($1::text[], $2::bigint[]) AS back(key, id) ON s.coalesce_key = back.key AND s.id > back.id
            """,
            list(back),
            list(back.values()),
        )
        for row in younger:
            number = back[row["coalesce_key"]]
            work.rests.pop(number, None)
            work.done[number] = Done(Result.SUPERSEDED, "a newer one waits")


def _lanes(work: _Work, changes: Sequence[Change]) -> set[str]:
    lanes = {lane for lane, _ in work.places}
    lanes |= {row["order_lane"] for row in work.rows.values() if row["order_lane"] is not None}
    return lanes | {lane for change in changes for lane in change.amend or ()}


def _verify(work: _Work, outcomes: Sequence[Outcome], now: Mapping[int, asyncpg.Record]) -> None:
    """Whether what was known of the rows before they were locked still holds. Raises MovedError."""
    tokens = {outcome.message.id: outcome.message.token for outcome in outcomes}
    for number in {*work.rows, *tokens}:
        row, before = now.get(number), work.rows.get(number)
        if row is None:
            raise tickets.MovedError
        if before and (row["lanes"] != before["lanes"] or row["ticket"] != before["ticket"]):
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
