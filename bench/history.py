"""A past by plain SQL: messages long settled, as appends and settlements would have left them."""

import asyncpg

from app.outbox import partitions

CHUNK = 250_000


async def add_history(pool: asyncpg.Pool, rows: int) -> None:
    """Prolongs the past to `rows` messages in all: notices of orders, each with its key, attempt and receipt. The ids that
    come next are above them. Statistics are those that autovacuum would have made.
    """
    begun = await pool.fetchval("SELECT last_value FROM message_id_seq WHERE is_called") or 0
    for low in range(begun, rows, CHUNK):
        high = min(low + CHUNK, rows)
        await pool.execute("SELECT setval('message_id_seq', $1)", high)
        await partitions.extend(pool)
        async with pool.acquire() as conn, conn.transaction():
            await conn.execute("SET LOCAL statement_timeout = 0")
            await _fill(conn, low, high)
    for table in ("idempotency_key", "message", "receipt", "attempt"):
        await _vacuum(pool, table)
    await pool.execute("CHECKPOINT", timeout=600)


async def _fill(conn: asyncpg.Connection, low: int, high: int) -> None:
    """Ids above `low`, up to `high`."""
    await conn.execute(
        """
        INSERT INTO idempotency_key (key, message_id, source, body_hash)
        SELECT 'centra/uk/webhook/' || md5(n::text), n, 'uk', sha256(n::text::bytea)
        FROM generate_series($1::bigint + 1, $2::bigint) AS n
        """,
        low,
        high,
        timeout=600,
    )
    await conn.execute(
        """
        INSERT INTO message (id, kind, cls, destination, source, key, order_ref, body)
        SELECT n, 'centra.order', 'notice', 'centra:uk', 'uk', 'centra/uk/webhook/' || md5(n::text), n::text,
               jsonb_build_object('id', n, 'via', 'webhook', 'type', 'order', 'action', 'update',
                                  'date', '2026-03-02 09:14:07.118204')
        FROM generate_series($1::bigint + 1, $2::bigint) AS n
        """,
        low,
        high,
        timeout=600,
    )
    await conn.execute(
        """
        INSERT INTO receipt (message_id, kind, source, result, keyed, received_at)
        SELECT n, 'centra.order', 'uk', 'applied', true, now() FROM generate_series($1::bigint + 1, $2::bigint) AS n
        """,
        low,
        high,
        timeout=600,
    )
    await conn.execute(
        """
        INSERT INTO attempt (message_id, token, worker, verdict, error)
        SELECT n, n, 'bench', 'done', '' FROM generate_series($1::bigint + 1, $2::bigint) AS n
        """,
        low,
        high,
        timeout=600,
    )


async def _vacuum(pool: asyncpg.Pool, table: str) -> None:
    async with pool.acquire() as conn:
        await conn.execute("SET statement_timeout = 0")
        await conn.execute(f"VACUUM ANALYZE {table}", timeout=600)
        await conn.execute("RESET statement_timeout")
