"""Claim: this worker takes what is ready at one destination, no more than the destination can take now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product
from math import ceil
from typing import Any

import asyncpg

from app.db.session import TROUBLE
from app.domain.channel import Budget
from app.domain.message import Claimed

RESERVED = 0.3
STEP = timedelta(seconds=1)
# How the destination fares, what is in flight there, and of which kinds something is due. Each look ends at the first row
# it finds, and is ordered, or statistics of a flood would have it read the table in search of one.
_LOOK = """
SELECT d.xmin AS mark, d.tokens, d.refilled_at, d.slots, d.failures, d.resume_at, seen.*
FROM destination AS d LEFT JOIN LATERAL (
    SELECT kind, 'leased' AS state, token FROM message_state WHERE destination = $1 AND state = 'leased' GROUP BY kind, token
    UNION ALL
    SELECT want.kind, due.state, NULL FROM unnest($2::text[]) AS want(kind) CROSS JOIN LATERAL (
        (SELECT s.state FROM message_state AS s
         WHERE s.destination = $1 AND s.kind = want.kind AND s.state = 'in_doubt' AND s.due_at <= $3
         ORDER BY s.due_at LIMIT 1)
        UNION ALL
        (SELECT s.state FROM message_state AS s
         WHERE s.destination = $1 AND s.kind = want.kind AND s.state = 'ready' AND s.due_at <= $3
         ORDER BY s.due_at LIMIT 1)
    ) AS due
) AS seen ON true WHERE d.name = $1
"""
# Who takes, changes the destination's row: if it is no longer as it was looked at (its xmin), somebody else took or it
# fares otherwise, and nothing is taken.
# A question is as old as the waits that were set, not as late as it is asked: a clock that leaps ahead between two probes
# must not end the quarantine.
# The state is part of the text: a plan for any state could not use the index of one, and a session that was idle for a
# while keeps such a plan when the flood comes.
_TAKE = """
WITH looked AS (
    SELECT name FROM destination WHERE name = $1 AND xmin = $8 FOR UPDATE
), picked AS (
    SELECT id FROM message_state
    WHERE EXISTS (SELECT FROM looked) AND destination = $1 AND kind = $2 AND state = $state AND due_at <= $3
    ORDER BY due_at, id LIMIT $4 FOR UPDATE SKIP LOCKED
), batch AS (SELECT nextval('token_seq') AS token FROM picked LIMIT 1), taken AS (
    UPDATE message_state AS s SET state = 'leased', lease_until = $5, worker = $6, attempts = s.attempts + 1,
        token = CASE WHEN $7 THEN nextval('token_seq') ELSE (SELECT token FROM batch) END,
        doubt_since = CASE WHEN isfinite(s.due_at) THEN s.doubt_since + LEAST($3 - s.due_at, $3 - s.doubt_since)
                           ELSE s.doubt_since END
    FROM picked WHERE s.id = picked.id
    RETURNING s.id, s.kind, s.destination, s.source, s.order_ref, s.token, s.lease_until, s.attempts,
        s.doubt_since, s.probes, s.received_at, s.due_at, s.lanes, s.ticket, s.order_lane, s.order_ticket
), marked AS (
    UPDATE destination AS d SET refilled_at = $3,
        tokens = coalesce($9 - (SELECT CASE WHEN $7 THEN count(*) ELSE LEAST(count(*), 1) END FROM taken), d.tokens)
    FROM looked WHERE d.name = looked.name RETURNING d.xmin AS mark
)
SELECT marked.mark, taken.*, m.key, m.body, m.raw
FROM marked LEFT JOIN (taken JOIN message AS m ON m.id = taken.id) ON true ORDER BY taken.due_at, taken.id
"""


@dataclass(frozen=True, slots=True)
class Want:
    """A kind that can be worked at a destination. `batch`: most messages a slot takes at once. `serial`: one batch
    in flight in the whole cluster. `single`: each message takes a slot of its own. `spare`: may not touch the part
    of budget and slots that is kept for orders. `behind`: a kind that goes first while it is in flight here.
    """

    kind: str
    batch: int = 1
    serial: bool = False
    single: bool = False
    spare: bool = False
    behind: str | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """`slots`: ceiling of requests in flight. `probing`: after this many failures in a row only one is tried."""

    slots: int
    budget: Budget | None
    probing: int


@dataclass(frozen=True, slots=True)
class Claim:
    """Where, who, when, and for how long."""

    destination: str
    worker: str
    now: datetime
    lease: timedelta


@dataclass(slots=True)
class _Room:
    """What the destination can still take in this claim. `spare`: slots for kinds that leave some to orders. `tokens`:
    None, there is no budget. `mark`: the version of its row that all this was read from.
    """

    slots: int
    spare: int
    tokens: float | None
    kept: float
    busy: frozenset[str]
    due: frozenset[tuple[str, str]]
    mark: int

    def grants(self, want: Want) -> int:
        """Messages of this kind that may be taken now."""
        if (want.serial and want.kind in self.busy) or want.behind in self.busy:
            return 0
        slots = min(self.slots, self.spare if want.spare else self.slots)
        if self.tokens is not None:
            slots = min(slots, int(self.tokens - (self.kept if want.spare else 0.0)))
        if slots <= 0:
            return 0
        return slots if want.single else want.batch

    def use(self, want: Want, batch: Sequence[Claimed]) -> None:
        used = len(batch) if want.single else min(1, len(batch))
        self.slots -= used
        self.spare -= used if want.spare else 0
        if self.tokens is not None:
            self.tokens -= used


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
    room = await _room(conn, wants, limits, who)
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


async def _room(conn: asyncpg.Connection, wants: Sequence[Want], limits: Limits, who: Claim) -> _Room | None:
    destination, now = who.destination, who.now
    seen = await conn.fetch(_LOOK, destination, [want.kind for want in wants], now)
    if not seen:
        burst = limits.budget.burst if limits.budget else 0.0
        await conn.execute(
            "INSERT INTO destination (name, tokens, refilled_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            destination,
            burst,
            now,
        )
        return None
    row = seen[0]
    if row["refilled_at"] > now + STEP:
        # The clock went back: the budget fills from now on, not from when it was last filled.
        await conn.execute("UPDATE destination SET refilled_at = $2 WHERE name = $1", destination, now)
    if row["resume_at"] is not None and row["resume_at"] > now:
        return None
    live = [one for one in seen if one["state"] == "leased"]
    due = frozenset((one["kind"], one["state"]) for one in seen if one["state"] not in {"leased", None})
    ceiling = 1 if row["failures"] >= limits.probing else min(limits.slots, int(row["slots"]))
    free = ceiling - len({held["token"] for held in live})
    if free <= 0 or not due:
        return None
    kept = RESERVED * limits.budget.burst if limits.budget else 0.0
    spare = _spare(ceiling) - len({held["token"] for held in live if held["kind"] in _spares(wants)})
    busy = frozenset(held["kind"] for held in live)
    return _Room(free, spare, _refilled(row, limits.budget, now), kept, busy, due, row["mark"])


def _spare(ceiling: int) -> int:
    """Slots that others than orders may take: one request that hangs must not hold up all orders."""
    return ceiling - ceil(RESERVED * ceiling) if ceiling > 1 else ceiling


def _spares(wants: Sequence[Want]) -> set[str]:
    return {want.kind for want in wants if want.spare}


def _refilled(row: Any, budget: Budget | None, now: datetime) -> float | None:
    if budget is None:
        return None
    elapsed = max(0.0, (now - row["refilled_at"]).total_seconds())
    tokens: float = min(budget.burst, row["tokens"] + elapsed * budget.rate)
    return tokens


@dataclass(frozen=True, slots=True)
class _Grab:
    want: Want
    state: str
    most: int


async def _take(conn: asyncpg.Connection, grab: _Grab, room: _Room, who: Claim) -> list[Claimed] | None:
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
        room.tokens,
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
        doubt_since=row["doubt_since"],
        probes=row["probes"],
        received_at=row["received_at"],
        raw=row["raw"],
        lanes=tuple(row["lanes"]),
        places=_places(row),
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
