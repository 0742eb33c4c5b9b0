"""A sales order as Sage holds it to our words, and an amendment to the body of its PUT. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from app.connectors.sage200.mapping import (
    COMMENT,
    LINES,
    Ids,
    address_sent,
    day_sent,
    document,
    line_sent,
    misfit,
    word_of,
)
from app.connectors.sage200.payloads import LineRow, OrderRow, Wire
from app.connectors.sage200.tables import Tables
from app.domain.amend import Amendment, Contents, DocumentLine
from app.domain.erp import Delivery, Entry, EntryKind, Nominal
from app.domain.errors import DestinationError

AMENDABLE = frozenset({"live", "onhold", "draft", "0", "1", "5"})
ADDRESS_FIELDS = (
    "postal_name",
    *(f"address_{number}" for number in range(1, 5)),
    *("city", "county", "postcode", "country", "contact", "telephone_number", "email_address"),
)
ANALYSIS = tuple(f"analysis_code_{slot}" for slot in range(1, 21))


class WholeLine(LineRow):
    id: int
    description: str = ""
    despatch_receipt_quantity: Decimal = Decimal(0)
    selling_unit_price: Decimal = Decimal(0)
    tax_code_id: int = 0
    warehouse_id: int = 0
    nominal_reference: str = ""
    nominal_cost_centre: str = ""
    nominal_department: str = ""


class AddressRow(Wire):
    postal_name: str = ""
    address_1: str = ""
    address_2: str = ""
    address_3: str = ""
    address_4: str = ""
    city: str = ""
    county: str = ""
    postcode: str = ""
    country: str = ""
    contact: str = ""
    telephone_number: str = ""
    email_address: str = ""


class WholeRow(OrderRow):
    lines: tuple[WholeLine, ...] | None = None
    delivery_address: AddressRow = AddressRow()
    requested_delivery_date: str = ""
    promised_delivery_date: str = ""


@dataclass(frozen=True, slots=True)
class Writing:
    """How an amendment is to be sent. `ids` is None where it names no codes. `record`: whether the company keeps records of
    cancelled lines.
    """

    ids: Ids | None
    lock_id: int
    allocate: bool
    record: bool


def contents(row: WholeRow, analysis: Mapping[int, str], tables: Tables) -> Contents:
    """Comments stay out: nobody sells them. Raises DestinationError for a line of a type that nobody knows."""
    taxes = {tax.id: code for code, tax in tables.taxes.items()}
    warehouses = {id_: name for name, id_ in tables.warehouses.items()}
    lines = (line for line in row.lines or () if word_of(line.line_type) not in COMMENT)
    status = row.document_status.lower().removeprefix("enumdocumentstatus")
    return Contents(
        document=document(row),
        lines=tuple(_line(line, taxes, warehouses) for line in lines),
        delivery=_delivery(row.delivery_address),
        analysis=analysis,
        dates=(_date(row.requested_delivery_date), _date(row.promised_delivery_date)),
        amendable=status in AMENDABLE,
    )


def _date(text: str) -> date | None:
    """Civil, as Sage wrote it."""
    return date.fromisoformat(text[:10]) if text else None


def _line(line: WholeLine, taxes: Mapping[int, str], warehouses: Mapping[int, str]) -> DocumentLine:
    kind = LINES.get(word_of(line.line_type))
    if kind is None:
        raise DestinationError(f"Sage shows a line of type {line.line_type}, which nobody knows")
    charge = kind is EntryKind.CHARGE
    quantity = Decimal(1) if charge else line.line_quantity
    entry = Entry(
        kind=kind,
        code=line.code if kind is not EntryKind.FREE_TEXT else "",
        description=line.description,
        quantity=quantity,
        unit_net=line.selling_unit_price,
        net=line.selling_unit_price * quantity,
        tax=Decimal(0),
        tax_code=taxes.get(line.tax_code_id, f"id {line.tax_code_id}"),
        nominal=Nominal(line.nominal_reference, line.nominal_cost_centre, line.nominal_department),
        warehouse=warehouses.get(line.warehouse_id, ""),
    )
    return DocumentLine(line.id, entry, line.despatch_receipt_quantity)


def _delivery(row: AddressRow) -> Delivery:
    lines = (row.address_1, row.address_2, row.address_3, row.address_4)
    return Delivery(
        name=row.postal_name,
        lines=tuple(line for line in lines if line),
        city=row.city,
        county=row.county,
        postcode=row.postcode,
        country=row.country,
        contact=row.contact,
        phone=row.telephone_number,
        email=row.email_address,
    )


def amend_body(amendment: Amendment, writing: Writing) -> dict[str, Any]:
    """What is taken away goes first, what is new last: a PUT stops at the first line that fails (sage200.md 9.1), and what
    is there already must be told from what is not. Raises PermanentError E-FIELD-LENGTH.
    """
    body: dict[str, Any] = {"lock_id": writing.lock_id, "is_editing": False}
    try:
        if amendment.delivery is not None:
            body["delivery_address"] = _address(amendment.delivery, writing.ids)
        lines = list(_lines(amendment, writing))
    except ValidationError as error:
        raise misfit("change", error) from error
    if amendment.dates is not None:
        names = ("requested_delivery_date", "promised_delivery_date")
        body |= {name: day_sent(one) for name, one in zip(names, amendment.dates, strict=True) if one}
    body |= {f"analysis_code_{slot}": value for slot, value in sorted(amendment.analysis.items()) if value}
    return body | ({"lines": lines} if lines else {})


def _address(delivery: Delivery, ids: Ids | None) -> dict[str, Any]:
    """Whole, the empty fields too: one that is left out might stay as it was."""
    sent = address_sent(delivery, ids.country if ids else None)
    return dict.fromkeys(ADDRESS_FIELDS, "") | sent.model_dump(exclude_none=True)


def _lines(amendment: Amendment, writing: Writing) -> Iterator[dict[str, Any]]:
    for line in amendment.removed:
        yield {"id": line.id, "is_to_delete": True} | _recorded(line, writing)
    falls_first = sorted(amendment.changed, key=lambda one: one[1].quantity >= one[0].entry.quantity)
    for line, wanted in falls_first:
        yield _changed(line, wanted, writing)
    for entry in amendment.added:
        if writing.ids is None:
            raise ValueError(entry.code)
        yield line_sent(entry, writing.ids, allocate=writing.allocate).model_dump(exclude_none=True)


def _changed(line: DocumentLine, wanted: Entry, writing: Writing) -> dict[str, Any]:
    """Only what changes, but the price of goods always: Sage might work out another for another quantity."""
    before = line.entry
    body: dict[str, Any] = {"id": line.id, "selling_unit_price": _plain(wanted.unit_net)}
    if wanted.kind is EntryKind.CHARGE:
        body["selling_unit_price"] = _plain(wanted.net)
    elif wanted.quantity != before.quantity:
        body["line_quantity"] = _plain(wanted.quantity)
        more = wanted.quantity - before.quantity
        body |= _recorded(line, writing) if more < 0 else {}
        if more > 0 and wanted.kind is EntryKind.STANDARD and writing.allocate:
            body["to_allocate_quantity"] = _plain(more)
    if wanted.kind is EntryKind.STANDARD:
        body["selling_unit_price_overridden"] = True
    if wanted.tax_code != before.tax_code and writing.ids is not None:
        body["tax_code_id"] = writing.ids.taxes[wanted.tax_code]
    if wanted.nominal != before.nominal:
        body["nominal_reference"] = wanted.nominal.reference
        body["nominal_cost_centre"] = wanted.nominal.cost_centre
        body["nominal_department"] = wanted.nominal.department
    return body


def _recorded(line: DocumentLine, writing: Writing) -> dict[str, Any]:
    goods = line.entry.kind is EntryKind.STANDARD
    return {"create_cancelled_line": True} if goods and writing.record else {}


def _plain(value: Decimal) -> Decimal:
    """No exponent on the wire, and no digits that say nothing."""
    return Decimal(format(value.normalize(), "f"))
