"""Append: permanent keys, then messages, then places. Inside the caller's transaction; nothing here commits."""

from collections.abc import Iterable, Sequence

import asyncpg

from app.db.session import encode
from app.domain.lanes import order_lane, sku_lanes, state_lane
from app.domain.message import Draft, MessageClass
from app.outbox import cases, coalesce, tickets
from app.outbox.enter import rest_behind, take
from app.outbox.keys import Appended, claim_keys
from app.outbox.note import note

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
    if all(draft.cls is MessageClass.NOTICE and draft.key and not draft.park for draft in drafts):
        return await note(conn, drafts)
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
