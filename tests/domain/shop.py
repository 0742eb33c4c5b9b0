"""An order, the mappings and the ERP that fit each other; each test bends one thing."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from app.domain.dossier import Options
from app.domain.erp import Customer, Entry, Facts, Product, SalesOrder, TaxCode
from app.domain.message import Violation
from app.domain.order import Address, Charge, ChargeKind, Line, Order, Standing, Totals
from app.domain.posting import plan
from app.domain.row import Row
from app.domain.rows import TABLES
from app.domain.rules import Mappings, index

OPTIONS = Options(prefix="CEN", channel="centra")

ROWS: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "customers": [
        {"connection": "uk", "currency": "GBP", "reference": "WEBGBP"},
        {"connection": "uk", "currency": "EUR", "reference": "WEBEUR"},
    ],
    "tax_codes": [
        {"ship_from": "GB", "ship_to": "UK", "rate": "20", "code": "1"},
        {"ship_from": "GB", "ship_to": "UK", "rate": "5", "code": "3"},
        {"ship_from": "GB", "ship_to": "UK", "rate": "0", "code": "2"},
        {"ship_from": "GB", "ship_to": "EU", "rate": "0", "code": "2"},
        {"ship_from": "GB", "ship_to": "ROW", "rate": "0", "code": "2"},
        {"ship_from": "GB", "ship_to": "CI", "rate": "0", "code": "2"},
        {"ship_from": "*", "ship_to": "*", "gift": True, "rate": "0", "code": "9"},
    ],
    "warehouses": [{"connection": "uk", "warehouse": "HOME", "ships_from": "GB"}],
    "posting_rules": [
        {"rule": "carriage", "position": 1, "kind": "shipping", "nominal": "41200", "cost_centre": "WEB"},
        {"rule": "rounding", "position": 2, "kind": "rounding", "nominal": "81900"},
        {"rule": "sales", "position": 9, "nominal": "41100", "cost_centre": "WEB"},
    ],
    "charges": [
        {"connection": "uk", "kind": "shipping", "code": "CARRIAGE"},
        {"connection": "uk", "kind": "handling", "description": "Handling"},
        {"connection": "uk", "kind": "rounding", "description": "Channel rounding", "tax_code": "9"},
        {"connection": "uk", "kind": "destination_vat", "description": "VAT due abroad", "tax_code": "9"},
    ],
    "required_fields": [{"target": "analysis_1", "constant": "P100"}],
    "sku_aliases": [{"connection": "uk", "alias": "old-tee", "code": "TEE"}],
}

FACTS = Facts(
    customers={
        "WEBGBP": Customer("WEBGBP", "GBP", on_hold=False),
        "WEBEUR": Customer("WEBEUR", "EUR", on_hold=False),
    },
    products={code: Product(code, "", active=True) for code in ("DRESS", "TEE", "SHOES", "GIFT")},
    tax_codes={
        code: TaxCode(code, Decimal(rate))
        for code, rate in (("0", 0), ("1", 20), ("2", 0), ("3", 5), ("4", 0), ("9", 0))
    },
    warehouses=frozenset({"HOME"}),
    charges=frozenset({"CARRIAGE"}),
    nominals=frozenset({("41100", "WEB", ""), ("41200", "WEB", ""), ("81900", "", "")}),
    required_analysis=frozenset({1}),
)


def make_rows(changes: Mapping[str, Sequence[Mapping[str, Any]]] | None = None) -> list[Row]:
    tables = {**ROWS, **(changes or {})}
    return [TABLES[table].model_validate(row) for table, rows in tables.items() for row in rows]


def make_mappings(**changes: Sequence[Mapping[str, Any]]) -> Mappings:
    """A table given here stands instead of the usual one."""
    return index(make_rows(changes))


def line(sku: str, gross: str, *, quantity: int = 1, rate: str = "20", **more: Any) -> Line:
    return Line(
        ref=more.pop("ref", sku),
        sku=sku,
        description=more.pop("description", sku.title()),
        quantity=quantity,
        cancelled=0,
        gross=Decimal(gross),
        tax_rate=Decimal(rate),
        **more,
    )


def shipping(gross: str) -> Charge:
    return Charge(ChargeKind.SHIPPING, Decimal(gross))


def make_order(*lines: Line, gross: str, tax: str, **more: Any) -> Order:
    address = Address(
        name="Ada Example", lines=("1 High Street",), city="Leeds", postcode="LS1 1AA", country="GB"
    )
    order = Order(
        connection="uk",
        ref="10045",
        channel_id="abc",
        standing=Standing.RELEASABLE,
        hold_reason="",
        channel_status="CONFIRMED",
        placed_at=datetime(2026, 11, 20, 10, 0, tzinfo=UTC),
        updated_at=datetime(2026, 11, 20, 10, 0, tzinfo=UTC),
        store="1",
        market="UK",
        currency="GBP",
        country="GB",
        lines=lines,
        charges=(),
        discount=Decimal(more.pop("discount", "0")),
        totals=Totals(Decimal(gross), Decimal(tax)),
        delivery=address,
        invoice=address,
    )
    return replace(order, **more)


def plan_order(
    order: Order, *, mappings: Mappings | None = None, facts: Facts = FACTS, options: Options = OPTIONS
) -> SalesOrder:
    planned = plan(order, mappings or make_mappings(), facts, options)
    assert isinstance(planned, SalesOrder), planned
    return planned


def find_faults(
    order: Order, *, mappings: Mappings | None = None, facts: Facts = FACTS, options: Options = OPTIONS
) -> tuple[Violation, ...]:
    planned = plan(order, mappings or make_mappings(), facts, options)
    assert isinstance(planned, tuple), planned
    return planned


def codes(violations: Sequence[Violation]) -> list[str]:
    return [violation.code for violation in violations]


def reckon(entries: Sequence[Entry], facts: Facts = FACTS) -> tuple[Decimal, Decimal]:
    """(net, tax) as an ERP adds up these lines: two places a unit, tax half-up on each line's net."""
    net = tax = Decimal(0)
    for entry in entries:
        assert entry.unit_net == entry.unit_net.quantize(Decimal("0.01"))
        total = entry.quantity * entry.unit_net
        net += total
        rate = facts.tax_codes[entry.tax_code].rate
        tax += (total * rate / 100).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return net, tax


def figures(entries: Sequence[Entry]) -> list[tuple[str, str, str, str, str]]:
    return [
        (str(entry.quantity), str(entry.unit_net), str(entry.net), str(entry.tax), entry.tax_code)
        for entry in entries
    ]
