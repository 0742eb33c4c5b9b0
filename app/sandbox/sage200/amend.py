"""PUT and DELETE of sop_orders. A PUT saves line by line: a failing one leaves those before it saved (sage200.md 9.1)."""

from decimal import Decimal
from typing import Any

from app.sandbox.mirror import Doc
from app.sandbox.sage200.allocate import allocate_line, held_of, may_allocate, move_allocation
from app.sandbox.sage200.cancel import keeps_record, record_cancelled
from app.sandbox.sage200.checks import as_list, check_object
from app.sandbox.sage200.enter import (
    CHILDREN,
    ORDERS,
    add_line,
    check_analysis,
    check_customer,
    check_head,
    check_rate,
    number_order,
)
from app.sandbox.sage200.lines import STANDARD, Entry, check_line, complete_line
from app.sandbox.sage200.locks import LOCK, Record, check_lock, check_lock_id
from app.sandbox.sage200.money import total_order
from app.sandbox.sage200.progress import CANCELLED, DRAFT, GOODS, LIVE, mark_progress
from app.sandbox.sage200.refusal import Refused, invalid
from app.sandbox.sage200.sheets import ORDER

AMENDABLE = frozenset({LIVE, DRAFT, "EnumDocumentStatusOnHold"})
KEPT = frozenset({"customer_id", "document_no", "lock_id", "is_editing", "id"})


def record_of(order: Doc) -> Record:
    return Record("sop_order", order["id"], f"Sales order {order['document_no']}")


def find_order(entry: Entry, id_: str) -> Doc:
    order = entry.change.get(ORDERS, id_)
    if order is None:
        raise Refused(404, f"No record with id {id_} exists in sop_orders.")
    return order


def check_amendable(order: Doc) -> None:
    if order["document_status"] not in AMENDABLE:
        raise invalid(f"{record_of(order).label} cannot be amended.")


def amend_order(entry: Entry, id_: str, body: Any) -> tuple[Doc, Refused | None]:
    """The order as saved, and the error of the line that stopped the rest, if one did."""
    order = find_order(entry, id_)
    wish = check_object(body, ORDER, strict=entry.strict, also=CHILDREN)
    check_lock(entry.world, entry.change, record_of(order), lock_id=wish.get("lock_id"))
    if "lock_id" in wish:
        check_lock_id(entry.world, entry.change, record_of(order), wish["lock_id"])
    check_amendable(order)
    if wish.get("customer_id", order["customer_id"]) != order["customer_id"]:
        raise invalid("The customer of an order cannot be changed.")
    head = {name: value for name, value in wish.items() if name not in KEPT}
    order.update(head)
    customer = check_customer(entry, order)
    check_head(entry, order, body)
    if "exchange_rate" in wish:
        check_rate(entry, order, customer)
    check_analysis(entry, order)
    bodies = as_list("lines", body.get("lines", []))
    done, failed = amend_lines(entry, order, bodies, customer)
    if "document_discount_percent" in wish:
        for line in order["lines"]:
            complete_line(entry, line, customer, Decimal(wish["document_discount_percent"]))
    if failed is None and order["is_draft"] and not wish.get("is_editing", False):
        order.update(is_draft=False, document_status=LIVE)
        number_order(entry, order, wish.get("document_no", ""))
    save(entry, order, moved=bool(head) or (done > 0 and entry.setting("header_stamp_moves")))
    if failed is None and "lock_id" in wish and not wish.get("is_editing", False):
        entry.change.delete(LOCK, record_of(order).key)
    return order, failed


def amend_lines(entry: Entry, order: Doc, bodies: list[Any], customer: Doc) -> tuple[int, Refused | None]:
    """How many lines were saved, and the error that stopped the rest."""
    for done, body in enumerate(bodies):
        try:
            amend_line(entry, order, body, customer)
        except Refused as refused:
            return done, refused
    return len(bodies), None


