"""From Virtualstock's order to ours. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from app.connectors.virtualstock.payloads import WireAddress, WireItem, WireOrder, last_number
from app.connectors.virtualstock.settings import VirtualstockSettings
from app.domain.calendar import LONDON
from app.domain.message import Owner, Violation
from app.domain.money import NOTHING, plain
from app.domain.order import DISPATCHED, Address, Line, Order, Shipped, Standing, Totals, Unreadable

NEW = "ORDER"
OPEN = frozenset({NEW, "ORDER_ACK", "BACKORDER"})
CANCELLED = frozenset({"CANCEL", "CANCEL_ACK"})
SENT = frozenset(
    {"DISPATCH", "RMA", "RMA_ACK", "RMA_AUTHORISED", "RMA_REJ", "RMA_COLLECTION_BOOKED", "RMA_REC", "RMA_EXC"}
)
_COUNTRIES: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("UNITED KINGDOM", "GREAT BRITAIN", "UK", "ENGLAND", "SCOTLAND", "WALES"), "GB"),
        **dict.fromkeys(("NORTHERN IRELAND", "GBR"), "GB"),
        **dict.fromkeys(("IRELAND", "REPUBLIC OF IRELAND", "IRL"), "IE"),
    }
)
"""Retailers type names as well as codes. What is not here stays as it is, and parks for want of a tax row."""
_BARCODE = re.compile(r"\d{8}|\d{12,14}")
_TOLD_MOST = 10


@dataclass(frozen=True, slots=True)
class Reading:
    """Whose order it is, and when it was read: the wire has no stamp of a change (virtualstock.md 6.1). UTC."""

    connection: str
    settings: VirtualstockSettings
    at: datetime


def ref_of(raw: Mapping[str, Any], settings: VirtualstockSettings) -> str:
    """`ARG-A104775210`: references are one retailer's own (virtualstock.md 12.9). An unknown retailer's bear its number.
    Raises ValueError for a row that names neither.
    """
    retailer, reference = raw.get("retailer"), raw.get("order_reference")
    if not isinstance(retailer, str) or not isinstance(reference, str) or not reference:
        raise ValueError("an order without retailer or reference")
    number = last_number(retailer)
    return f"{settings.code_of(number) or f'R{number}'}-{reference}"


def map_order(ref: str, raw: Mapping[str, Any], reading: Reading) -> Order | Unreadable:
    try:
        wire = WireOrder.model_validate(raw)
        placed_at, number, retailer_id = _heads(wire)
    except ValidationError as error:
        return Unreadable(ref, tuple(_misshapen(error)))
    except ValueError as error:
        return Unreadable(ref, (_violation("E-UNREADABLE", "order_date, url, retailer", str(error)),))
    code = reading.settings.code_of(retailer_id)
    standing, reason = stand(wire, reading.settings)
    if standing is not Standing.CANCELLED and (wrong := tuple(_complaints(wire, code, retailer_id))):
        return Unreadable(ref, wrong)
    delivery = _address(wire.shipping_address)
    return Order(
        connection=reading.connection,
        ref=ref,
        channel_id=str(number),
        standing=standing,
        hold_reason=reason,
        channel_status=wire.status,
        placed_at=placed_at,
        updated_at=reading.at,
        store=code or "",
        market="",
        currency=wire.currency_code,
        country=delivery.country,
        lines=tuple(_line(item) for item in wire.items),
        charges=(),
        discount=NOTHING,
        totals=_totals(wire),
        delivery=delivery,
        invoice=Address(),
        tax_included=False,
        wholesale=True,
        account=code or "",
        purchase_order=wire.purchase_order_reference,
        shipped=tuple(_shipped(wire)) if reading.settings.ships_itself else (),
        unpriced=_unpriced(wire),
        unacknowledged=any(item.status == NEW for item in wire.items),
        dispatched=() if reading.settings.ships_itself else _sent(wire),
    )


def _heads(wire: WireOrder) -> tuple[datetime, int, int]:
    """When it was placed; its number, and its retailer's. Raises ValueError."""
    return moment(wire.order_date), last_number(wire.url), last_number(wire.retailer)


def _shipped(wire: WireOrder) -> Iterator[Shipped]:
    """A line tells only its status: neither how many of it left nor with whom. So it counts once, whole, under its own
    reference, when it is shown as dispatched (virtualstock.md 6.2, 12.5).
    """
    return (
        Shipped(item.line_reference, ((item.line_reference, item.quantity),))
        for item in wire.items
        if item.status in SENT
    )


def _sent(wire: WireOrder) -> tuple[str, ...]:
    return tuple(item.line_reference for item in wire.items if item.status in SENT)


def _totals(wire: WireOrder) -> Totals:
    """Of the lines that are still wanted: the order's own figures hold the cancelled ones too."""
    wanted = [item for item in wire.items if item.status not in CANCELLED]
    tax = sum((item.tax or NOTHING for item in wanted), NOTHING)
    net = sum((item.subtotal or NOTHING for item in wanted), NOTHING)
    return Totals(gross=net + tax, tax=tax)


