"""Claim: this worker takes what is ready at one destination, no more than the destination can take now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Any

import asyncpg

from app.db.session import TROUBLE
from app.domain.message import Claimed
from app.outbox.room import Claim, Limits, Room, Want, look

# Who takes, changes the destination's row: if it is no longer as it was looked at (its xmin), somebody else took or it
# fares otherwise, and nothing is taken.
# The state is part of the text: a plan for any state could not use the index of one, and a session that was idle for a
# while keeps such a plan when the flood comes.
# Nothing taken is nothing drawn: what is owed is drawn by whoever takes something.
# Tokens are told as what they are: beside a count, Postgres would take them for whole numbers and drop the rest.
_TAKE = """
WITH looked AS (
    SELECT name FROM destination WHERE name = $1 AND xmin = $8 FOR UPDATE
), picked AS (
    SELECT id FROM message_state
    WHERE EXISTS (SELECT FROM looked) AND destination = $1 AND kind = $2 AND state = $state AND due_at <= $3
    ORDER BY due_at, id LIMIT $4 FOR UPDATE SKIP LOCKED
), batch AS (SELECT nextval('token_seq') AS token FROM picked LIMIT 1), taken AS (
    UPDATE message_state AS s SET state = 'leased', lease_until = $5, worker = $6, attempts = s.attempts + 1,
        token = CASE WHEN $7 THEN nextval('token_seq') ELSE (SELECT token FROM batch) END
    FROM picked WHERE s.id = picked.id
    RETURNING s.id, s.kind, s.destination, s.source, s.order_ref, s.token, s.lease_until, s.attempts,
        s.waited, s.probes, s.received_at, s.due_at, s.lanes, s.ticket, s.order_lane, s.order_ticket,
        s.locked_since
), used AS (
    SELECT CASE WHEN $7 THEN count(*) ELSE LEAST(count(*), 1) END AS count FROM taken
), marked AS (
    UPDATE destination AS d SET
        refilled_at = CASE WHEN used.count = 0 THEN d.refilled_at ELSE GREATEST(d.refilled_at, $3) END,
        tokens = CASE WHEN used.count = 0 THEN d.tokens ELSE coalesce($9::float8 - used.count, d.tokens) END,
        spare = CASE WHEN used.count = 0 THEN d.spare ELSE
            coalesce(GREATEST(0, LEAST($10::float8 - $11::float8 * used.count, $9 - used.count - $12::float8)), d.spare) END
    FROM looked, used WHERE d.name = looked.name RETURNING d.xmin AS mark
)
SELECT marked.mark, taken.*, m.key, m.body, m.raw
FROM marked LEFT JOIN (taken JOIN message AS m ON m.id = taken.id) ON true ORDER BY taken.due_at, taken.id
"""


Batches = list[tuple[Want, list[Claimed]]]


async def claim(pool: asyncpg.Pool, wants: Sequence[Want], limits: Limits, who: Claim) -> Batches:
    """Batches to work now, in doubt before ready, kinds in the order given. Committed before anyone is talked to.

    Budgets and live leases are counted by one claimer at a time: who is overtaken by another looks again.
    """
    async with pool.acquire() as conn:
        while (taken := await _attempt(conn, wants, limits, who)) is None:
            pass
        return taken


async def _attempt(
    conn: asyncpg.Connection, wants: Sequence[Want], limits: Limits, who: Claim
) -> Batches | None:
    """None: somebody else was faster, and nothing is taken."""
    room = await look(conn, wants, limits, who)
    if room is None:
        return []
    taken: Batches = []
    for want, state in product(wants, ("in_doubt", "ready")):
        if (want.kind, state) not in room.due or not (most := room.grants(want)):
            continue
        try:
            batch = await _take(conn, _Grab(want, state, most), room, who)
        except TROUBLE:
            if taken:
                return taken
            raise
        if batch is None:
            return taken or None
        if batch:
            taken.append((want, batch))
        room.use(want, batch)
    return taken


@dataclass(frozen=True, slots=True)
class _Grab:
    want: Want
    state: str
    most: int


async def _take(conn: asyncpg.Connection, grab: _Grab, room: Room, who: Claim) -> list[Claimed] | None:
    purse = room.purse
    rows = await conn.fetch(
        _TAKE.replace("$state", f"'{grab.state}'"),
        who.destination,
        grab.want.kind,
        who.now,
        grab.most,
        who.now + who.lease,
        who.worker,
        grab.want.single,
        room.mark,
        purse and purse.tokens,
        purse and purse.share,
        float(grab.want.spare),
        purse.kept if purse and not purse.wanted else 0.0,
    )
    if not rows:
        return None
    room.mark = rows[0]["mark"]
    return [_claimed(row, in_doubt=grab.state == "in_doubt") for row in rows if row["id"] is not None]


def _claimed(row: Any, *, in_doubt: bool) -> Claimed:
    return Claimed(
        id=row["id"],
        kind=row["kind"],
        key=row["key"],
        destination=row["destination"],
        source=row["source"],
        order_ref=row["order_ref"],
        body=row["body"] or {},
        token=row["token"],
        lease_until=row["lease_until"],
        attempts=row["attempts"],
        in_doubt=in_doubt,
        waited=row["waited"],
        probes=row["probes"],
        received_at=row["received_at"],
        raw=row["raw"],
        lanes=tuple(row["lanes"]),
        places=_places(row),
        locked_since=row["locked_since"],
    )


def _places(row: Any) -> tuple[tuple[str, int], ...]:
    order = ((row["order_lane"], row["order_ticket"]),) if row["order_lane"] is not None else ()
    return (*((lane, row["ticket"]) for lane in row["lanes"] if row["ticket"] is not None), *order)


async def renew(pool: asyncpg.Pool, tokens: Sequence[int], until: datetime) -> set[int]:
    """Prolongs leases that are still ours; answers their tokens."""
    rows = await pool.fetch(
        """
        WITH held AS (
            SELECT id FROM message_state WHERE state = 'leased' AND token = ANY($1::bigint[]) ORDER BY id FOR UPDATE
        )
        UPDATE message_state AS s SET lease_until = $2 FROM held WHERE s.id = held.id RETURNING s.token
        """,
        list(tokens),
        until,
    )
    return {row["token"] for row in rows}
