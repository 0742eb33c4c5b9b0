"""A gateway between a made-up shop and made-up books, on a real database; its clock moves only when told."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
from prometheus_client import CollectorRegistry

from app.domain.channel import Channel, Page
from app.domain.erp import Document, DocumentStanding, EntryKind, Erp, Facts, SalesOrder, Wanted
from app.domain.message import Claimed, Draft, MessageClass
from app.domain.order import Order, Unreadable
from app.flows import work as engine
from app.flows.context import Context, Pace
from app.flows.flow import Flow
from app.flows.release import release
from app.flows.signal import Signal
from app.mappings.shelf import Shelf
from app.outbox.append import append
from app.outbox.enter import enter_due
from app.outbox.rescue import rescue
from app.telemetry.catalogue import make_metrics
from app.telemetry.words import Role
from tests.domain.shop import FACTS, line, make_order

SHOP, BOOKS = "centra:uk", "sage200:main"


class Clock:
    """Real time as it stood at the beginning: leases must look alive to Postgres too."""

    def __init__(self) -> None:
        self.at = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.at

    async def retry_all(self) -> None:
        """A person presses "retry" on every open case; then all goes as far as it can."""
        rows = await self.pool.fetch("SELECT id FROM exception_case WHERE closed_at IS NULL")
        await release(self.pool, [row["id"] for row in rows], actor="ann", reason="mended")
        await self.drain()

    def later(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class Shop:
    """A channel. `pages`: what each poll call answers or raises, in turn; then nothing new."""

    orders: dict[str, Order | Unreadable] = field(default_factory=dict)
    pages: list[Page | Exception] = field(default_factory=list)
    cursors: list[dict] = field(default_factory=list)
    asked: list[list[str]] = field(default_factory=list)
    confirmed: list[list[str]] = field(default_factory=list)
    fails: list[Exception] = field(default_factory=list)
    before_confirm: Callable[[], Any] | None = None

    async def fetch(self, refs: Sequence[str]) -> Mapping[str, Order | Unreadable]:
        self.asked.append(list(refs))
        if self.fails:
            raise self.fails.pop(0)
        return {ref: self.orders[ref] for ref in refs if ref in self.orders}

    async def poll(self, cursor: dict, _now: datetime) -> Page:
        self.cursors.append(cursor)
        page = self.pages.pop(0) if self.pages else Page((), cursor)
        if isinstance(page, Exception):
            raise page
        return page

    async def confirm(self, ids: Sequence[str]) -> None:
        if self.before_confirm is not None:
            await self.before_confirm()
        self.confirmed.append(list(ids))

    def channel(self) -> Channel:
        return Channel(
            "centra",
            "uk",
            prefix="CEN",
            fetch_orders=self.fetch,
            polls={"events": self.poll},
            confirm=self.confirm,
        )


@dataclass
class Books:
    """An ERP. `script`: what becomes of each create, in turn: an error raised before it, `late` to raise after it,
    or a change of the document.
    """

    documents: dict[str, tuple[Document, ...]] = field(default_factory=dict)
    probes: list[list[str]] = field(default_factory=list)
    placed: list[SalesOrder] = field(default_factory=list)
    script: list[Any] = field(default_factory=list)
    probe_fails: list[Exception] = field(default_factory=list)
    facts: Facts = FACTS
    facts_fail: list[Exception] = field(default_factory=list)
    gate: asyncio.Event | None = None
    slots: int = 50

    async def look_up(self, _wanted: Wanted) -> Facts:
        if self.facts_fail:
            raise self.facts_fail.pop(0)
        return self.facts

    async def probe(self, keys: Sequence[str]) -> Mapping[str, tuple[Document, ...]]:
        self.probes.append(list(keys))
        if self.probe_fails:
            raise self.probe_fails.pop(0)
        return {key: self.documents.get(key, ()) for key in keys}

    async def find(self, numbers: Sequence[str]) -> Mapping[str, Document]:
        there = {one.number: one for found in self.documents.values() for one in found}
        return {number: there[number] for number in numbers if number in there}

    async def place(self, order: SalesOrder, last_check: Callable[[], None]) -> Document:
        last_check()
        act = self.script.pop(0) if self.script else None
        if isinstance(act, Exception):
            raise act
        self.placed.append(order)
        if self.gate is not None:
            await self.gate.wait()
        document = document_of(order, 1000 + len(self.placed))
        if isinstance(act, Document):
            document = replace(document, net=act.net, tax=act.tax, gross=act.gross)
        self.documents[order.key] = (*self.documents.get(order.key, ()), document)
        if isinstance(act, Late):
            raise act.error
        return document

    def erp(self) -> Erp:
        return Erp(
            "sage200",
            "main",
            facts=self.look_up,
            probe=self.probe,
            place=self.place,
            find=self.find,
            preflight=nothing_wrong,
            slots=self.slots,
        )


@dataclass(frozen=True)
class Late:
    """The document is made, and the answer is this."""

    error: Exception


async def nothing_wrong() -> tuple[str, ...]:
    return ()


def document_of(order: SalesOrder, number: int) -> Document:
    units = {
        entry.code: Decimal(entry.quantity) for entry in order.entries if entry.kind is EntryKind.STANDARD
    }
    figures = (order.net, order.tax, order.gross)
    return Document(number, f"SO{number}", order.key, order.trace, DocumentStanding.LIVE, *figures, units)


def order_of(ref: str, *skus: str, at: datetime | None = None, **more: Any) -> Order:
    """Each SKU once, at 24.00 with 4.00 of VAT."""
    lines = tuple(line(sku, "24.00") for sku in skus or ("TEE",))
    made = make_order(*lines, gross=f"{24 * len(lines)}.00", tax=f"{4 * len(lines)}.00", ref=ref, **more)
    return made if at is None else replace(made, updated_at=at)


def notice(ref: str, key: str) -> Draft:
    return Draft(
        kind="centra.order",
        cls=MessageClass.NOTICE,
        destination=SHOP,
        source="uk",
        key=f"notice/{key}",
        order_ref=ref,
    )


@dataclass
class Stage:
    ctx: Context
    clock: Clock
    shop: Shop
    books: Books
    registry: CollectorRegistry
    signal: Signal = field(default_factory=Signal)
    told: int = 0

    @property
    def pool(self) -> asyncpg.Pool:
        return self.ctx.pool

    async def append(self, *drafts: Draft) -> list[int]:
        async with self.pool.acquire() as conn, conn.transaction():
            return [one.message_id for one in await append(conn, drafts)]

    async def tell(self, *orders: Order | Unreadable | str) -> None:
        """The shop has these orders now and gives notice of them, all at once; a mere number is only announced."""
        drafts = []
        for order in orders:
            ref = order if isinstance(order, str) else order.ref
            if not isinstance(order, str):
                self.shop.orders[ref] = order
            self.told += 1
            drafts.append(notice(ref, str(self.told)))
        await self.append(*drafts)

    async def take(self, name: str) -> list[tuple[Flow, list[Claimed]]]:
        """Claims as a worker does."""
        flows = engine.flows_at(self.ctx)[name]
        wants = engine.wants_of(flows)
        return [(flows[want.kind], batch) for want, batch in await engine._claim(self.ctx, name, wants)]

    async def handle(self, taken: Sequence[tuple[Flow, list[Claimed]]]) -> None:
        for flow, messages in taken:
            await engine._run(self.ctx, self.signal, flow, messages)

    async def turn(self, name: str) -> int:
        """One claim at a destination, worked to its end; answers how many messages it held."""
        taken = await self.take(name)
        await self.handle(taken)
        return sum(len(messages) for _, messages in taken)

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        """One turn at the books, whose answers come only when this ends."""
        self.books.gate = asyncio.Event()
        before = len(self.books.placed)
        async with asyncio.TaskGroup() as group:
            group.create_task(self.turn(BOOKS))
            async with asyncio.timeout(20):
                while len(self.books.placed) == before:  # noqa: ASYNC110 - the books have nobody to tell
                    await asyncio.sleep(0)
            gate, self.books.gate = self.books.gate, None
            yield
            gate.set()

    async def drain(self, *names: str) -> None:
        """Until nothing is ready."""
        moved = True
        while moved:
            await enter_due(self.pool, self.clock())
            moved = any([await self.turn(name) for name in names or (SHOP, BOOKS)])

    async def accept(self, *orders: Order) -> None:
        """Told, read again, and sent as far as they can be."""
        await self.tell(*orders)
        await self.drain()

    async def retry_all(self) -> None:
        """A person presses "retry" on every open case; then all goes as far as it can."""
        rows = await self.pool.fetch("SELECT id FROM exception_case WHERE closed_at IS NULL")
        await release(self.pool, [row["id"] for row in rows], actor="ann", reason="mended")
        await self.drain()

    def later(self, seconds: float) -> None:
        self.clock.later(seconds)

    async def lose(self) -> None:
        """The worker that holds everything now is never heard of again."""
        self.later(self.ctx.pace.lease + 1)
        await rescue(self.pool, self.clock(), settle_delay=timedelta(seconds=self.ctx.pace.probe))

    async def ends(self) -> dict[str, str]:
        """`<verb> <order>` -> state, or the result once it is done; effects only."""
        rows = await self.pool.fetch(
            """
            SELECT split_part(m.kind, '.', 3) || ' ' || m.order_ref AS name, coalesce(s.state, r.result) AS ended
            FROM message AS m LEFT JOIN message_state AS s USING (id) LEFT JOIN receipt AS r ON r.message_id = m.id
            WHERE m.cls = 'effect' ORDER BY m.id
            """
        )
        return {row["name"]: row["ended"] for row in rows}

    async def notices(self) -> list[tuple[str, str]]:
        """(state or result, note) of each notice, in append order."""
        rows = await self.pool.fetch(
            """
            SELECT coalesce(s.state, r.result) AS ended, coalesce(s.note, r.note, '') AS note
            FROM message AS m LEFT JOIN message_state AS s USING (id) LEFT JOIN receipt AS r ON r.message_id = m.id
            WHERE m.cls = 'notice' ORDER BY m.id
            """
        )
        return [(row["ended"], row["note"]) for row in rows]

    async def state(self, kind: str = "sage200.sales_order.place") -> asyncpg.Record:
        """The one open message of a kind."""
        return await self.pool.fetchrow("SELECT * FROM message_state WHERE kind = $1", kind)

    async def cases(self) -> list[str]:
        """Codes of open cases, with all their violations."""
        rows = await self.pool.fetch(
            """
            SELECT v ->> 'code' AS code FROM exception_case AS e, jsonb_array_elements(e.violations) AS v
            WHERE closed_at IS NULL ORDER BY e.id
            """
        )
        return [row["code"] for row in rows]

    def counted(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0

    def sent(self) -> list[str]:
        return [order.key for order in self.books.placed]


def make_stage(pool: asyncpg.Pool, *, worker: str = "w1", pace: Pace | None = None) -> Stage:
    clock, shop, books, registry = Clock(), Shop(), Books(), CollectorRegistry()
    channel = shop.channel()
    ctx = Context(
        pool,
        clock,
        random.Random(1),
        {channel.destination: channel},
        books.erp(),
        Shelf(pool),
        make_metrics(registry, Role.WORKER),
        pace or Pace(),
        worker,
    )
    return Stage(ctx, clock, shop, books, registry)
