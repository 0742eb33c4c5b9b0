"""What can be read of despatch: notes, their views, couriers, addresses, cancelled lines (sage200.md 9.3, corrections
3 and 9).
"""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from app.sandbox.mirror import Doc, View
from app.sandbox.sage200 import company_sheets, despatch_sheets, ledger_sheets
from app.sandbox.sage200.fields import ENUMS
from app.sandbox.sage200.ready import READY
from app.sandbox.sage200.resources import Lazy, Resource, child, first
from app.sandbox.sage200.views import Getter, at, linked, status_number, stored

Rows = Callable[[Doc], Iterable[Lazy]]
RENAMED: Mapping[str, str] = MappingProxyType(
    {
        "sop_despatch_document_no": "despatch_no",
        "sop_despatch_user_name": "despatched_by",
        "sop_despatch_date": "despatch_date",
        "sop_despatch_id": "id",
        "sop_order_id": "sop_order_id",
    }
)


def note_getters(view: View) -> dict[str, Getter]:
    """Getters over a note."""

    def order(note: Doc) -> Doc:
        return first(view, "sop_order", id=note["sop_order_id"])

    def customer(name: str) -> Getter:
        return lambda note: first(view, "customer", id=order(note)["customer_id"])[name]

    def ordered(name: str) -> Getter:
        return lambda note: order(note).get(name)

    getters: dict[str, Getter] = {
        name: stored(RENAMED.get(name, name.removeprefix("sop_despatch_")))
        for name in despatch_sheets.DESPATCH_VIEW
        if name.startswith("sop_despatch_") or name in RENAMED
    }
    return getters | {
        "sop_order_document_no": ordered("document_no"),
        "sop_order_document_date": ordered("document_date"),
        "sop_order_customer_document_no": ordered("customer_document_no"),
        "sop_order_document_status_id": lambda note: status_number(order(note)),
        "sop_order_document_status_type": lambda note: str(status_number(order(note))),
        "customer_id": ordered("customer_id"),
        "customer_reference": customer("reference"),
        "customer_name": customer("name"),
        "sys_courier_tracking_url": linked("courier", "courier_id", "tracking_url")(view),
    }


def line_getters(view: View) -> dict[str, Getter]:
    """Getters over a (note, row of the note, order line)."""
    own = {
        "sop_despatch_line_id": "id",
        "sop_despatch_line_quantity": "quantity",
        "sop_despatch_line_is_invoiced": "is_invoiced",
        "date_time_updated": "date_time_updated",
        "sop_order_line_id": "sop_order_line_id",
    }
    ordered = {
        "sop_order_line_item_code": "code",
        "sop_order_line_print_sequence_number": "line_number",
        "sop_order_line_quantity": "line_quantity",
        "sop_order_line_despatch_quantity": "despatch_receipt_quantity",
        "product_id": "product_id",
        "warehouse_id": "warehouse_id",
    }
    of_line: dict[str, Getter] = {
        **{name: stored(field) for name, field in ordered.items()},
        "sop_order_line_item_description": stored("description", 60),
        "sop_order_line_type_id": lambda line: ENUMS["line_type"].index(line["line_type"]),
        "product_code": linked("product", "product_id", "code")(view),
        "product_name": linked("product", "product_id", "name")(view),
        "warehouse_name": linked("warehouse", "warehouse_id", "name")(view),
        "warehouse_holding_id": lambda line: holding_of(view, line).get("id"),
    }
    return {
        **{name: at(getter, 0) for name, getter in note_getters(view).items()},
        **{name: at(stored(field), 1) for name, field in own.items()},
        **{name: at(getter, 2) for name, getter in of_line.items()},
    }


def holding_of(view: View, line: Doc) -> Doc:
    if "product_id" not in line:
        return {}
    return first(view, "warehouse_holding", product_id=line["product_id"], warehouse_id=line["warehouse_id"])


def note_rows(view: View) -> Rows:
    getters = note_getters(view)
    return lambda note: [Lazy(getters, note)]


def note_line_rows(view: View) -> Rows:
    getters = line_getters(view)

    def of(note: Doc) -> list[Lazy]:
        lines = {line["id"]: line for line in first(view, "sop_order", id=note["sop_order_id"])["lines"]}
        return [Lazy(getters, (note, row, lines[row["sop_order_line_id"]])) for row in note["lines"]]

    return of


def latest_first(*names: str) -> tuple[tuple[str, bool], ...]:
    return tuple((name, True) for name in names)


NOTE_KEYS: Mapping[str, str] = MappingProxyType({"sop_order_id": "sop_order_id", "sop_despatch_id": "id"})
DESPATCH: Mapping[str, Resource] = MappingProxyType(
    {
        **READY,
        "sop_despatch_receipts": Resource(
            "sop_despatch",
            despatch_sheets.RECEIPT,
            MappingProxyType({"courier": child("courier_id", "courier", despatch_sheets.COURIER)}),
        ),
        "sop_order_despatch_views": Resource(
            "sop_despatch",
            despatch_sheets.DESPATCH_VIEW,
            by_id=False,
            project=note_rows,
            keys=NOTE_KEYS,
            own=latest_first("sop_despatch_date", "sop_despatch_id"),
        ),
        "sop_order_despatch_line_views": Resource(
            "sop_despatch",
            despatch_sheets.DESPATCH_LINE_VIEW,
            by_id=False,
            project=note_line_rows,
            keys=NOTE_KEYS,
            own=latest_first("sop_despatch_id", "sop_despatch_line_id"),
        ),
        "couriers": Resource("courier", despatch_sheets.COURIER),
        "sop_cancelled_lines": Resource("sop_cancelled_line", despatch_sheets.CANCELLED_LINE),
        "customer_delivery_addresses": Resource(
            "customer_delivery_address",
            despatch_sheets.CUSTOMER_ADDRESS,
            MappingProxyType(
                {
                    "customer": child("customer_id", "customer", company_sheets.CUSTOMER),
                    "tax_code": child("tax_code_id", "tax_code", ledger_sheets.TAX_CODE),
                    "country_code": child("country_code_id", "country_code", ledger_sheets.COUNTRY_CODE),
                }
            ),
        ),
    }
)
