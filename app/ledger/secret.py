"""Secrets that we make ourselves, once for all processes. Deleting a row makes a new one: what it signed is void."""

import secrets

import asyncpg

BYTES = 32


async def kept(pool: asyncpg.Pool, name: str) -> bytes:
    """Whoever asks first makes it."""
    query = "SELECT value FROM kept_secret WHERE name = $1"
    found: bytes | None = await pool.fetchval(query, name)
    if found is None:
        await pool.execute(
            "INSERT INTO kept_secret (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            name,
            secrets.token_bytes(BYTES),
        )
        found = await pool.fetchval(query, name)
    if found is None:
        raise LookupError(name)
    return found
