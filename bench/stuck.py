"""A flow that is stuck: heads that hold their lanes for good, and any number of messages behind them.

The heads come to be by the engine's own verbs. What waits behind is written in bulk, as append would leave it (a test
compares the two): a million appends would take longer than all the rest.
"""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from app.db.session import open_pool
from app.domain.message import Draft, InDoubt, MessageClass, Outcome, Retry
from app.outbox.append import append
from app.outbox.claim import claim
from app.outbox.room import Claim, Limits, Want
from app.outbox.settle import settle
from app.outbox.verdict import Rules

OFFSETS = (0, 37, 91, 148)
"""Between the lanes of a message with several lines: distinct in any ring of 149 lanes or more."""
DAY = 86_400.0
CHUNK = 100_000


@dataclass(frozen=True, slots=True)
class Flow:
    """Where the stuck messages were going. `lanes`: stuck SKUs."""

    kind: str
    destination: str
    lanes: int = 200

    def draft(self, ref: str, skus: tuple[str, ...]) -> Draft:
        return Draft(
            kind=self.kind,
            cls=MessageClass.EFFECT,
            destination=self.destination,
            source="bench",
            key=f"bench/{ref}",
            order_ref=ref,
            skus=skus,
        )

    def head(self, number: int) -> Draft:
        return self.draft(f"head-{number:03}", (f"STUCK{number:03}",))

    def behind(self, number: int) -> Draft:
        """1.7 lines on average: 11 in 20 have one, 5 have two, 3 have three, 1 has four."""
        turn = number % 20
        lines = 1 + (turn >= 11) + (turn >= 16) + (turn >= 19)
        places = sorted((number + offset) % self.lanes for offset in OFFSETS[:lines])
        return self.draft(f"behind-{number}", tuple(f"STUCK{place:03}" for place in places))


async def obstruct(url: str, flow: Flow, now: datetime) -> None:
    """A third of the heads leased by another worker in one batch, a third in doubt, the rest not due; all for a day."""
    async with open_pool(url, size=2) as pool:
        async with pool.acquire() as conn, conn.transaction():
            await append(conn, [flow.head(number) for number in range(flow.lanes)])
        await pool.execute("INSERT INTO destination (name, slots) VALUES ($1, 50)", flow.destination)
        third = flow.lanes // 3
        want, limits = Want(flow.kind, batch=third), Limits(50, None, 5)
        who = Claim(flow.destination, "another", now, timedelta(seconds=DAY))
        await claim(pool, [want], limits, who)
        await claim_and_leave(pool, Want(flow.kind, batch=third), who, InDoubt("no answer", DAY / 2))
        await claim_and_leave(pool, Want(flow.kind, batch=flow.lanes), who, Retry("later", DAY / 2))


async def claim_and_leave(pool: asyncpg.Pool, want: Want, who: Claim, verdict: InDoubt | Retry) -> None:
    ((_, messages),) = await claim(pool, [want], Limits(50, None, 5), who)
    outcomes = [Outcome(message, verdict) for message in messages]
    rules = Rules(who.now, random.Random(1), patience=DAY)  # noqa: S311 - jitter
    async with pool.acquire() as conn, conn.transaction():
        await settle(conn, outcomes, (), rules)


async def pile_up(url: str, flow: Flow, count: int) -> None:
    """`count` messages wait behind the heads; then what autovacuum would do has been done."""
    conn = await asyncpg.connect(url)
    try:
        for first in range(0, count, CHUNK):
            async with conn.transaction():
                await _draw(conn, flow, first, min(count, first + CHUNK))
                await _store(conn, flow)
                await _stand(conn)
        await conn.execute("VACUUM (ANALYZE)")
        await conn.execute("CHECKPOINT")
    finally:
        await conn.close()


async def _draw(conn: asyncpg.Connection, flow: Flow, first: int, last: int) -> None:
    await conn.execute(
        """
        CREATE TEMPORARY TABLE behind ON COMMIT DROP AS
        SELECT nextval('message_id_seq') AS id, nextval('ticket_seq') AS order_ticket, nextval('ticket_seq') AS ticket,
            'behind-' || number AS ref, 'order:bench/behind-' || number AS order_lane,
            ARRAY(SELECT 'sku:STUCK' || lpad(((number + gap) % $4)::text, 3, '0')
                  FROM unnest(($3::int[])[1 : 1 + (number % 20 >= 11)::int + (number % 20 >= 16)::int
                                              + (number % 20 >= 19)::int]) AS gap ORDER BY 1) AS lanes
        FROM generate_series($1::int, $2::int - 1) AS number ORDER BY number
        """,
        first,
        last,
        list(OFFSETS),
        flow.lanes,
    )


async def _store(conn: asyncpg.Connection, flow: Flow) -> None:
    await conn.execute(
        """
        INSERT INTO idempotency_key (key, message_id, source, body_hash)
        SELECT 'bench/' || ref, id, 'bench', sha256('{}') FROM behind
        """
    )
    await conn.execute(
        """
        INSERT INTO message (id, kind, cls, destination, source, key, order_ref, body)
        SELECT id, $1, 'effect', $2, 'bench', 'bench/' || ref, ref, '{}' FROM behind
        """,
        flow.kind,
        flow.destination,
    )
    await conn.execute(
        """
        INSERT INTO message_state (id, kind, destination, source, order_ref, state, entered, blockers, due_at,
                                   order_lane, order_ticket, lanes, ticket, waits_since)
        SELECT id, $1, $2, 'bench', ref, 'waiting', true, cardinality(lanes), '-infinity', order_lane, order_ticket,
               lanes, ticket, clock_timestamp()
        FROM behind
        """,
        flow.kind,
        flow.destination,
    )


async def _stand(conn: asyncpg.Connection) -> None:
    await conn.execute(
        """
        WITH places AS (
            SELECT order_lane AS lane, order_ticket AS ticket, id FROM behind
            UNION ALL SELECT unnest(lanes), ticket, id FROM behind
        )
        INSERT INTO ticket (lane, ticket, message_id) SELECT lane, ticket, id FROM places
        """
    )
    await conn.execute("INSERT INTO lane (key) SELECT order_lane FROM behind")
