"""`python -m tests.chaos.hold URL`: locks the row of a destination in a transaction, says so, and is silent from then on."""

import asyncio
import sys

from app.db.session import open_pool


async def hold(url: str) -> None:
    async with open_pool(url, size=1) as pool, pool.acquire() as conn, conn.transaction():
        await conn.execute("SELECT FROM destination FOR UPDATE")
        sys.stdout.write("held\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(hold(sys.argv[1]))
