"""Vendors that a bench can weigh against: books with a known latency, a shop that is never slow."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from app.domain.channel import Channel
from app.domain.erp import (
    Customer,
    Document,
    DocumentStanding,
    Erp,
    Facts,
    Product,
    SalesOrder,
    TaxCode,
    Wanted,
)
from app.domain.errors import DestinationError
from app.domain.order import Address, Line, Order, Standing, Totals

BOOKS, SHOP = "sage200:main", "centra:uk"
TABLES_OF_BOOKS = Facts(
    customers={"WEBGBP": Customer("WEBGBP", "GBP", on_hold=False)},
    tax_codes={"1": TaxCode("1", Decimal(20))},
    warehouses=frozenset({"HOME"}),
    nominals=frozenset({("41100", "WEB", "")}),
)


@dataclass(frozen=True, slots=True)
class Sent:
    """Seconds of the loop's clock."""

    key: str
    began: float
    ended: float


@dataclass(slots=True)
class Books:
    """An ERP that takes `latency` seconds for a create and nothing for a look. `down`: nobody answers there."""

    latency: float
    slots: int
    down: bool = False
    sent: list[Sent] = field(default_factory=list)
    refused: int = 0
    kept: dict[str, Document] = field(default_factory=dict)
    _goal: tuple[int, asyncio.Event] | None = None

    async def sent_all(self, count: int) -> None:
        self._goal = (count, asyncio.Event())
        if len(self.sent) < count:
            await self._goal[1].wait()

    async def facts(self, wanted: Wanted) -> Facts:
        products = {code: Product(code, "", active=True) for code in wanted.products}
        return Facts(
            customers=TABLES_OF_BOOKS.customers,
            products=products,
            tax_codes=TABLES_OF_BOOKS.tax_codes,
            warehouses=TABLES_OF_BOOKS.warehouses,
            nominals=TABLES_OF_BOOKS.nominals,
        )

    async def probe(self, keys: Sequence[str]) -> Mapping[str, tuple[Document, ...]]:
        self._answer()
        return {key: (self.kept[key],) if key in self.kept else () for key in keys}

    async def place(self, order: SalesOrder, last_check: Callable[[], None]) -> Document:
        last_check()
        self._answer()
        clock = asyncio.get_running_loop().time
        began = clock()
        await asyncio.sleep(self.latency)
        self.sent.append(Sent(order.key, began, clock()))
        if self._goal is not None and len(self.sent) == self._goal[0]:
            self._goal[1].set()
        number = len(self.sent)
        live = DocumentStanding.LIVE
        figures = (order.net, order.tax, order.gross)
        self.kept[order.key] = Document(number, f"SO{number}", order.key, order.trace, live, *figures)
        return self.kept[order.key]

    def _answer(self) -> None:
        if self.down:
            self.refused += 1
            raise DestinationError("connection refused")

    def erp(self) -> Erp:
        return Erp("sage200", "main", self.facts, self.probe, self.place, nothing_wrong, slots=self.slots)


async def nothing_wrong() -> tuple[str, ...]:
    return ()


@dataclass(slots=True)
class Shop:
    """`lags`: seconds from the announcement of an order until it was read again."""

    orders: dict[str, Order] = field(default_factory=dict)
    told: dict[str, float] = field(default_factory=dict)
    lags: list[float] = field(default_factory=list)

    async def fetch(self, refs: Sequence[str]) -> Mapping[str, Order]:
        now = time.perf_counter()
        self.lags += [now - self.told.pop(ref) for ref in refs if ref in self.told]
        return {ref: self.orders[ref] for ref in refs}

    def channel(self) -> Channel:
        return Channel("centra", "uk", prefix="B", fetch_orders=self.fetch)


def order_of(ref: str, skus: Sequence[str]) -> Order:
    """One of each SKU, at 24.00 with 4.00 of VAT."""
    lines = tuple(Line(sku, sku, sku, 1, 0, Decimal("24.00"), Decimal(20)) for sku in skus)
    home = Address(
        name="Ada Example", lines=("1 High Street",), city="Leeds", postcode="LS1 1AA", country="GB"
    )
    placed = datetime(2026, 11, 20, 10, tzinfo=UTC)
    return Order(
        connection="uk",
        ref=ref,
        channel_id=ref,
        standing=Standing.RELEASABLE,
        hold_reason="",
        channel_status="CONFIRMED",
        placed_at=placed,
        updated_at=placed,
        store="1",
        market="UK",
        currency="GBP",
        country="GB",
        lines=lines,
        charges=(),
        discount=Decimal(0),
        totals=Totals(Decimal(24 * len(lines)), Decimal(4 * len(lines))),
        delivery=home,
        invoice=home,
    )
