"""History by partitions of a million messages: made ahead, dropped whole, never while a message in one is open."""

import asyncpg

ROWS = 1_000_000
AHEAD = 3
PATIENCE_MILLISECONDS = 100
TABLES = ("message", "receipt", "attempt")


async def extend(pool: asyncpg.Pool) -> None:
    """Keeps some partitions ahead of the newest id; any number of workers may try at once.

    Made apart and attached, which nobody at work in these tables has to wait for: made in place they would be locked one
    after the other against all who write, some of whom hold the second and want the first.
    """
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute("SELECT pg_advisory_xact_lock(7309480157)")
        newest = await conn.fetchval("SELECT last_value FROM message_id_seq")
        for number in range(newest // ROWS, newest // ROWS + AHEAD + 1):
            for table in TABLES:
                await _attach(conn, table, number)


async def _attach(conn: asyncpg.Connection, table: str, number: int) -> None:
    name = f"{table}_p{number}"
    if await conn.fetchval("SELECT to_regclass($1) IS NULL", name):
        await conn.execute(f"CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
        await conn.execute(
            f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ({number * ROWS}) TO ({(number + 1) * ROWS})"
        )


async def drop(pool: asyncpg.Pool, number: int) -> bool:
    """Drops one partition and keeps its counts for the balance; False if a message in it is still open, or if others are
    at work in these tables: they are not waited for, since all who come would wait behind.
    """
    try:
        return await _drop(pool, number)
    except asyncpg.LockNotAvailableError:
        return False


async def _drop(pool: asyncpg.Pool, number: int) -> bool:
    low, high = number * ROWS, (number + 1) * ROWS
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute("SELECT pg_advisory_xact_lock(7309480157)")
        await conn.execute(f"SET LOCAL lock_timeout = {PATIENCE_MILLISECONDS}")
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
