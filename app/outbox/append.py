"""Append: permanent keys, then messages, then places. Inside the caller's transaction; nothing here commits."""

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import asyncpg

from app.db.session import encode
from app.domain.lanes import order_lane, sku_lanes, state_lane
from app.domain.message import Draft, MessageClass
from app.outbox import cases, coalesce, tickets
from app.outbox.enter import rest_behind, take


@dataclass(frozen=True, slots=True)
class Appended:
    """`message_id` of the new message, or of the first that held the key."""

    message_id: int
    duplicate: bool = False
    conflict: bool = False


Fresh = Sequence[tuple[int, Draft]]


def lanes_of(draft: Draft) -> tuple[str, ...]:
    """The lanes that hold it up besides its order lane, sorted."""
    if draft.cls is MessageClass.NOTICE:
        return ()
    if draft.coalesce_key is not None:
        return (state_lane(draft.coalesce_key),)
    return sku_lanes(draft.skus)


def order_lane_of(draft: Draft) -> str | None:
    """Notices take no lane: their handler works each connection's in append order, one batch at a time."""
    if draft.cls is MessageClass.NOTICE or draft.order_ref is None:
        return None
    return order_lane(draft.source, draft.order_ref)


def all_lanes(drafts: Iterable[Draft]) -> set[str]:
    lanes: set[str] = set()
    for draft in drafts:
        lanes.update(lanes_of(draft))
        lane = order_lane_of(draft)
        lanes.update({lane} if lane else ())
    return lanes


async def append(conn: asyncpg.Connection, drafts: Sequence[Draft]) -> list[Appended]:
    """Stores what is new; answers in the order of the drafts."""
    answers = await claim_keys(conn, drafts)
    fresh = only_fresh(answers, drafts)
    await tickets.lock(conn, all_lanes(draft for _, draft in fresh))
    await place(conn, fresh)
    return answers


def only_fresh(answers: Sequence[Appended], drafts: Sequence[Draft]) -> Fresh:
    return [
        (answer.message_id, draft)
        for answer, draft in zip(answers, drafts, strict=True)
        if not answer.duplicate
    ]


async def claim_keys(conn: asyncpg.Connection, drafts: Sequence[Draft]) -> list[Appended]:
    """Gives each draft an id; a key decides who is first, whoever else appends it at the same time."""
    rows = await conn.fetch(
        "SELECT nextval('message_id_seq') AS id FROM generate_series(1, $1::int)", len(drafts)
    )
    ids = sorted(row["id"] for row in rows)
    keyed = sorted((draft.key, number) for number, draft in enumerate(drafts) if draft.key is not None)
    if not keyed:
        return [Appended(number) for number in ids]
    won = await conn.fetch(
        """
        INSERT INTO idempotency_key (key, message_id, source, body_hash)
        SELECT key, id, source, hash
        FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bytea[]) WITH ORDINALITY AS given(key, id, source, hash, n)
        ORDER BY n ON CONFLICT (key) DO NOTHING RETURNING message_id
        """,
        [key for key, _ in keyed],
        [ids[number] for _, number in keyed],
        [drafts[number].source for _, number in keyed],
        [body_hash(drafts[number]) for _, number in keyed],
    )
    fresh = {row["message_id"] for row in won}
    answers = {number: Appended(message_id) for number, message_id in enumerate(ids)}
    answers.update(await _known(conn, {n: drafts[n] for _, n in keyed if ids[n] not in fresh}))
    return [answers[number] for number in range(len(drafts))]


def body_hash(draft: Draft) -> bytes:
    return hashlib.sha256(_evidence(draft)).digest()


def _evidence(draft: Draft) -> bytes:
    return draft.raw if draft.raw is not None else encode(draft.body).encode()


async def _known(conn: asyncpg.Connection, lost: dict[int, Draft]) -> dict[int, Appended]:
    """Who held these keys first; another body under a known key is kept as a conflict."""
    if not lost:
        return {}
    rows = await conn.fetch(
        "SELECT key, message_id, body_hash FROM idempotency_key WHERE key = ANY($1::text[])",
        [draft.key for draft in lost.values()],
    )
    first = {row["key"]: row for row in rows}
    answers = {}
    for number, draft in lost.items():
        row, digest = first[draft.key], body_hash(draft)
        same = hmac.compare_digest(row["body_hash"], digest)
        answers[number] = Appended(row["message_id"], duplicate=True, conflict=not same)
        if not same:
            await conn.execute(
                "INSERT INTO key_conflict (key, body_hash, raw) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                draft.key,
                digest,
                _evidence(draft),
            )
    return answers


