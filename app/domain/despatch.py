"""A despatch note of the ERP, and what a channel is told of it: complete, or everything that stands in the way (R-44, R-45)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from app.domain.lanes import normalise
from app.domain.message import Owner, Violation
from app.domain.order import Order
from app.domain.rows import CarrierRow
from app.domain.rules import Mappings

TRACKING_MOST = 100


@dataclass(frozen=True, slots=True)
class NoteLine:
    """`code`: the ERP's, normalised; `quantity`: in stock units."""

    code: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Note:
    """As the ERP holds it now. `day`: as it was written, maybe no date at all. `remark`: what anybody wrote on it."""

    number: str
    document_id: int
    day: str
    courier: str
    consignment: str
    lines: tuple[NoteLine, ...]
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Parcel:
    """What a channel is told. `lines`: (the channel's line, units)."""

    note: str
    lines: tuple[tuple[str, int], ...]
    carrier: str
    service: str
    tracking: str
    tracking_url: str
    day: date


@dataclass(frozen=True, slots=True)
class Shipping:
    """`told`: units of each channel line that the channel was told to have left by other notes: what it was told, not what
    the ERP shows now, since notes are corrected and reversed. `codes`: channel line -> the ERP's normalised code.
    `today`: the civil day in London.
    """

    order: Order
    note: Note
    told: Mapping[str, int]
    codes: Mapping[str, str]
    today: date


def pack(shipping: Shipping, mappings: Mappings) -> Parcel | tuple[Violation, ...]:
    """Everything that is wrong, at once."""
    found: list[Violation] = []
    carrier = _carrier(shipping, mappings, found)
    day = _day(shipping, found)
    tracking = _tracking(shipping.note, carrier, found)
    lines = _lines(shipping, found)
    if found or carrier is None or day is None:
        return tuple(found)
    url = carrier.tracking_url.replace("{number}", tracking)
    return Parcel(shipping.note.number, lines, carrier.carrier, carrier.service, tracking, url, day)


def _carrier(shipping: Shipping, mappings: Mappings, found: list[Violation]) -> CarrierRow | None:
    courier, order = shipping.note.courier, shipping.order
    if not courier.strip():
        found.append(_in_erp(shipping.note, "E-CARRIER-MISSING", "courier", "", "choose the courier"))
        return None
    row = mappings.find_carrier(order.connection, order.store, courier)
    if row is None:
        fix = f"say what {order.connection} calls it; all that wait for it go together"
        found.append(Violation("E-CARRIER-UNMAPPED", "courier", courier, fix, need="carriers"))
    return row


def _day(shipping: Shipping, found: list[Violation]) -> date | None:
    """Civil, as the ERP wrote it: no time zone ever moves it."""
    note = shipping.note
    try:
        day = date.fromisoformat(note.day[:10])
    except ValueError:
        found.append(_in_erp(note, "E-DISPATCH-DATE", "despatch_date", note.day, "enter the day of despatch"))
        return None
    if day > shipping.today or day < shipping.order.placed_at.date():
        fix = f"it lies after today or before the order of {shipping.order.placed_at:%Y-%m-%d}: correct it"
        found.append(_in_erp(note, "E-DISPATCH-DATE", "despatch_date", note.day, fix))
    return day


def _tracking(note: Note, carrier: CarrierRow | None, found: list[Violation]) -> str:
    """Text always: a number would lose its leading zeros."""
    text = note.consignment.strip()
    if not text:
        found.append(_in_erp(note, "E-TRACKING-MISSING", "consignment_no", "", "enter the tracking number"))
    elif len(text) > TRACKING_MOST or any(not one.isprintable() for one in text):
        found.append(
            _in_erp(note, "E-TRACKING-FORMAT", "consignment_no", text[:60], "correct the tracking number")
        )
    elif carrier and carrier.tracking and not re.fullmatch(carrier.tracking, text):
        fix = f"{carrier.courier} has numbers like {carrier.tracking}: correct it"
        found.append(_in_erp(note, "E-TRACKING-FORMAT", "consignment_no", text, fix))
    return text


def _lines(shipping: Shipping, found: list[Violation]) -> tuple[tuple[str, int], ...]:
    """Units of each channel line; those of one article are filled one after the other (R-49)."""
    left = {line.ref: line.quantity - shipping.told.get(line.ref, 0) for line in shipping.order.lines}
    told: dict[str, int] = {}
    for line in shipping.note.lines:
        problem = _take(line, shipping, left, told)
        if problem:
            found.append(problem)
    if not shipping.note.lines:
        found.append(_in_erp(shipping.note, "E-QTY", "lines", "", "the note has no goods of this order"))
    return tuple(told.items())


def _take(line: NoteLine, shipping: Shipping, left: dict[str, int], told: dict[str, int]) -> Violation | None:
    refs = [one.ref for one in shipping.order.lines if shipping.codes.get(one.ref) == line.code]
    if not refs:
        fix = "the order has no such article in the channel: correct the sales order"
        return _in_erp(shipping.note, "E-LINE-UNKNOWN", "product_code", line.code, fix)
    if line.quantity <= 0 or line.quantity != line.quantity.to_integral_value():
        return _in_erp(shipping.note, "E-QTY", line.code, str(line.quantity), "correct the quantity")
    wanted = _take_units(refs, int(line.quantity), left, told)
    if wanted:
        fix = f"{wanted} more than the channel still expects: correct the note, or the order"
        return _in_erp(shipping.note, "E-QTY", line.code, str(line.quantity), fix)
    return None


def _take_units(refs: Sequence[str], wanted: int, left: dict[str, int], told: dict[str, int]) -> int:
    """Answers how many find no line."""
    for ref in refs:
        taken = min(left[ref], wanted)
        if taken > 0:
            left[ref] -= taken
            told[ref] = told.get(ref, 0) + taken
            wanted -= taken
    return wanted


def fill(
    order: Order, codes: Mapping[str, str], told: Mapping[str, int], goods: Mapping[str, Decimal]
) -> Mapping[str, int]:
    """Units of each channel line that these goods are, by the ERP's normalised code, beyond what was `told`."""
    left = {line.ref: line.quantity - told.get(line.ref, 0) for line in order.lines}
    filled: dict[str, int] = {}
    for code, units in goods.items():
        _take_units([ref for ref in left if codes.get(ref) == code], int(units), left, filled)
    return filled


def _in_erp(note: Note, code: str, field: str, value: str, fix: str) -> Violation:
    """The fix lives in the system of record: every retry reads the note again (R-48)."""
    return Violation(code, field, value, f"despatch note {note.number}: {fix} in the ERP", Owner.OPERATIONS)


def line_codes(order: Order, mappings: Mappings, bound: Mapping[str, str]) -> dict[str, str]:
    """Channel line -> the ERP's code: as it was posted; else by alias and spelling."""
    return {
        line.ref: bound.get(line.ref)
        or mappings.find_alias(order.connection, line.sku)
        or normalise(line.sku)
        for line in order.lines
    }


def describe(parcel: Parcel) -> Iterator[str]:
    """For people and notes: `2 x line 1`."""
    return (f"{units} x line {ref}" for ref, units in parcel.lines)
