"""POST sop_confirm_despatch: allocated goods leave under a note of their own (sage200.md 9.3, 10.3)."""

from decimal import Decimal
from typing import Any

from app.sandbox.mirror import Doc
from app.sandbox.sage200.allocate import held_of, hold
from app.sandbox.sage200.amend import record_of, save
from app.sandbox.sage200.checks import as_list, check_object, need
from app.sandbox.sage200.couriers import DESPATCHES
from app.sandbox.sage200.despatch_sheets import CONFIRM, CONFIRM_ITEM, RECEIPT, TRACKING
from app.sandbox.sage200.lines import ON_DESPATCH, STANDARD, Entry
from app.sandbox.sage200.locks import check_lock
from app.sandbox.sage200.progress import LIVE, intent_of, ready_of
from app.sandbox.sage200.refusal import Refused, invalid
from app.sandbox.sage200.stock import find_holding, move_stock

MOST_PIECES = 2**31
Item = tuple[Doc, Decimal]


def confirm_despatch(entry: Entry, body: Any) -> tuple[Doc, list[Item], Doc]:
    """The order, what left, and the note. All of it or nothing."""
    wish = check_object(body, CONFIRM, strict=entry.strict, also=frozenset({"items", "tracking_items"}))
    need(wish, "sop_order_return_id")
    order = entry.find("sop_order", wish["sop_order_return_id"], "sales order")
    check_lock(entry.world, entry.change, record_of(order))
    check_live(entry, order)
    intent = wish.get("confirmation_intent_type", ON_DESPATCH)
    tracking = check_tracking(entry, order, as_list("tracking_items", body.get("tracking_items", [])))
    today = f"{entry.stamp[:10]}T00:00:00"
    note = {"despatch_date": wish.get("despatch_receipt_date", today), **tracking}
    items = [check_item(entry, order, item, intent) for item in check_items(body)]
    return order, items, send(entry, order, items, note)


def check_live(entry: Entry, order: Doc) -> None:
    label = record_of(order).label
    if order["document_status"] != LIVE:
        raise invalid(f"{label} is not live, so nothing of it can be despatched.")
    customer = entry.find("customer", order["customer_id"], "customer")
    if customer["on_hold"] and entry.setting("despatch_to_customer_on_hold") == "refuse":
        raise invalid(f"The customer {customer['reference']} is on hold.")


def check_items(body: Doc) -> list[Any]:
    items = as_list("items", body.get("items", []))
    if not items:
        raise invalid("The property 'items' is required.")
    return items


def check_item(entry: Entry, order: Doc, body: Any, intent: str) -> Item:
    """The seeded company has neither bins nor batches, so none can be named."""
    kinds = frozenset({"bin_items", "traceable_adjustment_items"})
    item = check_object(body, CONFIRM_ITEM, strict=entry.strict, also=kinds)
    need(item, "id", "quantity")
    for kind in kinds & body.keys():
        if as_list(kind, body[kind]):
            raise invalid(f"What '{kind}' names does not exist.")
    line = next((line for line in order["lines"] if line["id"] == item["id"]), None)
    if line is None:
        raise invalid(f"The line with id {item['id']} does not belong to this order.")
    if intent_of(line) != intent:
        raise invalid(f"The line with id {item['id']} is not despatched by {intent}.")
    return line, Decimal(item["quantity"])


def check_tracking(entry: Entry, order: Doc, items: list[Any]) -> Doc:
    """One for each order that is despatched, so one; what it does where tracking is not recorded is a switch."""
    if len(items) > 1:
        raise invalid("The property 'tracking_items' may have one item for an order.")
    tracking: Doc = {}
    for item in items:
        tracking = check_object(item, TRACKING, strict=entry.strict)
        if tracking.pop("sop_order_return_id", order["id"]) != order["id"]:
            raise invalid("The property 'tracking_items' names another order.")
    check_note(entry, tracking)
    if tracking and not entry.setting("record_tracking_on_despatch"):
        if entry.setting("tracking_when_off") == "refuse":
            raise invalid("Tracking is not recorded at despatch in this company.")
        return {}
    return tracking