async def place(conn: asyncpg.Connection, fresh: Fresh) -> None:
    """Stores messages whose keys are won and whose lanes are locked, and lets those enter that may."""
    if not fresh:
        return
    await _store(conn, fresh)
    fresh = await coalesce.replace_waiting(conn, fresh)
    await _open(conn, [(number, draft) for number, draft in fresh if draft.park is None])
    parked = [(number, draft) for number, draft in fresh if draft.park is not None]
    if parked:
        await _open(conn, parked, state="parked")
        await cases.open_cases(
            conn,
            [
                cases.Case(n, draft.source, draft.order_ref, (draft.park,))
                for n, draft in parked
                if draft.park
            ],
        )


async def _store(conn: asyncpg.Connection, fresh: Fresh) -> None:
    await conn.execute(
        """
        INSERT INTO message (id, kind, cls, destination, source, key, order_ref, body, raw, parent_id)
        SELECT id, kind, cls, destination, source, key, order_ref, body::jsonb, raw, parent_id
        FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                    $9::bytea[], $10::bigint[])
            AS given(id, kind, cls, destination, source, key, order_ref, body, raw, parent_id)
        """,
        [number for number, _ in fresh],
        [draft.kind for _, draft in fresh],
        [draft.cls.value for _, draft in fresh],
        [draft.destination for _, draft in fresh],
        [draft.source for _, draft in fresh],
        [draft.key for _, draft in fresh],
        [draft.order_ref for _, draft in fresh],
        [encode(draft.body) for _, draft in fresh],
        [draft.raw for _, draft in fresh],
        [draft.parent for _, draft in fresh],
    )


async def _open(conn: asyncpg.Connection, fresh: Fresh, *, state: str = "waiting") -> None:
    """Writes state rows; a message that holds no lane is ready at once, one that heads its order lane enters."""
    lanes = {number: lanes_of(draft) for number, draft in fresh}
    orders = {number: order_lane_of(draft) for number, draft in fresh}
    free = {number for number in lanes if not lanes[number] and orders[number] is None and state == "waiting"}
    ordered = [number for number in lanes if orders[number]]
    numbers = dict(zip(ordered, await tickets.draw(conn, len(ordered)), strict=True)) if ordered else {}
    await conn.execute(
        """
        INSERT INTO message_state (id, kind, destination, source, order_ref, coalesce_key, state, entered, due_at,
                                   order_lane, order_ticket, lanes)
        SELECT id, kind, destination, source, order_ref, coalesce_key, state, entered, coalesce(due_at, '-infinity'),
               order_lane, order_ticket, ARRAY(SELECT jsonb_array_elements_text(lanes::jsonb))
        FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                    $8::bool[], $9::timestamptz[], $10::text[], $11::bigint[], $12::text[])
            AS given(id, kind, destination, source, order_ref, coalesce_key, state, entered, due_at,
                     order_lane, order_ticket, lanes)
        """,
        [number for number, _ in fresh],
        [draft.kind for _, draft in fresh],
        [draft.destination for _, draft in fresh],
        [draft.source for _, draft in fresh],
        [draft.order_ref for _, draft in fresh],
        [draft.coalesce_key for _, draft in fresh],
        ["ready" if number in free else state for number, _ in fresh],
        [number in free for number, _ in fresh],
        [draft.due_at for _, draft in fresh],
        [orders[number] for number, _ in fresh],
        [numbers.get(number) for number, _ in fresh],
        [encode(lanes[number]) for number, _ in fresh],
    )
    if state == "waiting":
        await _enter(
            conn, {n: lanes[n] for n in lanes if n not in free}, {n: (orders[n], numbers[n]) for n in ordered}
        )


async def _enter(
    conn: asyncpg.Connection, lanes: dict[int, tuple[str, ...]], ordered: dict[int, tuple[str | None, int]]
) -> None:
    standings = [
        tickets.Standing(number, [lane], ticket) for number, (lane, ticket) in ordered.items() if lane
    ]
    if standings:
        await tickets.stand(conn, standings)
    behind = await rest_behind(conn, list(ordered)) if ordered else set()
    await take(conn, {number: held for number, held in lanes.items() if number not in behind})
