"""The worker as shipped between the vendors of a bench, on a uvloop of its own as in production."""

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import asyncpg
import uvloop
from prometheus_client import CollectorRegistry

from app.db.session import open_pool
from app.domain.message import Draft, MessageClass
from app.domain.rows import TABLES
from app.flows.context import Context, Pace
from app.flows.signal import Signal
from app.flows.work import work
from app.mappings.shelf import Shelf
from app.mappings.write import put
from app.outbox.append import append
from app.telemetry.catalogue import make_metrics
from app.telemetry.logs import configure_logging
from app.telemetry.words import Role
from bench.vendors import BOOKS, SHOP, Books, Shop, order_of

T = TypeVar("T")
CONNECTIONS = 10
BATCH = 200
ROWS = (
    ("customers", {"connection": "uk", "currency": "GBP", "reference": "WEBGBP"}),
    ("tax_codes", {"ship_from": "GB", "ship_to": "UK", "rate": "20", "code": "1"}),
    ("warehouses", {"connection": "uk", "warehouse": "HOME", "ships_from": "GB"}),
    ("posting_rules", {"rule": "sales", "position": 1, "nominal": "41100", "cost_centre": "WEB"}),
)


async def on_uvloop(run: Callable[[], Awaitable[T]]) -> T:
    """Runs it on another thread, with the loop and the log of a worker; the log is thrown away."""

    async def whole() -> T:
        return await run()

    def there() -> T:
        with (
            Path(os.devnull).open("w") as nowhere,
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            configure_logging("worker", nowhere)
            return runner.run(whole())

    return await asyncio.to_thread(there)


@dataclass(slots=True)
class Gateway:
    """One database, one worker, its vendors."""

    ctx: Context
    books: Books
    shop: Shop
    signal: Signal = field(default_factory=Signal)

    async def tell(self, refs: Sequence[str], baskets: Sequence[Sequence[str]]) -> None:
        """The shop has these orders, and gives notice of each; the doorbell is rung after the commit."""
        self.shop.orders |= {ref: order_of(ref, basket) for ref, basket in zip(refs, baskets, strict=True)}
        drafts = [_notice(ref) for ref in refs]
        for start in range(0, len(drafts), BATCH):
            async with self.ctx.pool.acquire() as conn, conn.transaction():
                self.shop.told |= dict.fromkeys(refs[start : start + BATCH], time.perf_counter())
                await append(conn, drafts[start : start + BATCH])
        self.signal.ring()

    async def settled(self, destination: str) -> None:
        while await self.open_at(destination):  # noqa: ASYNC110 - Postgres has nobody to tell
            await asyncio.sleep(0.005)

    async def open_at(self, destination: str) -> int:
        count: int = await self.ctx.pool.fetchval(
            "SELECT count(*) FROM message_state WHERE destination = $1 AND coalesce_key IS NULL", destination
        )
        return count

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """The loop of a worker runs meanwhile; what is in hand at the end is finished."""
        self.signal = Signal()
        async with asyncio.TaskGroup() as group:
            group.create_task(work(self.ctx, self.signal))
            try:
                yield
            finally:
                self.signal.stop()

    async def stock_up(self, baskets: Sequence[Sequence[str]]) -> None:
        """Orders are told and read again; their effects wait in their lanes, in this order, and nothing is sent yet."""
        await self.ctx.pool.execute(
            """
            INSERT INTO destination (name, slots, resume_at) VALUES ($1, $2, now() + interval '1 day'), ($3, 1, NULL)
            """,
            BOOKS,
            float(self.books.slots),
            SHOP,
        )
        async with self.working():
            await self.tell([str(number) for number in range(len(baskets))], baskets)
            await self.settled(SHOP)
        await self.ctx.pool.execute("ANALYZE")
        await self.ctx.pool.execute("UPDATE destination SET resume_at = NULL")


def _notice(ref: str) -> Draft:
    return Draft(
        kind="centra.order",
        cls=MessageClass.NOTICE,
        destination=SHOP,
        source="uk",
        key=f"bench/notice/{ref}",
        order_ref=ref,
    )


@asynccontextmanager
async def open_gateway(url: str, books: Books, pace: Pace) -> AsyncIterator[Gateway]:
    shop = Shop()
    channel = shop.channel()
    async with open_pool(url, size=CONNECTIONS, by_key=True) as pool:
        await _furnish(pool)
        yield Gateway(
            Context(
                pool,
                lambda: datetime.now(UTC),
                random.SystemRandom(),
                {channel.destination: channel},
                books.erp(),
                Shelf(pool),
                make_metrics(CollectorRegistry(), Role.WORKER),
                pace,
                "bench",
            ),
            books,
            shop,
        )


async def _furnish(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as conn, conn.transaction():
        for table, row in ROWS:
            await put(conn, table, [TABLES[table].model_validate(row)], actor="bench", reason="bench")