def amend_line(entry: Entry, order: Doc, body: Any, customer: Doc) -> None:
    id_ = body.get("id") if isinstance(body, dict) else None
    if id_ is None:
        line = check_line(entry, body)
        line.pop("create_cancelled_line", None)
        add_line(entry, order, line, customer)
        line["sop_order_id"] = order["id"]
        allocate_line(entry, line)
        return
    place = next((place for place, line in enumerate(order["lines"]) if line["id"] == id_), None)
    if place is None:
        raise invalid(f"The line with id {id_} does not belong to this order.")
    old = order["lines"][place]
    wish = check_line(entry, body, old["line_type"])
    flagged = wish.pop("create_cancelled_line", False) and old["line_type"] in GOODS
    recorded = flagged and keeps_record(entry)
    left = Decimal(0)
    if wish.pop("is_to_delete", False):
        remove_line(entry, old)
        del order["lines"][place]
    else:
        order["lines"][place] = change_line(entry, old, wish, customer, order)
        left = Decimal(order["lines"][place].get("line_quantity", "0"))
    if recorded and left < Decimal(old["line_quantity"]):
        record_cancelled(entry, order, old, Decimal(old["line_quantity"]) - left)


def remove_line(entry: Entry, line: Doc) -> None:
    if Decimal(line["despatch_receipt_quantity"]) > 0:
        raise invalid("A line that was despatched cannot be deleted.")
    if line["line_type"] == STANDARD:
        move_allocation(entry, line, -held_of(line))


def change_line(entry: Entry, old: Doc, wish: Doc, customer: Doc, order: Doc) -> Doc:
    line = {**old, **wish, "date_time_updated": entry.stamp}
    complete_line(entry, line, customer, Decimal(order["document_discount_percent"]))
    despatched = Decimal(line["despatch_receipt_quantity"])
    if line["line_type"] in GOODS and abs(Decimal(line["line_quantity"])) < despatched:
        raise invalid("The line quantity cannot fall below what was despatched.")
    if line["line_type"] != STANDARD:
        return line
    left = Decimal(line["line_quantity"]) - despatched
    if (line["product_id"], line["warehouse_id"]) != (old["product_id"], old["warehouse_id"]):
        if despatched > 0:
            raise invalid("The product of a line that was despatched cannot be changed.")
        move_allocation(entry, old, -held_of(old))
        line.update(allocated_quantity="0", available_for_despatch="0")
    held = held_of(line)
    surplus = max(held - left, Decimal(0))
    asked = Decimal(line.pop("to_allocate_quantity", "0"))
    if asked > left - held + surplus:
        raise invalid("The property 'to_allocate_quantity' cannot exceed what is left to allocate.")
    more = asked if may_allocate(entry) else Decimal(0)
    move_allocation(entry, line, more - surplus)
    return line


def save(entry: Entry, order: Doc, *, moved: bool) -> None:
    for number, line in enumerate(order["lines"], start=1):
        line["line_number"] = number
    total_order(order, entry.method)
    mark_progress(order)
    if moved:
        order["date_time_updated"] = entry.stamp
    entry.change.put(ORDERS, order["id"], order)


def delete_order(entry: Entry, id_: str) -> None:
    """A draft disappears; what happens to a live order is a switch (sage200.md 20)."""
    order = find_order(entry, id_)
    check_lock(entry.world, entry.change, record_of(order))
    if any(Decimal(line["despatch_receipt_quantity"]) > 0 for line in order["lines"]):
        raise invalid(f"{record_of(order).label} was despatched and cannot be deleted.")
    way = "delete" if order["is_draft"] else entry.setting("delete_live_order")
    if way == "refuse":
        raise invalid(f"{record_of(order).label} is live and cannot be deleted.")
    for line in order["lines"]:
        remove_line(entry, line)
    if way == "delete":
        entry.change.delete(ORDERS, order["id"])
        return
    order.update(document_status=CANCELLED, cancelled_status="Fully")
    save(entry, order, moved=True)
