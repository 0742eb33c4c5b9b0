"""What people do to an order at their desks; nobody does it while somebody else has the order open."""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from types import MappingProxyType

from app.sandbox.mirror import Doc
from app.sandbox.sage200 import couriers
from app.sandbox.sage200.allocate import held_of, move_allocation
from app.sandbox.sage200.amend import amend_line, check_amendable, record_of, save
from app.sandbox.sage200.checks import check_object
from app.sandbox.sage200.despatch import Item, check_live, check_note, correct, send
from app.sandbox.sage200.despatch_sheets import RECEIPT
from app.sandbox.sage200.enter import check_address
from app.sandbox.sage200.find import find_document, find_line, find_one
from app.sandbox.sage200.lines import STANDARD, Entry
from app.sandbox.sage200.locks import check_lock
from app.sandbox.sage200.progress import LIVE, intent_of, ready_of
from app.sandbox.sage200.refusal import invalid

ON_HOLD = "EnumDocumentStatusOnHold"
PICKING_LISTS = "sage200.picking_list"
TYPED = ("consignment_no", "notes", "pieces")


def open_order(entry: Entry, wish: Doc) -> Doc:
    order = find_document(entry, wish)
    check_lock(entry.world, entry.change, record_of(order), user=entry.user)
    return order


def quantity_of(wish: Doc) -> Decimal:
    return Decimal(str(wish["quantity"]))


def despatch(entry: Entry, wish: Doc) -> Doc:
    """`{"order", "lines"?: [{"line" | "sku", "quantity"}], "courier"?, "consignment_no"?, "date"?, "notes"?,
    "pieces"?, "weight"?}`: without lines all that is ready; answers the note. Nobody checks what is typed: a blank
    courier or date is none.
    """
    order = open_order(entry, wish)
    check_live(entry, order)
    items = (
        [(find_line(order, one), quantity_of(one)) for one in wish["lines"]]
        if "lines" in wish
        else all_of(order)
    )
    if not items:
        raise invalid("Nothing of the order can be despatched.")
    note = {"despatch_date": f"{entry.stamp[:10]}T00:00:00", **type_note(entry, wish)}
    return send(entry, order, items, note)


def all_of(order: Doc) -> list[Item]:
    ready = [(line, ready_of(line)) for line in order["lines"] if intent_of(line)]
    return [(line, quantity) for line, quantity in ready if quantity > 0]


def type_note(entry: Entry, wish: Doc) -> Doc:
    typed: Doc = {name: wish[name] for name in TYPED if name in wish}
    if "weight" in wish:
        typed["weight"] = Decimal(str(wish["weight"]))
    note = check_object(typed, RECEIPT, strict=True)
    check_note(entry, note)
    if "courier" in wish:
        courier = find_one(entry, "courier", wish["courier"], "name") if wish["courier"] else {}
        note.update(courier_id=courier.get("id"), courier_name=courier.get("name"))
    if "date" in wish:
        note["despatch_date"] = f"{date.fromisoformat(wish['date'])}T00:00:00" if wish["date"] else None
    return note


def correct_despatch(entry: Entry, wish: Doc) -> Doc:
    """`{"despatch": id or number, "courier"?, "consignment_no"?, "date"?, "notes"?, "pieces"?, "weight"?}`"""
    note = find_one(entry, "sop_despatch", wish["despatch"], "despatch_no")
    return correct(entry, note, type_note(entry, wish))


def pick(entry: Entry, wish: Doc) -> Doc:
    """`{"order"}`: prints the picking list of what is allocated. The API shows nothing of it."""
    order = find_document(entry, wish)
    lines = [
        {"sop_order_line_id": line["id"], "code": line["code"], "quantity": str(held_of(line))}
        for line in order["lines"]
        if line["line_type"] == STANDARD and held_of(line) > 0
    ]
    if not lines:
        raise invalid("Nothing of the order is allocated.")
    id_ = entry.change.next_id("sage200.id", 27_000)
    printed = {"id": id_, "sop_order_id": order["id"], "printed_by": entry.user, "date_time": entry.stamp}
    entry.change.put(PICKING_LISTS, id_, {**printed, "lines": lines})
    return {**printed, "lines": lines}


