"""End: a person's word settles parked messages, unsent. What waited behind them in their order lanes moves up."""

from collections.abc import Mapping

import asyncpg

from app.domain.message import Done
from app.outbox import cases, tickets
from app.outbox.conclude import conclude


async def end(conn: asyncpg.Connection, ends: Mapping[int, Done], resolution: str) -> list[int]:
    """Idempotent: what is no longer parked is left alone. Answers the ids that were. Raises MovedError if one of them was
    let go between the look and the lock.
    """
    rows = await conn.fetch(
        """
        SELECT id, order_lane, order_ticket, lanes, ticket FROM message_state
        WHERE id = ANY($1::bigint[]) AND state = 'parked'
        """,
        list(ends),
    )
    lanes = {row["order_lane"] for row in rows} | {lane for row in rows for lane in row["lanes"]}
    await tickets.lock(conn, lanes - {None})
    # Whoever ended one of them meanwhile did so under the same locks.
    still = {
        row["id"]
        for row in await conn.fetch(
            "SELECT id FROM message_state WHERE id = ANY($1::bigint[]) AND state = 'parked'",
            [row["id"] for row in rows],
        )
    }
    ours = [row for row in rows if row["id"] in still]
    places = [(row["order_lane"], row["order_ticket"]) for row in ours if row["order_lane"] is not None]
    places += [(lane, row["ticket"]) for row in ours if row["ticket"] is not None for lane in row["lanes"]]
    freed = await tickets.leave(conn, places)
    now, _ = await conclude(conn, still, {number: ends[number] for number in sorted(still)}, (), freed)
    if any(now[number]["state"] != "parked" for number in still):
        raise tickets.MovedError
    await cases.rename(conn, list(still), resolution)
    await tickets.sweep(conn, lanes - {None})
    return sorted(still)
