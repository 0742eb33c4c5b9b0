"""Room: what a destination can take now, counted before anything is claimed there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any

import asyncpg

from app.domain.channel import Budget
from app.domain.message import Claimed

RESERVED = 0.3
STEP = timedelta(seconds=60)
"""No two workers' clocks are so far apart: each asks Postgres for the time twice a minute."""
# How the destination fares, what is in flight there, and of which kinds something is due. Each look ends at the first row
# it finds, and is ordered, or statistics of a flood would have it read the table in search of one.
LOOK = """
SELECT d.xmin AS mark, d.tokens, d.spare, d.refilled_at, d.slots, d.failures, d.resume_at, seen.*
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
    """`slots`: ceiling of requests in flight. `probing`: after this many failures in a row only one is tried. `owed`: requests
    that were made and not drawn yet; fewer than none were drawn for nothing.
    """

    slots: int
    budget: Budget | None
    probing: int
    owed: int = 0


@dataclass(frozen=True, slots=True)
class Claim:
    """Where, who, when, and for how long."""

    destination: str
    worker: str
    now: datetime
    lease: timedelta


@dataclass(slots=True)
class Purse:
    """Requests that the budget still gives: `tokens` in all, `share` of them to spare kinds. While one of those is due or in
    flight (`wanted`), orders have the rest: 30 % of all that comes in, and spare kinds 70 %, however many of the others
    wait. Else orders may have everything, and what they leave above `kept` is for spare kinds.
    """

    tokens: float
    share: float
    kept: float
    wanted: bool

    def grants(self, *, spare: bool) -> int:
        return int(min(self.tokens, self.share) if spare else self.tokens - self.share * self.wanted)

    def draw(self, used: int, *, spare: bool) -> None:
        self.tokens -= used
        left = self.tokens if self.wanted else self.tokens - self.kept
        self.share = max(0.0, min(self.share - used * spare, left))


@dataclass(slots=True)
class Room:
    """What the destination can still take in this claim. `spare`: slots for kinds that leave some to orders. `purse`: None,
    there is no budget. `mark`: the version of its row that all this was read from.
    """

    slots: int
    spare: int
    purse: Purse | None
    busy: frozenset[str]
    due: frozenset[tuple[str, str]]
    mark: int

    def grants(self, want: Want) -> int:
        """Messages of this kind that may be taken now."""
        if (want.serial and want.kind in self.busy) or want.behind in self.busy:
            return 0
        slots = min(self.slots, self.spare if want.spare else self.slots)
        if self.purse is not None:
            slots = min(slots, self.purse.grants(spare=want.spare))
        if slots <= 0:
            return 0
        return slots if want.single else want.batch

    def use(self, want: Want, batch: Sequence[Claimed]) -> None:
        used = len(batch) if want.single else min(1, len(batch))
        self.busy |= {want.kind} if batch else set()
        self.slots -= used
        self.spare -= used if want.spare else 0
        if self.purse is not None:
            self.purse.draw(used, spare=want.spare)


async def look(conn: asyncpg.Connection, wants: Sequence[Want], limits: Limits, who: Claim) -> Room | None:
    """None: nothing can be taken, or nothing is due."""
    destination, now = who.destination, who.now
    seen = await conn.fetch(LOOK, destination, [want.kind for want in wants], now)
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
        # Postgres's clock went back: the budget fills from now on, not from when it was last filled.
        await conn.execute("UPDATE destination SET refilled_at = $2 WHERE name = $1", destination, now)
    if row["resume_at"] is not None and row["resume_at"] > now:
        return None
    live = [one for one in seen if one["state"] == "leased"]
    due = frozenset((one["kind"], one["state"]) for one in seen if one["state"] not in {"leased", None})
    ceiling = 1 if row["failures"] >= limits.probing else min(limits.slots, int(row["slots"]))
    free = ceiling - len({held["token"] for held in live})
    if free <= 0 or not due:
        return None
    spare = _spare(ceiling) - len({held["token"] for held in live if held["kind"] in _spares(wants)})
    busy = frozenset(held["kind"] for held in live)
    wanted = bool(_spares(wants) & (busy | {kind for kind, _ in due}))
    return Room(free, spare, _purse(row, limits, now, wanted=wanted), busy, due, row["mark"])


def _spare(ceiling: int) -> int:
    """Slots that others than orders may take: one request that hangs must not hold up all orders."""
    return ceiling - ceil(RESERVED * ceiling) if ceiling > 1 else ceiling


def _spares(wants: Sequence[Want]) -> set[str]:
    return {want.kind for want in wants if want.spare}


def _purse(row: Any, limits: Limits, now: datetime, *, wanted: bool) -> Purse | None:
    budget = limits.budget
    if budget is None:
        return None
    come = max(0.0, (now - row["refilled_at"]).total_seconds()) * budget.rate
    tokens = min(budget.burst, row["tokens"] + come - limits.owed)
    kept = RESERVED * budget.burst
    share = min(budget.burst - kept, row["spare"] + come * (1 - RESERVED))
    return Purse(tokens, max(share, tokens - kept), kept, wanted)
