"""Codes to record ids and facts: Sage links by id, people and channels by code (sage200.md 10.1)."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta

from app.connectors.sage200.client import Client
from app.connectors.sage200.lookups import MISS, Finder, Kind
from app.connectors.sage200.mapping import Ids
from app.connectors.sage200.payloads import CustomerRow, ProductRow
from app.connectors.sage200.settings import Sage200Settings
from app.connectors.sage200.tables import Tables, read_tables
from app.domain.erp import Customer, EntryKind, Facts, Product, Quote, SalesOrder, TaxCode, Wanted
from app.domain.errors import PermanentError
from app.domain.lanes import normalise

CUSTOMERS = Kind(
    "customers",
    "reference",
    CustomerRow,
    "id,reference,currency_id,on_hold",
    normalise,
    lambda row: row.reference,
)
PRODUCT_FIELDS = "id,code,barcode,product_group_id,tax_code_id,product_status_type,allow_sales_order"
PRODUCTS = Kind("products", "code", ProductRow, PRODUCT_FIELDS, normalise, lambda row: row.code)
BARCODES = Kind("products", "barcode", ProductRow, PRODUCT_FIELDS, str.strip, lambda row: row.barcode)


class Reference:
    def __init__(self, client: Client, settings: Sage200Settings, now: Callable[[], datetime]) -> None:
        self._client = client
        self._settings = settings
        self._now = now
        self._customers = Finder(CUSTOMERS, client, settings, now)
        self._products = Finder(PRODUCTS, client, settings, now)
        self._barcodes = Finder(BARCODES, client, settings, now)
        self._tables: Tables | None = None
        self._reading = asyncio.Lock()

    async def facts(self, wanted: Wanted) -> Facts:
        tables = await self.tables()
        customers, products, barcodes = await asyncio.gather(
            self._customers.find(wanted.customers),
            self._products.find(wanted.products),
            self._barcodes.find(wanted.barcodes),
        )
        found = [row for rows in (*products.values(), *barcodes.values()) for row in rows]
        if any(row.product_group_id and row.product_group_id not in tables.groups for row in found):
            tables = await self.tables(oldest=MISS)
        return Facts(
            customers={
                code: _customer(customers[normalise(code)][0], tables)
                for code in wanted.customers
                if normalise(code) in customers
            },
            products={code: _product(rows[0], tables) for code, rows in products.items()},
            by_barcode={
                code: tuple(_product(row, tables) for row in rows) for code, rows in barcodes.items()
            },
            tax_codes={row.code: TaxCode(row.code, row.tax_rate) for row in tables.taxes.values()},
            warehouses=frozenset(tables.warehouses),
            charges=tables.charges,
            nominals=tables.nominals,
            required_analysis=frozenset(slot for slot, row in tables.analysis.items() if row.is_mandatory),
            tax_inclusive=tables.settings.are_prices_tax_inclusive,
        )

    async def quoted(self, quotes: Collection[Quote]) -> Mapping[Quote, tuple[int, int]]:
        """Record ids of customer and product; a quote that names what Sage lacks, or has twice, is left out."""
        customers = await self._customers.find({quote.customer for quote in quotes})
        products = await self._products.find({quote.code for quote in quotes})
        return {
            quote: (customers[normalise(quote.customer)][0].id, products[quote.code][0].id)
            for quote in quotes
            if normalise(quote.customer) in customers and len(products.get(quote.code, ())) == 1
        }

    async def ids(self, order: SalesOrder, *, anew: bool = False) -> Ids:
        """Raises PermanentError for a code that Sage does not know. `anew`: remembers nothing of these codes."""
        codes = {entry.code for entry in order.entries if entry.kind is EntryKind.STANDARD}
        if anew:
            self._customers.forget([order.customer])
            self._products.forget(codes)
        customers = await self._customers.find([order.customer])
        if not customers:
            raise PermanentError("E-CUST-UNMAPPED", f"Sage has no customer account {order.customer}")
        products = await self._products.find(codes)
        unknown = sorted(code for code in codes if normalise(code) not in products)
        if unknown:
            raise PermanentError("E-SKU-UNKNOWN", f"Sage has no product {', '.join(unknown)}")
        twice = sorted(rows[0].code for rows in products.values() if len(rows) > 1)
        if twice:
            raise PermanentError(
                "E-SKU-AMBIGUOUS", f"Sage has several products spelled like {', '.join(twice)}"
            )
        tables = await self._tables_for(order, anew=anew)
        return Ids(
            customer=customers[normalise(order.customer)][0].id,
            products={key: rows[0].id for key, rows in products.items()},
            warehouses=tables.warehouses,
            taxes={code: row.id for code, row in tables.taxes.items()},
            country=tables.countries.get(order.delivery.country.upper()),
        )

    async def tables(self, *, oldest: timedelta | None = None) -> Tables:
        """`oldest`: how old an answer may be; the configured time by default."""
        most = timedelta(seconds=self._settings.lookup_ttl_seconds) if oldest is None else oldest
        async with self._reading:
            if self._tables is None or not timedelta() <= self._now() - self._tables.read_at < most:
                self._tables = await read_tables(self._client, self._now())
            return self._tables

    async def _tables_for(self, order: SalesOrder, *, anew: bool) -> Tables:
        tables = await self.tables(oldest=MISS if anew else None)
        if list(_unknown(order, tables)):
            tables = await self.tables(oldest=MISS)
        unknown = sorted(set(_unknown(order, tables)))
        if unknown:
            raise PermanentError("E-SAGE-CODE", f"Sage does not know {', '.join(unknown)}")
        return tables


def _unknown(order: SalesOrder, tables: Tables) -> Iterable[str]:
    for entry in order.entries:
        if entry.tax_code not in tables.taxes:
            yield f"tax code {entry.tax_code}"
        if entry.kind is EntryKind.STANDARD and entry.warehouse not in tables.warehouses:
            yield f"warehouse {entry.warehouse or '(none given)'}"
        if entry.kind is EntryKind.CHARGE and entry.code and entry.code not in tables.charges:
            yield f"additional charge {entry.code}"


def _customer(row: CustomerRow, tables: Tables) -> Customer:
    return Customer(row.reference, tables.currencies.get(row.currency_id, ""), row.on_hold)


def _product(row: ProductRow, tables: Tables) -> Product:
    rates = {one.id: one.tax_rate for one in tables.taxes.values()}
    group = tables.groups.get(row.product_group_id, "")
    return Product(row.code, row.barcode, row.active, group, rates.get(row.tax_code_id))
