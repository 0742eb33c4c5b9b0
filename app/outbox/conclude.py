"""What became of each message, written down: attempts, receipts, and state rows that rest or move up."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import asyncpg

from app.db.session import encode
from app.domain.message import Done, Outcome, Park
from app.outbox import cases
from app.outbox.tickets import Freed, MovedError
from app.outbox.verdict import Rest


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


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds that messages waited behind others, by the class of lane that held them up."""

    order: list[float]
    sku: list[float]


# Everything that is written here is locked first, by id, and judged by what was locked: others may have changed it since
# this statement began. Heads of order lanes become due: `enter` takes them.
_CONCLUDE = """
WITH locked AS MATERIALIZED (
    SELECT id, state, token, lanes, ticket, send_begun, entered, due_at FROM message_state WHERE id = ANY($1::bigint[])
    ORDER BY id FOR UPDATE
), given AS (
    SELECT * FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[])
        AS given(id, token, result, note, verdict, error)
), gone AS (
    DELETE FROM message_state AS s USING locked JOIN given USING (id)
    WHERE s.id = locked.id AND locked.token IS NOT DISTINCT FROM given.token RETURNING s.*
), tried AS (
    INSERT INTO attempt (message_id, token, worker, verdict, error)
    SELECT gone.id, gone.token, gone.worker, given.verdict, given.error
    FROM gone JOIN given USING (id) WHERE given.verdict IS NOT NULL
), receipts AS (
    INSERT INTO receipt (message_id, kind, source, result, note, keyed, aside, received_at)
    SELECT gone.id, gone.kind, gone.source, given.result, given.note, gone.coalesce_key IS NULL, gone.aside,
           gone.received_at
    FROM gone JOIN given USING (id)
), ahead AS (
    UPDATE message_state AS s SET blockers = s.blockers - freed.lanes,
        state = CASE WHEN s.state = 'waiting' AND s.blockers = freed.lanes AND freed.lanes > 0 THEN 'ready' ELSE s.state END,
        due_at = CASE WHEN freed.lanes = 0 THEN '-infinity' ELSE s.due_at END
    FROM unnest($8::bigint[], $9::int[]) AS freed(id, lanes) JOIN locked USING (id)
    WHERE s.id = locked.id AND (
        freed.lanes > 0 OR (locked.state = 'waiting' AND NOT locked.entered AND locked.due_at = 'infinity'))
    RETURNING s.id, s.state = 'ready' AS free, freed.lanes > 0 AS in_sku,
        extract(epoch FROM clock_timestamp() - CASE WHEN freed.lanes > 0 THEN s.waits_since ELSE s.received_at END)::float
            AS waited
)
SELECT locked.*, gone.id IS NOT NULL AS gone, ahead.free, ahead.in_sku, ahead.waited
FROM locked LEFT JOIN gone USING (id) LEFT JOIN ahead USING (id)
"""


async def conclude(
    conn: asyncpg.Connection,
    ids: Iterable[int],
    done: Mapping[int, Done],
    outcomes: Sequence[Outcome],
    freed: Freed,
) -> tuple[dict[int, asyncpg.Record], Waits]:
    """Locks the state rows `ids`, writes what is done, lets move up who heads a lane now. The lanes are locked.

    State rows become receipts; what was claimed leaves an attempt too, what was ended from outside does not. Answers the
    rows as they were when they were locked, by id; the caller gives up the transaction if they moved. Raises MovedError if
    one that is done is not ours to end.
    """
    tried = {outcome.message.id: outcome for outcome in outcomes}
    heads = {**dict.fromkeys(freed.order_heads, 0), **freed.heads}
    rows = await conn.fetch(
        _CONCLUDE,
        sorted({*ids, *done, *heads}),
        list(done),
        [tried[number].message.token if number in tried else None for number in done],
        [verdict.result.value for verdict in done.values()],
        [verdict.note or None for verdict in done.values()],
        [word(tried[number]) if number in tried else None for number in done],
        [said(tried[number]) if number in tried else None for number in done],
        list(heads),
        list(heads.values()),
    )
    if {row["id"] for row in rows if row["gone"]} != done.keys():
        raise MovedError
    troubled = [number for number in done if number not in tried or tried[number].message.attempts > 1]
    if troubled:
        await cases.close_cases(conn, troubled, "settled")
    if outside := [number for number in done if number not in tried]:
        await cases.unflag_locks(conn, outside)
    waits = Waits(
        [row["waited"] for row in rows if row["in_sku"] is False],
        [row["waited"] for row in rows if row["in_sku"] and row["free"]],
    )
    return {row["id"]: row for row in rows}, waits


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
            blockers = 0, failed_since = given.failed_since, doubt_since = given.doubt_since, waited = given.waited,
            probes = given.probes, send_begun = given.send_begun, aside = coalesce(given.aside, s.aside), note = given.note,
            locked_since = given.locked_since,
            lanes = CASE WHEN given.lanes IS NULL THEN s.lanes
                         ELSE ARRAY(SELECT jsonb_array_elements_text(given.lanes::jsonb)) END
        FROM unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::bool[], $5::bool[], $6::timestamptz[],
                    $7::timestamptz[], $8::float8[], $9::int[], $10::bool[], $11::text[], $12::text[],
                    $13::timestamptz[], $14::text[])
            AS given(id, state, due_at, free, leaves, failed_since, doubt_since, waited, probes, send_begun, aside, note,
                     locked_since, lanes)
        WHERE s.id = given.id
        """,
        list(rests),
        [value.state for value in values],
        [value.due_at for value in values],
        [value.free for value in values],
        [value.leaves for value in values],
        [value.failed_since for value in values],
        [value.doubt_since for value in values],
        [value.waited for value in values],
        [value.probes for value in values],
        [value.send_begun for value in values],
        [value.aside for value in values],
        [value.note for value in values],
        [value.locked_since for value in values],
        [None if value.lanes is None else encode(value.lanes) for value in values],
    )


async def mark_dirty(conn: asyncpg.Connection, ids: Sequence[int]) -> None:
    """The SKUs of what stepped aside: something later may now reach the ERP before it."""
    if ids:
        await conn.execute(
            """
            INSERT INTO dirty_sku (sku, reason)
            SELECT DISTINCT substr(lane, 5), 'stepped aside' FROM message_state AS s, unnest(s.lanes) AS held(lane)
            WHERE s.id = ANY($1::bigint[]) AND lane LIKE 'sku:%' ORDER BY 1
            ON CONFLICT (sku) DO UPDATE SET at = now()
            """,
            list(ids),
        )
