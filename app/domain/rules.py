"""All mapping tables as one frozen value, indexed for look-up."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from app.domain.lanes import normalise
from app.domain.refusals import PhraseRow
from app.domain.row import ANY, Row
from app.domain.rows import (
    AliasRow,
    CarrierRow,
    ChargeRow,
    CustomerRow,
    FieldRow,
    PostingKind,
    PostingRow,
    TaxRow,
    WarehouseRow,
)
from app.domain.zones import zone_of


@dataclass(frozen=True, slots=True)
class Route:
    """Who sends what to whom on which day, as far as VAT and nominals ask."""

    channel: str
    connection: str
    store: str
    currency: str
    ship_from: str
    country: str
    buyer: str
    day: date

    def reaches(self, place: str) -> bool:
        return place in {ANY, self.country, zone_of(self.country)}

    def is_of(self, buyer: str) -> bool:
        return buyer in {"any", self.buyer}


@dataclass(frozen=True, slots=True)
class Subject:
    """One line that needs a nominal; `value` is net, `sku` normalised."""

    kind: PostingKind
    value: Decimal
    sku: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Mappings:
    """`version` changes with every change of any row."""

    version: str = ""
    customers: Mapping[tuple[str, str, str, str], CustomerRow] = field(default_factory=dict)
    tax_codes: tuple[TaxRow, ...] = ()
    warehouses: Mapping[str, WarehouseRow] = field(default_factory=dict)
    posting_rules: tuple[PostingRow, ...] = ()
    charges: Mapping[tuple[str, str], ChargeRow] = field(default_factory=dict)
    required_fields: Mapping[tuple[str, str, int], FieldRow] = field(default_factory=dict)
    sku_aliases: Mapping[tuple[str, str], str] = field(default_factory=dict)
    carriers: Mapping[tuple[str, str, str], CarrierRow] = field(default_factory=dict)
    phrases: tuple[PhraseRow, ...] = ()

    def find_customer(self, connection: str, store: str, currency: str, account: str) -> CustomerRow | None:
        """An account's row never falls back to the shoppers'."""
        for scope in ((connection, store), (connection, ANY), (ANY, store), (ANY, ANY)):
            if row := self.customers.get((*scope, currency, account)):
                return row
        return None

    def currencies_of(self, connection: str, store: str, account: str) -> frozenset[str]:
        return frozenset(
            row.currency
            for row in self.customers.values()
            if row.connection in {connection, ANY} and row.store in {store, ANY} and row.account == account
        )

    def find_taxes(self, route: Route, *, gift: bool) -> tuple[TaxRow, ...]:
        """Rows for this route, the most particular first: country before zone, buyer before any."""
        rows = [
            row
            for row in self.tax_codes
            if row.gift == gift
            and row.ship_from in {ANY, route.ship_from}
            and route.reaches(row.ship_to)
            and route.is_of(row.buyer)
            and row.holds_on(route.day)
        ]
        return tuple(sorted(rows, key=lambda row: (row.ship_to != route.country, row.buyer == "any")))

    def find_warehouse(self, connection: str) -> WarehouseRow | None:
        return self.warehouses.get(connection) or self.warehouses.get(ANY)

    def rules_for(self, route: Route) -> tuple[PostingRow, ...]:
        """The posting rules that can fire on this route, in their order."""
        return tuple(
            row
            for row in self.posting_rules
            if row.channel in {ANY, route.channel}
            and row.connection in {ANY, route.connection}
            and row.store in {ANY, route.store}
            and row.currency in {ANY, route.currency}
            and route.reaches(row.country)
            and route.is_of(row.buyer)
            and row.holds_on(route.day)
        )

    def find_charge(self, connection: str, kind: PostingKind) -> ChargeRow | None:
        return self.charges.get((connection, kind)) or self.charges.get((ANY, kind))

    def fields_for(self, connection: str, store: str) -> dict[int, FieldRow]:
        """Slot -> the most particular row: the store's, the connection's, anybody's."""
        scopes = ((ANY, ANY), (ANY, store), (connection, ANY), (connection, store))
        slots = {slot for _, _, slot in self.required_fields}
        return {
            slot: row
            for scope in scopes
            for slot in slots
            if (row := self.required_fields.get((*scope, slot))) is not None
        }

    def find_alias(self, connection: str, sku: str) -> str | None:
        """The normalised product code that stands for this spelling."""
        spelling = normalise(sku)
        return self.sku_aliases.get((connection, spelling)) or self.sku_aliases.get((ANY, spelling))

    def find_carrier(self, connection: str, store: str, courier: str) -> CarrierRow | None:
        """The most particular row: the retailer's, the connection's, anybody's. Spelling is folded, nothing guessed."""
        spelling = normalise(courier)
        for scope in ((connection, store), (connection, ANY), (ANY, store), (ANY, ANY)):
            if row := self.carriers.get((*scope, spelling)):
                return row
        return None

    def carriers_for(self, connection: str) -> list[CarrierRow]:
        """The rows that decide at this connection: not those that a more particular one hides."""
        return [
            row
            for (where, store, courier), row in self.carriers.items()
            if where in {connection, ANY} and self.find_carrier(connection, store, courier) is row
        ]

    def find_courier(self, connection: str, store: str, carrier: str, service: str) -> str | None:
        """The ERP's courier for a channel's carrier: the table read the other way. None where no row says so, or where
        several rows of one scope do: nothing is guessed. A row without a service stands for all that have none of their own.
        """
        for scope in ((connection, store), (connection, ANY), (ANY, store), (ANY, ANY)):
            rows = [row for (*where, _), row in self.carriers.items() if tuple(where) == scope]
            named = [row for row in rows if normalise(row.carrier) == normalise(carrier)]
            exact = [row for row in named if normalise(row.service) == normalise(service)]
            couriers = {
                normalise(row.courier): row.courier
                for row in exact or named
                if row in exact or not row.service
            }
            if couriers:
                return next(iter(couriers.values())) if len(couriers) == 1 else None
        return None


