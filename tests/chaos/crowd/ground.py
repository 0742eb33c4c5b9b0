"""A database of its own for an attack on the engine alone."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from app.db.migrate import upgrade
from app.embedded.reach import discard
from app.embedded.servers import Wish, open_servers

SETTINGS = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "256MB", "max_wal_size": "4GB"}
"""Nobody pulls the plug here; commits stay synchronous."""


@asynccontextmanager
async def open_ground(root: Path) -> AsyncIterator[str]:
    """The URL of a migrated database; only the server's log is left afterwards."""
    home = root / "servers"
    try:
        async with open_servers(
            Wish(home, redis_url="redis://nobody", postgres_settings=SETTINGS)
        ) as servers:
            await upgrade(servers.database_url)
            yield servers.database_url
    finally:
        await asyncio.to_thread(shutil.copy, home / "postgres.log", root)
        discard(home)


async def furnish(pool: asyncpg.Pool, destinations: dict[str, int]) -> None:
    """Destination -> slots; and tables where processes say how far they are, and that they are done."""
    await pool.execute(
        """
        CREATE TABLE at_rest (process int PRIMARY KEY);
        CREATE TABLE horizon (begun int NOT NULL, stop int);
        INSERT INTO horizon VALUES (0, NULL);
        """
    )
    for name, slots in destinations.items():
        await pool.execute("INSERT INTO destination (name, slots) VALUES ($1, $2)", name, slots)