def moment(text: str) -> datetime:
    """UTC. The zone of naive ones is stated nowhere (virtualstock.md 12.8). Raises ValueError."""
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=LONDON)).astimezone(UTC)


def stand(wire: WireOrder, settings: VirtualstockSettings) -> tuple[Standing, str]:
    """By the lines, not by the order's own status, which runs ahead of them (virtualstock.md 5.1)."""
    statuses = {item.status for item in wire.items}
    if wire.test_flag and settings.test_orders == "hold":
        return Standing.HELD, "TEST_ORDER"
    if unknown := statuses - OPEN - CANCELLED - SENT:
        return Standing.UNKNOWN, f"unknown status {', '.join(sorted(unknown))}"
    if statuses <= CANCELLED:
        return Standing.CANCELLED, ""
    if not statuses & OPEN:
        return Standing.HELD, DISPATCHED
    return Standing.RELEASABLE, ""


def _complaints(wire: WireOrder, code: str | None, retailer_id: int) -> Iterator[Violation]:
    if code is None:
        fix = "add it to the connection's retailers setting, with its own customer account"
        yield Violation("E-RETAILER-UNKNOWN", "retailer", str(retailer_id), fix, Owner.OPERATIONS)
    references = [item.line_reference for item in wire.items]
    for twice in sorted({one for one in references if references.count(one) > 1}):
        yield _violation("E-UNREADABLE", f"items/{twice}/line_reference", "two lines have it")
    for item in wire.items:
        yield from _line_complaints(item)


def _line_complaints(item: WireItem) -> Iterator[Violation]:
    where = f"items/{item.line_reference}"
    if not item.quantity:
        yield _violation("E-UNREADABLE", f"{where}/quantity", "0")
    if not item.supplier_sku_reference and not item.part_number:
        yield _violation("E-SKU-UNKNOWN", f"{where}/part_number", "neither part number nor supplier SKU")
    if item.status in CANCELLED:
        return
    figures = _figures(item)
    if _is_unpriced(item):
        return
    if missing := [name for name, figure in figures.items() if figure is None]:
        fix = "ask the retailer for all figures of the line, or post this order by hand"
        yield Violation("E-PRICE-MISSING", f"{where}/{missing[0]}", "null", fix, Owner.FINANCE)
        return
    cost, net, tax, _, gross = (figure or NOTHING for figure in figures.values())
    if cost * item.quantity != net or net + tax != gross:
        value = f"{cost} x {item.quantity}, subtotal {net}, tax {tax}, total {gross}"
        yield _violation("E-TOTAL-MISMATCH", where, value)


def _figures(item: WireItem) -> dict[str, Decimal | None]:
    names = ("unit_cost_price", "subtotal", "tax", "tax_rate", "total")
    return {name: getattr(item, name) for name in names}


def _unpriced(wire: WireOrder) -> tuple[str, ...]:
    wanted = (item for item in wire.items if item.status not in CANCELLED)
    return tuple(item.line_reference for item in wanted if _is_unpriced(item))


def _is_unpriced(item: WireItem) -> bool:
    """Some retailers tell no figures at all (virtualstock.md 6.2): the ERP's price is meant."""
    return all(figure is None for figure in _figures(item).values())


def _line(item: WireItem) -> Line:
    gone = item.status in CANCELLED
    return Line(
        ref=item.line_reference,
        sku=item.supplier_sku_reference or item.part_number,
        description=item.name or item.description,
        quantity=0 if gone else item.quantity,
        cancelled=item.quantity if gone else 0,
        gross=NOTHING if gone else item.subtotal or NOTHING,
        tax_rate=plain(item.tax_rate or NOTHING),
        ean=next((text for text in _codes(item) if _BARCODE.fullmatch(text)), ""),
    )


def _codes(item: WireItem) -> tuple[str, str]:
    """What `part_number` holds is each retailer's choice; some put the EAN beside it."""
    return item.retailer_additional_reference.strip(), item.part_number.strip()


def _address(place: WireAddress) -> Address:
    country = place.country.strip().upper()
    return Address(
        name=place.full_name,
        lines=tuple(line for line in (place.line_1, place.line_2) if line),
        city=place.city,
        region=place.state,
        postcode=place.postal_code,
        country=_COUNTRIES.get(country, country),
        email=place.email,
        phone=place.phone,
    )


def _misshapen(error: ValidationError) -> Iterator[Violation]:
    for one in error.errors(include_input=False, include_url=False)[:_TOLD_MOST]:
        yield _violation("E-UNREADABLE", "/".join(str(step) for step in one["loc"]), one["type"])


def _violation(code: str, field: str, value: str) -> Violation:
    fix = "ask the retailer to correct the order, or post it by hand"
    return Violation(code, field, value, fix, Owner.OPERATIONS)
