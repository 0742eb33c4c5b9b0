"""Repair: the safety net under the counters."""

import asyncpg


async def repair(pool: asyncpg.Pool) -> int:
    """Entered messages that head all their lanes and are not ready are made so; a number above 0 is a defect.

    Looks from the lane heads: the cost follows the lanes, not what waits in them.
    """
    rows = await pool.fetch(
        """
        WITH stuck AS (
            SELECT s.id FROM message_state AS s
            WHERE s.state = 'waiting' AND s.entered
              AND s.id IN (SELECT head.message_id FROM lane CROSS JOIN LATERAL (
                               SELECT message_id FROM ticket WHERE ticket.lane = lane.key ORDER BY ticket LIMIT 1) AS head
                           WHERE lane.key NOT LIKE 'order:%')
              AND NOT EXISTS (SELECT FROM unnest(s.lanes) AS held(lane)
                              JOIN ticket AS t ON t.lane = held.lane AND t.ticket < s.ticket)
            ORDER BY s.id LIMIT 500 FOR UPDATE SKIP LOCKED
        )
        UPDATE message_state AS s SET state = 'ready', blockers = 0 FROM stuck WHERE s.id = stuck.id
        AND NOT EXISTS (SELECT FROM unnest(s.lanes) AS held(lane)
                        JOIN ticket AS t ON t.lane = held.lane AND t.ticket < s.ticket)
        RETURNING s.id
        """
    )
    return len(rows)
