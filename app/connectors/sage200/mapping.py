"""Our words to Sage's and back. Pure."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from app.connectors.sage200.payloads import AddressSent, LineSent, OrderRow, OrderSent, ViewRow
from app.domain.erp import Delivery, Document, DocumentStanding, Entry, EntryKind, SalesOrder
from app.domain.errors import PermanentError
from app.domain.lanes import normalise

# By name or by number; only 2 = Complete is documented, the others follow the order of the list (sage200.md 8).
STATUSES = ("live", "onhold", "complete", "dispute", "cancelled", "draft", "printed")
STANDINGS = MappingProxyType(
    {
        "live": DocumentStanding.LIVE,
        "cancelled": DocumentStanding.CANCELLED,
        "draft": DocumentStanding.DRAFT,
    }
)
# By name or by number, in the order of the list (sage200.md 8).
LINES = MappingProxyType(
    {
        **dict.fromkeys(("standard", "0"), EntryKind.STANDARD),
        **dict.fromkeys(("freetext", "1"), EntryKind.FREE_TEXT),
        **dict.fromkeys(("charge", "2"), EntryKind.CHARGE),
    }
)
COMMENT = frozenset({"comment", "3"})
GHOST = "##"  # the number of an order that Sage began and never finished (sage200.md 11)


@dataclass(frozen=True, slots=True)
class Ids:
    """Sage's record ids of what one order names; products by normalised code."""

    customer: int
    products: Mapping[str, int]
    warehouses: Mapping[str, int]
    taxes: Mapping[str, int]
    country: int | None = None


def order_body(order: SalesOrder, ids: Ids, *, spare_slot: int, allocate: bool) -> dict[str, Any]:
    """The body of `POST sop_orders`. Raises PermanentError E-FIELD-LENGTH naming every field that does not fit."""
    try:
        sent = OrderSent(
            customer_id=ids.customer,
            document_date=day_sent(order.document_date),
            requested_delivery_date=day_sent(order.deliver_from) if order.deliver_from else None,
            promised_delivery_date=day_sent(order.deliver_by) if order.deliver_by else None,
            customer_document_no=order.key,
            delivery_address=address_sent(order.delivery, ids.country),
            lines=tuple(line_sent(entry, ids, allocate=allocate) for entry in order.entries),
            spare=(order.trace or order.key) if spare_slot else "",
            analysis=dict(order.analysis),
        )
    except ValidationError as error:
        raise misfit("order", error) from error
    body = sent.model_dump(exclude_none=True, exclude={"spare", "analysis"})
    body |= {f"analysis_code_{slot}": value for slot, value in sorted(sent.analysis.items())}
    return body | ({f"spare_text_{spare_slot}": sent.spare} if sent.spare else {})


def misfit(what: str, error: ValidationError) -> PermanentError:
    """Names every field that does not fit."""
    wrong = "; ".join(f"{'.'.join(map(str, part['loc']))}: {part['msg']}" for part in error.errors())
    return PermanentError("E-FIELD-LENGTH", f"the {what} does not fit Sage's fields: {wrong}")


def day_sent(day: date) -> str:
    return f"{day.isoformat()}T00:00:00Z"


def address_sent(delivery: Delivery, country: int | None) -> AddressSent:
    lines = {f"address_{index}": line for index, line in enumerate(delivery.lines, start=1) if line}
    fields = {
        "postal_name": delivery.name,
        "city": delivery.city,
        "county": delivery.county,
        "postcode": delivery.postcode,
        "country": delivery.country,
        "contact": delivery.contact,
        "telephone_number": delivery.phone,
        "email_address": delivery.email,
    }
    filled = {name: value for name, value in fields.items() if value}
    return AddressSent.model_validate({**filled, **lines, "country_code_id": country})


def line_sent(entry: Entry, ids: Ids, *, allocate: bool) -> LineSent:
    shared: dict[str, Any] = {
        "tax_code_id": ids.taxes[entry.tax_code],
        "nominal_reference": entry.nominal.reference or None,
        "nominal_cost_centre": entry.nominal.cost_centre or None,
        "nominal_department": entry.nominal.department or None,
    }
    match entry.kind:
        case EntryKind.STANDARD:
            return LineSent(
                line_type="EnumLineTypeStandard",
                product_id=ids.products[normalise(entry.code)],
                warehouse_id=ids.warehouses[entry.warehouse],
                line_quantity=entry.quantity,
                to_allocate_quantity=entry.quantity if allocate else None,
                selling_unit_price=entry.unit_net,
                selling_unit_price_overridden=True,
                **shared,
            )
        case EntryKind.CHARGE:
            named = {"code": entry.code} if entry.code else {"description": entry.description}
            return LineSent(line_type="EnumLineTypeCharge", selling_unit_price=entry.net, **named, **shared)
        case EntryKind.FREE_TEXT:
            return LineSent(
                line_type="EnumLineTypeFreeText",
                description=entry.description,
                line_quantity=entry.quantity,
                selling_unit_price=entry.unit_net,
                **shared,
            )


def document(row: OrderRow) -> Document:
    """Missing totals read as 0, missing lines as none: ask `is_whole` first."""
    ghost = row.document_no.startswith(GHOST)
    quantities: defaultdict[str, Decimal] = defaultdict(Decimal)
    for line in row.lines or ():
        if LINES.get(word_of(line.line_type)) is EntryKind.STANDARD:
            quantities[normalise(line.code)] += line.line_quantity
    return Document(
        id=row.id,
        number="" if ghost else row.document_no,
        key=row.customer_document_no.strip(),
        trace=row.trace.strip(),
        standing=DocumentStanding.DRAFT if ghost or row.is_draft else _standing(row),
        net=row.total_net_value or Decimal(0),
        tax=row.total_tax_value or Decimal(0),
        gross=row.total_gross_value or Decimal(0),
        quantities=dict(quantities),
    )


def _standing(row: OrderRow) -> DocumentStanding:
    """An order whose lines were all cancelled stays live by its status (sage200.md 9.1): none can be entered without."""
    bare = row.lines is not None and all(word_of(line.line_type) in COMMENT for line in row.lines)
    return DocumentStanding.CANCELLED if bare else standing(row.document_status)


def word_of(line_type: str) -> str:
    return line_type.lower().removeprefix("enumlinetype")


def is_whole(row: OrderRow) -> bool:
    return None not in (row.total_net_value, row.total_tax_value, row.total_gross_value, row.lines)


def viewed(row: ViewRow) -> Document:
    """A document that `sop_orders` does not serve: archived, or no order at all. Never live."""
    found = standing(str(row.document_status_id))
    return Document(
        id=row.id,
        number="" if row.document_no.startswith(GHOST) else row.document_no,
        key=row.customer_document_no.strip(),
        trace="",
        standing=DocumentStanding.OTHER if found is DocumentStanding.LIVE else found,
        net=row.total_net_value,
        tax=row.total_tax_value,
        gross=row.total_gross_value,
    )


def standing(status: str) -> DocumentStanding:
    """`EnumDocumentStatusLive`, `Live` or `0`; what is neither live, draft nor cancelled is OTHER."""
    word = status.lower().removeprefix("enumdocumentstatus")
    if word.isdigit() and int(word) < len(STATUSES):
        word = STATUSES[int(word)]
    return STANDINGS.get(word, DocumentStanding.OTHER)
