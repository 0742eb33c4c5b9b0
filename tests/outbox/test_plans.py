import asyncpg
import pytest

from app.outbox.claim import _LOOK

FLOOD = """
INSERT INTO message_state (id, kind, destination, source, state, due_at, entered)
SELECT n, 'erp.place', 'erp:main', 'uk', CASE WHEN n % 5 = 0 THEN $1 ELSE 'waiting' END, '-infinity', true
FROM generate_series(1, 20000) AS n
"""


@pytest.mark.parametrize("state", ["ready", "in_doubt"])
async def test_look_after_a_flood_does_not_read_what_still_waits(pool: asyncpg.Pool, state: str) -> None:
    """Statistics remember the flood. Whoever counts on a first row soon reads all of those that are blocked."""
    await pool.execute(FLOOD, state)
    await pool.execute("ANALYZE message_state")
    await pool.execute("DELETE FROM message_state WHERE state = $1", state)
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute(f"PREPARE look AS {_LOOK}")
        plan = await conn.fetch("EXPLAIN EXECUTE look('erp:main', '{erp.place}', now())")
        await conn.execute("DEALLOCATE look")
    assert "Seq Scan on message_state" not in "\n".join(row[0] for row in plan)
