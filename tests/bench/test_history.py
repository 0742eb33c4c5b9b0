"""A past that was written in bulk looks like one."""

import asyncpg

from app.domain.message import Draft, MessageClass
from app.outbox.append import append
from bench.history import add_history


async def test_past_is_prolonged_to_what_was_asked_for(pool: asyncpg.Pool) -> None:
    await add_history(pool, 30)
    await add_history(pool, 50)
    rows = await pool.fetchrow(
        """
        SELECT (SELECT count(*) FROM message), (SELECT count(*) FROM receipt), (SELECT count(*) FROM idempotency_key),
               (SELECT count(*) FROM attempt), (SELECT count(*) FROM receipt JOIN message ON id = message_id JOIN idempotency_key USING (message_id))
        """
    )
    assert tuple(rows) == (50, 50, 50, 50, 50)


async def test_what_comes_next_is_younger_than_the_past(pool: asyncpg.Pool) -> None:
    await add_history(pool, 20)
    draft = Draft("centra.order", MessageClass.NOTICE, "centra:uk", "uk", key="centra/uk/webhook/new")
    async with pool.acquire() as conn, conn.transaction():
        (appended,) = await append(conn, [draft])
    assert (appended.message_id, appended.duplicate) == (21, False)