def check_note(entry: Entry, note: Doc) -> None:
    """Resolves the courier; incoterms and reasons for export are not kept here."""
    if "courier_id" in note:
        note["courier_name"] = entry.find("courier", note["courier_id"], "courier")["name"]
    for name in ("sop_incoterm_id", "sop_export_reason_id"):
        if name in note:
            raise invalid(f"The record with id {note[name]} of '{name}' does not exist.")
    if not 0 <= note.get("pieces", 0) < MOST_PIECES:
        raise invalid("The property 'pieces' is out of range.")
    if Decimal(note.get("weight", "0")) < 0:
        raise invalid("The property 'weight' must not be negative.")


def send(entry: Entry, order: Doc, items: list[Item], note: Doc) -> Doc:
    """Stores the note, the stock and the order. What a repeat finds left, it despatches again."""
    id_ = entry.change.next_id("sage200.id", 27_000)
    stamps = {"date_time_created": entry.stamp, "date_time_updated": entry.stamp}
    doc = {
        "id": id_,
        "despatch_no": f"{entry.change.next_id('sage200.despatch_no'):010d}",
        "despatched_by": entry.user[:20],
        "sop_order_id": order["id"],
        **note,
        "lines": [ship(entry, line, quantity) for line, quantity in items],
        **stamps,
    }
    entry.change.put(DESPATCHES, id_, doc)
    save(entry, order, moved=entry.setting("header_stamp_moves_at_despatch"))
    return doc


def ship(entry: Entry, line: Doc, quantity: Decimal) -> Doc:
    """The row of the note; the line's counters move."""
    if quantity <= 0:
        raise invalid("The property 'quantity' must be above zero.")
    ready = ready_of(line)
    if quantity > ready:
        raise invalid(f"Only {ready.normalize():f} of the line with id {line['id']} can be despatched.")
    line["despatch_receipt_quantity"] = str(Decimal(line["despatch_receipt_quantity"]) + quantity)
    if line["line_type"] == STANDARD:
        hold(entry, line, held_of(line) - quantity)
        if entry.setting("update_stock_on_despatch"):
            check_stock(entry, line, quantity)
            issue(entry, line, quantity, released=quantity)
    line["date_time_updated"] = entry.stamp
    return {
        "id": entry.change.next_id("sage200.id", 27_000),
        "sop_order_line_id": line["id"],
        "quantity": str(quantity),
        "is_invoiced": False,
        "date_time_updated": entry.stamp,
    }


def check_stock(entry: Entry, line: Doc, quantity: Decimal) -> None:
    """More may be allocated than there is, but only some groups may go below nothing (sage200.md 10.2)."""
    product = entry.find("product", line["product_id"], "product")
    group = entry.find("product_group", product["product_group_id"], "product group")
    holding = find_holding(entry.change, line["product_id"], line["warehouse_id"])
    stock = Decimal(0) if holding is None else Decimal(holding["confirmed_qty_in_stock"])
    if quantity > stock and not group["can_levels_go_negative"]:
        raise invalid(f"There is not enough stock of '{product['code']}'.")


def issue(entry: Entry, line: Doc, quantity: Decimal, released: Decimal) -> None:
    """Stock falls, at despatch or at the invoice as the company's setting says (sage200.md 9.3)."""
    holding = find_holding(entry.change, line["product_id"], line["warehouse_id"])
    if holding is not None and (quantity or released):
        move_stock(entry.change, holding, stock=-quantity, allocated=-released, stamp=entry.stamp)
    line["issued_quantity"] = str(Decimal(line.get("issued_quantity", "0")) + quantity)


def change_note(entry: Entry, id_: str, body: Any) -> Doc:
    """PUT sop_despatch_receipts: the tracking of a note that exists."""
    note = entry.change.get(DESPATCHES, id_)
    if note is None:
        raise Refused(404, f"No record with id {id_} exists in sop_despatch_receipts.")
    wish = check_object(body, RECEIPT, strict=entry.strict)
    check_note(entry, wish)
    return correct(entry, note, wish)


def correct(entry: Entry, note: Doc, wish: Doc) -> Doc:
    """Whether the times of the note's lines move too is a switch."""
    note.update(wish, date_time_updated=entry.stamp)
    if entry.setting("line_stamp_moves_with_tracking"):
        for line in note["lines"]:
            line["date_time_updated"] = entry.stamp
    entry.change.put(DESPATCHES, note["id"], note)
    return note
