"""Notices that parked because their order could not be understood, and whose order was understood since: their cause is
gone, so they end by themselves. A return is not about what its order says now: it waits for its person.
"""

import asyncpg

from app.domain.message import Done, Result
from app.outbox.end import end

MOST = 200


async def end_overtaken(pool: asyncpg.Pool) -> int:
    """Answers how many ended. The younger read stands in the ledger; nothing is lost with the older notice."""
    rows = await pool.fetch(
        """
        SELECT DISTINCT s.id FROM message_state AS s JOIN message AS m ON m.id = s.id AND m.cls = 'notice'
        JOIN exception_case AS e ON e.message_id = s.id AND e.closed_at IS NULL AND NOT e.flag
        JOIN order_snapshot AS o ON o.connection = s.source AND o.ref = s.order_ref
        WHERE s.state = 'parked' AND s.kind LIKE '%.order' AND o.standing <> 'unknown' AND o.changed_at > e.opened_at LIMIT $1
        """,
        MOST,
    )
    if not rows:
        return 0
    done = Done(Result.SUPERSEDED, "its order was read since")
    async with pool.acquire() as conn, conn.transaction():
        return len(await end(conn, {row["id"]: done for row in rows}, "overtaken"))
