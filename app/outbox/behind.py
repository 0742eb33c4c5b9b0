"""Who waits behind a message, in any lane in which it stands. Reads only."""

import asyncpg

from app.outbox.browse import MessageRow, rows


async def behind(pool: asyncpg.Pool, message_id: int, *, limit: int = 200) -> list[MessageRow]:
    """In the order in which they came. One that stands in no lane holds nobody up."""
    found = await pool.fetch(
        """
        SELECT DISTINCT t.message_id FROM message_state AS s
        CROSS JOIN LATERAL (SELECT s.order_lane AS lane, s.order_ticket AS ticket
                            UNION ALL SELECT unnest(s.lanes), s.ticket) AS held
        JOIN ticket AS own ON own.lane = held.lane AND own.ticket = held.ticket AND own.message_id = s.id
        JOIN ticket AS t ON t.lane = own.lane AND t.ticket > own.ticket
        WHERE s.id = $1 ORDER BY t.message_id LIMIT $2
        """,
        message_id,
        limit,
    )
    return (await rows(pool, [row["message_id"] for row in found]))[::-1]
