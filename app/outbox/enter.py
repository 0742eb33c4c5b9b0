"""Enter: a message takes its places in all its `sku:` and `state:` lanes at once. Also how replay, release and the
return from stepping aside come back.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import asyncpg

from app.outbox import tickets


async def take(conn: asyncpg.Connection, lanes: Mapping[int, Sequence[str]]) -> None:
    """Takes places for messages (in this order) whose lanes are locked; ready where they head them all."""
    if not lanes:
        return
    numbers = await tickets.draw(conn, len(lanes))
    standings = [
        tickets.Standing(message, held, number)
        for (message, held), number in zip(lanes.items(), numbers, strict=True)
    ]
    await tickets.stand(conn, standings)
    await conn.execute(
        """
        UPDATE message_state AS s SET entered = true, ticket = place.ticket, blockers = place.blockers,
            waits_since = clock_timestamp(),
            state = CASE WHEN place.blockers = 0 THEN 'ready' ELSE 'waiting' END
        FROM (
            SELECT m.id, CASE WHEN m.lanes = '{}' THEN NULL ELSE given.ticket END AS ticket,
                   (SELECT count(*) FROM unnest(m.lanes) AS held(lane) WHERE given.ticket > (
                        SELECT t.ticket FROM ticket AS t WHERE t.lane = held.lane ORDER BY t.ticket LIMIT 1)) AS blockers
            FROM message_state AS m JOIN unnest($1::bigint[], $2::bigint[]) AS given(id, ticket) ON given.id = m.id
        ) AS place
        WHERE s.id = place.id
        """,
        [standing.message_id for standing in standings],
        numbers,
    )


async def rest_behind(conn: asyncpg.Connection, ids: Sequence[int]) -> set[int]:
    """Those of `ids` that do not head their order lane; they rest until the lane brings them up."""
    rows = await conn.fetch(
        """
        UPDATE message_state AS s SET due_at = 'infinity'
        WHERE s.id = ANY($1::bigint[]) AND s.order_ticket > (
            SELECT t.ticket FROM ticket AS t WHERE t.lane = s.order_lane ORDER BY t.ticket LIMIT 1)
        RETURNING s.id
        """,
        list(ids),
    )
    return {row["id"] for row in rows}


async def enter_all(pool: asyncpg.Pool) -> None:
    """Everything that is due enters now, in order of ids."""
    while await enter_due(pool):
        pass


async def enter_due(pool: asyncpg.Pool, now: datetime | None = None, *, most: int = 200) -> int:
    """Lets messages enter that are due and stand in no lane yet; answers how many did.

    The candidates are read before the locks and read again under them: what changed in between waits for the next
    look, so that the lock order (lanes, then state rows) holds. Lanes that were locked for nothing are left as they were.
    """
    async with pool.acquire() as conn, conn.transaction():
        rows = await conn.fetch(
            """
            SELECT id, lanes, order_lane FROM message_state
            WHERE state = 'waiting' AND NOT entered AND due_at <= coalesce($1, clock_timestamp())
            ORDER BY due_at, id LIMIT $2
            """,
            now,
            most,
        )
        if not rows:
            return 0
        lanes = {lane for row in rows for lane in row["lanes"]} | {row["order_lane"] for row in rows}
        await tickets.lock(conn, lanes - {None})
        known = {row["id"]: row["lanes"] for row in rows}
        still = await conn.fetch(
            """
            SELECT s.id, s.lanes FROM message_state AS s
            WHERE s.id = ANY($1::bigint[]) AND state = 'waiting' AND NOT entered
              AND due_at <= coalesce($2, clock_timestamp())
              AND NOT EXISTS (SELECT FROM ticket AS t WHERE t.lane = s.order_lane AND t.ticket < s.order_ticket)
            ORDER BY id FOR UPDATE
            """,
            list(known),
            now,
        )
        entering = {row["id"]: row["lanes"] for row in still if row["lanes"] == known[row["id"]]}
        await take(conn, entering)
        stay = [row for row in rows if row["id"] not in entering]
        await tickets.sweep(
            conn, {lane for row in stay for lane in (*row["lanes"], row["order_lane"])} - {None}
        )
        return len(entering)
