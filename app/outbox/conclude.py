"""What became of each message, written down: attempts, receipts, and state rows that rest."""

from collections.abc import Mapping, Sequence

import asyncpg

from app.db.session import encode
from app.domain.message import Done, Outcome, Park
from app.outbox import cases
from app.outbox.verdict import Rest
from app.outbox.withdraw import mark_dirty


async def note_attempts(conn: asyncpg.Connection, outcomes: Sequence[Outcome]) -> None:
    """Of messages that stay open; called before they are put to rest."""
    if not outcomes:
        return
    await conn.execute(
        """
        INSERT INTO attempt (message_id, token, worker, verdict, error)
        SELECT given.id, given.token, s.worker, given.verdict, given.error
        FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[]) AS given(id, token, verdict, error)
        JOIN message_state AS s ON s.id = given.id
        """,
        [outcome.message.id for outcome in outcomes],
        [outcome.message.token for outcome in outcomes],
        [word(outcome) for outcome in outcomes],
        [said(outcome) for outcome in outcomes],
    )


def word(outcome: Outcome) -> str:
    return type(outcome.verdict).__name__.lower()


def said(outcome: Outcome) -> str:
    """One line for the timeline; never personal data."""
    verdict = outcome.verdict
    if isinstance(verdict, Park):
        return ", ".join(violation.code for violation in verdict.violations)
    return str(
        getattr(verdict, "error", "") or getattr(verdict, "reason", "") or getattr(verdict, "note", "")
    )[:500]


async def finish(conn: asyncpg.Connection, done: Mapping[int, Done], outcomes: Sequence[Outcome]) -> None:
    """State rows become receipts; what was claimed leaves an attempt too, what was ended from outside does not."""
    if not done:
        return
    tried = {outcome.message.id: outcome for outcome in outcomes}
    await conn.execute(
        """
        WITH gone AS (DELETE FROM message_state WHERE id = ANY($1::bigint[]) RETURNING *),
        given AS (SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[])
                           AS given(id, result, note, verdict, error)),
        tried AS (
            INSERT INTO attempt (message_id, token, worker, verdict, error)
            SELECT gone.id, gone.token, gone.worker, given.verdict, given.error
            FROM gone JOIN given USING (id) WHERE given.verdict IS NOT NULL
        )
        INSERT INTO receipt (message_id, kind, source, result, note, keyed, aside, received_at)
        SELECT gone.id, gone.kind, gone.source, given.result, given.note, gone.coalesce_key IS NULL, gone.aside,
               gone.received_at
        FROM gone JOIN given USING (id)
        """,
        list(done),
        [verdict.result.value for verdict in done.values()],
        [verdict.note or None for verdict in done.values()],
        [word(tried[number]) if number in tried else None for number in done],
        [said(tried[number]) if number in tried else None for number in done],
    )
    troubled = [number for number in done if number not in tried or tried[number].message.attempts > 1]
    if troubled:
        await cases.close_cases(conn, troubled, "settled")


async def put_to_rest(conn: asyncpg.Connection, rests: Mapping[int, Rest]) -> None:
    if not rests:
        return
    values = list(rests.values())
    await mark_dirty(conn, [number for number, value in rests.items() if value.aside])
    await conn.execute(
        """
        UPDATE message_state AS s SET token = NULL, lease_until = NULL, worker = NULL,
            state = given.state, due_at = given.due_at,
            attempts = s.attempts - CASE WHEN given.free THEN 1 ELSE 0 END,
            entered = s.entered AND NOT given.leaves, ticket = CASE WHEN given.leaves THEN NULL ELSE s.ticket END,
            blockers = 0, failed_since = given.failed_since, doubt_since = given.doubt_since, probes = given.probes,
            send_begun = given.send_begun, aside = coalesce(given.aside, s.aside), note = given.note,
            lanes = CASE WHEN given.lanes IS NULL THEN s.lanes
                         ELSE ARRAY(SELECT jsonb_array_elements_text(given.lanes::jsonb)) END
        FROM unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::bool[], $5::bool[], $6::timestamptz[],
                    $7::timestamptz[], $8::int[], $9::bool[], $10::text[], $11::text[], $12::text[])
            AS given(id, state, due_at, free, leaves, failed_since, doubt_since, probes, send_begun, aside, note, lanes)
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
        [None if value.lanes is None else encode(value.lanes) for value in values],
    )
