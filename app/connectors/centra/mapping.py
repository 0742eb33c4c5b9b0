"""From Centra's order to ours. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from app.connectors.centra.bill import Bill, read_bill
from app.connectors.centra.bundles import ITEM, Booked
from app.connectors.centra.payloads import DeliveryWindow, WireAddress, WireOrder, moment
from app.connectors.centra.shipped import read_shipped
from app.domain.message import Owner, Violation
from app.domain.money import plain
from app.domain.order import Address, Charge, ChargeKind, Line, LineKind, Order, Standing, Totals, Unreadable

KNOWN_STATUSES = frozenset({"PENDING", "CONFIRMED", "PROCESSING", "SHIPPED", "ARCHIVED", "CANCELLED"})

_PRODUCTS = frozenset({"ProductOrderLine", ITEM})
_TOLD_MOST = 10


@dataclass(frozen=True, slots=True)
class Reading:
    """What a connection adds to the wire: whose order it is, when it may be posted, and the clock of zoneless dates."""

    connection: str
    release_statuses: frozenset[str]
    zone: ZoneInfo


def map_order(ref: str, raw: Mapping[str, Any], reading: Reading) -> Order | Unreadable:
    try:
        wire = WireOrder.model_validate(raw)
        (placed_at, updated_at), shipped = _stamps(wire, reading.zone), read_shipped(raw, reading.zone)
    except ValueError as error:
        return Unreadable(ref, tuple(_misread(error)))
    standing, reason = stand(wire, reading.release_statuses)
    bill, wrong = read_bill(wire)
    # A cancelled order is never booked, so that its figures, whatever Centra does to them, are nobody's concern.
    if (violations := (*wrong, *_check_lines(bill))) and standing is not Standing.CANCELLED:
        return Unreadable(ref, violations)
    delivery, (start, end) = _address(wire.shipping_address, wire), _days(wire.delivery_windows)
    return Order(
        connection=reading.connection,
        ref=ref,
        channel_id=wire.id,
        standing=standing,
        hold_reason=reason,
        channel_status=wire.status,
        placed_at=placed_at,
        updated_at=updated_at,
        store=str(wire.store.id),
        market=str(wire.market.id),
        currency=wire.grand_total.currency.code,
        country=delivery.country or wire.country.code,
        lines=tuple(_lines(bill)),
        charges=tuple(_charges(bill)),
        discount=bill.discount,
        totals=Totals(gross=bill.gross, tax=bill.tax),
        delivery=delivery,
        invoice=_address(wire.billing_address or wire.shipping_address, wire),
        tax_included=bill.tax_included,
        wholesale=wire.typename == "WholesaleOrder",
        account=str(wire.account.id) if wire.account else "",
        purchase_order=wire.purchase_order_number,
        payment_method=wire.payment_method.plugin if wire.payment_method else "",
        deliver_from=start,
        deliver_by=end,
        shipped=shipped,
        paused=standing is Standing.HELD and wire.is_on_hold,
    )


def _stamps(wire: WireOrder, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """When it was placed, and last changed."""
    return moment(wire.order_date, zone), moment(wire.updated_at or wire.order_date, zone)


def stand(wire: WireOrder, release_statuses: frozenset[str]) -> tuple[Standing, str]:
    """The standing and, unless it is plainly releasable or cancelled, why (R-32).

    Hold is a flag beside the status; a reason without the flag counts only while it waits for payment.
    """
    if wire.status == "CANCELLED":
        return Standing.CANCELLED, ""
    if wire.status not in KNOWN_STATUSES | release_statuses:
        return Standing.UNKNOWN, f"unknown status {wire.status}"
    if wire.is_on_hold:
        return Standing.HELD, wire.order_hold_reason or "ON_HOLD"
    if wire.order_hold_reason == "WAITING_FOR_PAYMENT":
        return Standing.HELD, wire.order_hold_reason
    if wire.status not in release_statuses:
        return Standing.HELD, f"status {wire.status}"
    return Standing.RELEASABLE, ""


def _lines(bill: Bill) -> Iterator[Line]:
    for booked, amount, rate in zip(bill.lines, bill.amounts, bill.rates, strict=True):
        line = booked.line
        names = (line.product_name, line.product_variant_name, line.size)
        yield Line(
            ref=str(line.id),
            sku=_sku(booked),
            description=" ".join(name for name in names if name),
            quantity=line.quantity,
            cancelled=line.cancelled_quantity,
            gross=amount,
            tax_rate=plain(rate),
            ean=line.product_size.ean if line.product_size else "",
            kind=LineKind.GIFT_CARD if _is_gift(booked) else LineKind.PRODUCT,
        )


def _charges(bill: Bill) -> Iterator[Charge]:
    if bill.shipping:
        yield Charge(ChargeKind.SHIPPING, bill.shipping)
    if bill.handling:
        yield Charge(ChargeKind.HANDLING, bill.handling)


def _sku(booked: Booked) -> str:
    """Some brands keep no SKU parts, then only the EAN tells sizes apart (centra.md 9)."""
    size = booked.line.product_size
    return size.sku or size.ean if size else ""


def _is_gift(booked: Booked) -> bool:
    """The spelling of that line type is nowhere shown."""
    return "Gift" in booked.line.typename


def _check_lines(bill: Bill) -> Iterator[Violation]:
    for booked in bill.lines:
        line = booked.line
        if line.typename not in _PRODUCTS and not _is_gift(booked):
            yield _violation("E-UNREADABLE", f"lines/{line.id}", f"line type {line.typename}")
        elif line.quantity and not _sku(booked) and not _is_gift(booked):
            yield _violation("E-SKU-UNKNOWN", f"lines/{line.id}/productSize", "neither SKU nor EAN")


def _address(place: WireAddress, wire: WireOrder) -> Address:
    customer = wire.customer
    person = f"{place.first_name} {place.last_name}".strip()
    owner = f"{customer.first_name} {customer.last_name}".strip() if customer else ""
    name = person or place.attention or owner
    attention = place.attention if person and place.attention != person else ""
    return Address(
        name=name,
        company=place.company_name,
        lines=tuple(line for line in (attention, place.address1, place.address2) if line),
        city=place.city,
        region=place.state_or_province,
        postcode=place.zip_code,
        country=place.country.code.upper() if place.country else "",
        email=place.email or (customer.email if customer else ""),
        phone=place.phone_number or place.cell_phone_number,
        vat_number=place.vat_number,
    )


def _days(windows: Sequence[DeliveryWindow]) -> tuple[date | None, date | None]:
    """From the first window's beginning to the last one's end."""
    starts = (one.delivery_start_date for one in windows if one.delivery_start_date)
    ends = (one.delivery_end_date for one in windows if one.delivery_end_date)
    return min(starts, default=None), max(ends, default=None)


def _misread(error: ValueError) -> Iterator[Violation]:
    if not isinstance(error, ValidationError):
        yield _violation("E-UNREADABLE", "orderDate, updatedAt, shippedAt", "not a date")
        return
    for one in error.errors(include_input=False, include_url=False)[:_TOLD_MOST]:
        yield _violation("E-UNREADABLE", "/".join(str(step) for step in one["loc"]), one["type"])


def _violation(code: str, field: str, value: str) -> Violation:
    return Violation(code, field, value, "correct the order in Centra, or post it by hand", Owner.OPERATIONS)
