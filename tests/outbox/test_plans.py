import pytest

from app.db.session import open_pool
from app.outbox.room import LOOK

FLOOD = """
INSERT INTO message_state (id, kind, destination, source, state, due_at, entered)
SELECT n, 'erp.place', 'erp:main', 'uk', CASE WHEN n % 5 = 0 THEN $1 ELSE 'waiting' END, '-infinity', true
FROM generate_series(1, 20000) AS n
"""


@pytest.mark.parametrize("state", ["ready", "in_doubt"])
async def test_look_after_a_flood_does_not_read_what_still_waits(database_url: str, state: str) -> None:
    """Statistics remember the flood. Whoever counts on a first row soon reads all of those that are blocked; also in a
    session that may read whole tables.
    """
    async with open_pool(database_url, size=1) as pool, pool.acquire() as conn, conn.transaction():
        await conn.execute(FLOOD, state)
        await conn.execute("ANALYZE message_state")
        await conn.execute("DELETE FROM message_state WHERE state = $1", state)
        await conn.execute(f"PREPARE look AS {LOOK}")
        plan = await conn.fetch("EXPLAIN EXECUTE look('erp:main', '{erp.place}', now())")
        await conn.execute("DEALLOCATE look")
    assert "Seq Scan on message_state" not in "\n".join(row[0] for row in plan)