def fires(row: PostingRow, subject: Subject) -> bool:
    """Whether a rule that fits the route fits the line too."""
    return (
        _covers(row.sku, subject.sku)
        and row.kind in {ANY, subject.kind}
        and row.group in {ANY, subject.group}
        and (row.value_from is None or row.value_from <= subject.value)
        and (row.value_below is None or subject.value < row.value_below)
    )


def _covers(pattern: str, sku: str) -> bool:
    return sku.startswith(pattern[:-1]) if pattern.endswith(ANY) else pattern == sku


def index(rows: Iterable[Row], version: str = "") -> Mappings:
    """Rows of all tables, in any order."""
    pile = tuple(rows)
    posting = [row for row in pile if isinstance(row, PostingRow)]
    phrases = [row for row in pile if isinstance(row, PhraseRow)]
    return Mappings(
        version=version,
        customers={
            (row.connection, row.store, row.currency, row.account): row
            for row in pile
            if isinstance(row, CustomerRow)
        },
        tax_codes=tuple(row for row in pile if isinstance(row, TaxRow)),
        warehouses={row.connection: row for row in pile if isinstance(row, WarehouseRow)},
        posting_rules=tuple(sorted(posting, key=lambda row: row.position)),
        charges={(row.connection, row.kind): row for row in pile if isinstance(row, ChargeRow)},
        required_fields={
            (row.connection, row.store, row.slot): row for row in pile if isinstance(row, FieldRow)
        },
        sku_aliases={
            (row.connection, normalise(row.alias)): normalise(row.code)
            for row in pile
            if isinstance(row, AliasRow)
        },
        carriers={
            (row.connection, row.store, normalise(row.courier)): row
            for row in pile
            if isinstance(row, CarrierRow)
        },
        phrases=tuple(sorted(phrases, key=lambda row: (-len(row.key), row.key))),
    )
