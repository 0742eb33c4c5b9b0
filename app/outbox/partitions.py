"""History by partitions of a million messages: made ahead, dropped whole, never while a message in one is open."""

import asyncpg

ROWS = 1_000_000
AHEAD = 3
TABLES = ("message", "receipt", "attempt")


async def extend(pool: asyncpg.Pool) -> None:
    """Keeps some partitions ahead of the newest id; any number of workers may try at once."""
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute("SELECT pg_advisory_xact_lock(7309480157)")
        newest = await conn.fetchval("SELECT last_value FROM message_id_seq")
        for number in range(newest // ROWS, newest // ROWS + AHEAD + 1):
            for table in TABLES:
                await conn.execute(
                    f"CREATE TABLE IF NOT EXISTS {table}_p{number} PARTITION OF {table} "
                    f"FOR VALUES FROM ({number * ROWS}) TO ({(number + 1) * ROWS})"
                )


async def drop(pool: asyncpg.Pool, number: int) -> bool:
    """Drops one partition and keeps its counts for the balance; False if a message in it is still open."""
    low, high = number * ROWS, (number + 1) * ROWS
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute("SELECT pg_advisory_xact_lock(7309480157)")
        if await conn.fetchval(
            "SELECT EXISTS (SELECT FROM message_state WHERE id >= $1 AND id < $2)", low, high
        ):
            return False
        await conn.execute(
            """
            INSERT INTO message_rollup (source, result, messages)
            SELECT source, result, count(*) FROM receipt WHERE message_id >= $1 AND message_id < $2 AND keyed
            GROUP BY source, result
            ON CONFLICT (source, result) DO UPDATE SET messages = message_rollup.messages + excluded.messages
            """,
            low,
            high,
        )
        for table in TABLES:
            await conn.execute(f"DROP TABLE IF EXISTS {table}_p{number}")
        return True