def allocate(entry: Entry, wish: Doc) -> Doc:
    """`{"order"}`: allocates to every line what is left of it and free."""
    order = open_order(entry, wish)
    check_live(entry, order)
    for line in order["lines"]:
        if line["line_type"] == STANDARD:
            gone = Decimal(line["despatch_receipt_quantity"]) + held_of(line)
            move_allocation(entry, line, Decimal(line["line_quantity"]) - gone)
            line["date_time_updated"] = entry.stamp
    save(entry, order, moved=entry.setting("header_stamp_moves"))
    return order


def change_quantity(entry: Entry, wish: Doc) -> Doc:
    """`{"order", "line" | "sku", "quantity", "record"?}`: `record` keeps a cancelled line of what it falls by."""
    order = open_order(entry, wish)
    line = {"id": find_line(order, wish)["id"], "line_quantity": quantity_of(wish)}
    return retype_line(entry, order, line | {"create_cancelled_line": wish.get("record", False)})


def cancel_line(entry: Entry, wish: Doc) -> Doc:
    """`{"order", "line" | "sku", "record" (true)}`: what was not despatched of it."""
    order = open_order(entry, wish)
    line = find_line(order, wish)
    gone = Decimal(line["despatch_receipt_quantity"])
    rest: Doc = {"line_quantity": gone} if gone > 0 else {"is_to_delete": True}
    return retype_line(
        entry, order, {"id": line["id"], "create_cancelled_line": wish.get("record", True), **rest}
    )


def retype_line(entry: Entry, order: Doc, body: Doc) -> Doc:
    check_amendable(order)
    customer = entry.find("customer", order["customer_id"], "customer")
    amend_line(entry, order, body, customer)
    save(entry, order, moved=entry.setting("header_stamp_moves"))
    return order


def change_address(entry: Entry, wish: Doc) -> Doc:
    """`{"order", "address": {...}}`: the fields that change."""
    order = open_order(entry, wish)
    check_amendable(order)
    address = {**order.get("delivery_address", {}), **check_address(entry, wish["address"])}
    order.update(delivery_address=address, use_invoice_address=False)
    save(entry, order, moved=True)
    return order


def hold_order(entry: Entry, wish: Doc) -> Doc:
    """`{"order", "on_hold" (true)}`"""
    order = open_order(entry, wish)
    if order["document_status"] not in {LIVE, ON_HOLD}:
        raise invalid(f"{record_of(order).label} can be neither held nor released.")
    order["document_status"] = ON_HOLD if wish.get("on_hold", True) else LIVE
    save(entry, order, moved=True)
    return order


def add_courier(entry: Entry, wish: Doc) -> Doc:
    """`{"name", "website"?, "tracking_url"?, "is_default"?}`"""
    return couriers.add_courier(entry, {name: value for name, value in wish.items() if name != "user"})


def rename_courier(entry: Entry, wish: Doc) -> Doc:
    """`{"courier", "name"}`"""
    courier = find_one(entry, "courier", wish["courier"], "name")
    return couriers.rename(entry, courier, couriers.check_courier(entry, {"name": wish["name"]}))


AT_A_DESK: Mapping[str, Callable[[Entry, Doc], Doc]] = MappingProxyType(
    {
        "despatch": despatch,
        "correct_despatch": correct_despatch,
        "pick": pick,
        "allocate": allocate,
        "change_quantity": change_quantity,
        "cancel_line": cancel_line,
        "change_address": change_address,
        "hold_order": hold_order,
        "add_courier": add_courier,
        "rename_courier": rename_courier,
    }
)
