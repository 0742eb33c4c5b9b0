"""Every page finds its rows by an index, however long the past is."""

import re
from dataclasses import replace

from app.main import build
from bench.history import add_history
from tests.api.test_messages import put
from tests.api.test_orders import bind
from tests.console.conftest import change, keep, place
from tests.console.test_pages import key_of

PAST = 30_000
SCAN = re.compile(r"Seq Scan on (message|receipt|attempt|intent|idempotency_key)(_p\d+)?\b")


class Watch:
    """A pool that looks at the plan of each query before it asks it."""

    def __init__(self, pool, found):
        self._pool = pool
        self._found = found

    def __getattr__(self, name):
        return getattr(self._pool, name)

    async def _look(self, query, given):
        if query.lstrip().startswith(("SELECT", "WITH")):
            rows = await self._pool.fetch(f"EXPLAIN {query}", *given)
            self._found += [row[0].strip() for row in rows if SCAN.search(row[0])]

    async def fetch(self, query, *given):
        await self._look(query, given)
        return await self._pool.fetch(query, *given)

    async def fetchrow(self, query, *given):
        await self._look(query, given)
        return await self._pool.fetchrow(query, *given)

    async def fetchval(self, query, *given):
        await self._look(query, given)
        return await self._pool.fetchval(query, *given)


async def test_no_page_reads_the_whole_past(shop, ann):
    await add_history(shop.pool, PAST)
    await keep(shop.pool, "1")
    await bind(shop.pool, "1", "UK-1")
    await put(shop.pool, *(place(n) for n in range(1, 60)))
    await put(shop.pool, change(1))
    group = await key_of(shop.pool)
    found = []
    ann.client._transport.app = build(replace(shop.state, pool=Watch(shop.pool, found)))
    for path in (
        *(
            "/",
            f"/groups/{group}",
            f"/groups/{group}/plan?act=retry",
            "/exceptions/1",
            "/exceptions?settled=yes",
        ),
        *(
            "/orders?reference=77",
            "/orders?reference=UK-1",
            "/orders?reference=0000000123",
            "/lanes",
            "/audit",
        ),
    ):
        assert (await ann.get(path)).status_code == 200, path
        assert (path, found) == (path, [])


async def test_a_scan_would_be_seen(shop):
    await add_history(shop.pool, PAST)
    found = []
    await Watch(shop.pool, found).fetch("SELECT id FROM message WHERE body ->> 'via' = $1", "x")
    assert found
