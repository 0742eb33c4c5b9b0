"""`python -m tests.chaos.hold URL [SQL]`: locks the row of a destination in a transaction, sends the SQL if given as far as
having it parsed, says so, and is silent from then on.
"""

import asyncio
import sys

from app.db.session import open_pool


async def hold(url: str, begun: str | None = None) -> None:
    async with open_pool(url, size=1) as pool, pool.acquire() as conn, conn.transaction():
        await conn.execute("SELECT FROM destination FOR UPDATE")
        if begun:
            await conn.prepare(begun)
        sys.stdout.write("held\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(hold(*sys.argv[1:]))
