"""What staff and shoppers do to an order after checkout. Each change moves `updated_at` and is announced."""

from datetime import datetime
from typing import Any

from app.sandbox.centra import arithmetic, catalogue, dates
from app.sandbox.centra.announce import announce_order
from app.sandbox.centra.lines import Basket
from app.sandbox.centra.money import parse_money
from app.sandbox.centra.place import ORDER, add_voucher, read_address, ship_rest
from app.sandbox.centra.shop import HOLD_REASONS, STATUSES
from app.sandbox.mirror import Doc
from app.sandbox.store import Change

CLOSED = frozenset({"SHIPPED", "ARCHIVED", "CANCELLED"})
EDITS = frozenset(
    {"lines", "add", "address", "billing", "shipping", "comment", "internal_comment", "vouchers"}
)


def edit(change: Change, order: Doc, wish: dict[str, Any]) -> None:
    """`lines` [{line, quantity}] (less: the rest is cancelled), `add` as at checkout, `address` and `billing` (merged),
    `shipping`, comments, further `vouchers`. Percentages off are worked out again, amounts off stay.
    """
    unknown = set(wish) - EDITS
    if unknown:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
    refuse_closed(order)
    grown = bool(wish.get("add"))
    for one in wish.get("lines", []):
        grown |= _set_quantity(change, order, one)
    _add_lines(change, order, wish.get("add", []))
    for place in ("address", "billing"):
        if place in wish:
            order[place] = read_address({**order[place], **wish[place]}, order["country"])
    if "shipping" in wish:
        order["shipping"] = str(parse_money(wish["shipping"]))
    order.update({name: wish[name] for name in ("comment", "internal_comment") if name in wish})
    if grown:
        _share_anew(order)
    for raw in wish.get("vouchers", []):
        add_voucher(order, raw)


def cancel_lines(change: Change, order: Doc, wish: dict[str, Any]) -> None:
    """`lines` [{line | sku, quantity?}]: units to take off, all that are left without a quantity."""
    refuse_closed(order)
    for one in wish["lines"]:
        line = find_line(order, one)
        _drop_units(change, order, line, one.get("quantity", line["quantity"]))


def cancel(change: Change, order: Doc, _: dict[str, Any]) -> None:
    """The lines keep their quantities; only stock is given back (centra.md 3.2)."""
    refuse_closed(order)
    if any(payment["type"] == "CAPTURE" for payment in order["payments"]):
        raise ValueError("what is captured cannot be cancelled: return and refund")
    for line in arithmetic.counted_lines(order):
        kept, line["quantity"] = line["quantity"], 0
        catalogue.allocate(change, line, -kept)
        line["quantity"] = kept
    order["status"] = "CANCELLED"


def hold(_: Change, order: Doc, wish: dict[str, Any]) -> None:
    reason = wish.get("reason", "WAITING_FOR_FRAUD_CHECK")
    if reason not in HOLD_REASONS:
        raise ValueError(f"no hold reason {reason}")
    refuse_closed(order)
    order["hold"] = reason


def release(_: Change, order: Doc, _wish: dict[str, Any]) -> None:
    if order["hold"] is None:
        raise ValueError("it is not on hold")
    order["hold"] = None
    for payment in order["payments"]:
        if payment["type"] == "AUTH_PENDING":
            payment.update(type="AUTH", status="SUCCESS")


def confirm(_: Change, order: Doc, _wish: dict[str, Any]) -> None:
    if order["status"] != "PENDING":
        raise ValueError(f"Order {order['number']} is not pending.")
    order["status"] = "CONFIRMED"


def advance(change: Change, order: Doc, wish: dict[str, Any]) -> None:
    """`status`: PROCESSING and SHIPPED make a shipment of everything, the others are set as a support case would."""
    status = wish["status"]
    if status not in STATUSES:
        raise ValueError(f"no status {status}")
    if status not in {"PROCESSING", "SHIPPED"}:
        order["status"] = status
        return
    if order["status"] == "PENDING" or order["hold"] is not None:
        raise ValueError("pending and held orders cannot be shipped")
    if status == "SHIPPED" and order["shipments"]:
        order["shipments"][-1].update(isShipped=True, isPaid=True, isCaptured=True)
        order["status"] = status
        return
    ship_rest(change, order, shipped=status == "SHIPPED")


def lock(_: Change, order: Doc, wish: dict[str, Any]) -> None:
    order["locked"] = bool(wish.get("locked", True))


ACTS = {
    "edit": edit,
    "cancel": cancel,
    "cancel-lines": cancel_lines,
    "hold": hold,
    "release": release,
    "confirm": confirm,
    "advance": advance,
    "lock": lock,
}


def amend(change: Change, number: int, act: str, wish: dict[str, Any], now: datetime) -> Doc:
    """Raises KeyError for an unknown act, ValueError where Centra would refuse."""
    order = change.get(ORDER, number)
    if order is None:
        raise ValueError(f"no order {number}")
    before = order["status"]
    ACTS[act](change, order, wish)
    order["updated_at"] = max(dates.keep(now), order["updated_at"])
    change.put(ORDER, number, order)
    completed = order["status"] == "SHIPPED" and before != "SHIPPED"
    announce_order(change, order, "COMPLETED" if completed else "UPDATED")
    return order


def find_line(order: Doc, wish: dict[str, Any]) -> Doc:
    """By `line` (id) or by `sku` (the first that still wants units). A bundle's items follow their parent."""
    lines: list[Doc] = order["lines"]
    for line in lines:
        by_sku = line["sku"] == wish.get("sku") and line["quantity"] > 0
        if line["type"] != arithmetic.ITEM and (line["id"] == wish.get("line") or by_sku):
            return line
    raise ValueError(f"no such line: {wish}")


def refuse_closed(order: Doc) -> None:
    if order["status"] in CLOSED:
        raise ValueError(f"order {order['number']} is {order['status'].lower()}")


def _set_quantity(change: Change, order: Doc, wish: dict[str, Any]) -> bool:
    """Whether it grew."""
    line = find_line(order, wish)
    more = wish["quantity"] - line["quantity"]
    if wish["quantity"] < 0:
        raise ValueError("a quantity is not negative")
    if more <= 0:
        _drop_units(change, order, line, -more)
        return False
    for one in _with_items(order, line):
        units = more * one.get("per", 1)
        one["quantity"] += units
        one["ordered"] += units
        if one["type"] != arithmetic.PARENT:
            catalogue.allocate(change, one, units)
    return True


def _drop_units(change: Change, order: Doc, line: Doc, units: int) -> None:
    if not 0 <= units <= line["quantity"]:
        raise ValueError(f"{units} of {line['quantity']} units")
    for one in _with_items(order, line):
        gone = units * one.get("per", 1)
        one["quantity"] -= gone
        one["cancelled"] += gone
        if one["type"] != arithmetic.PARENT:
            catalogue.allocate(change, one, -gone)


def _add_lines(change: Change, order: Doc, wishes: list[dict[str, Any]]) -> None:
    if not wishes:
        return
    added = Basket(change, order["currency"], order["country"]).fill(wishes)
    order["lines"] += added
    for line in added:
        if line["type"] != arithmetic.PARENT:
            catalogue.allocate(change, line, line["quantity"])


def _with_items(order: Doc, line: Doc) -> list[Doc]:
    return [line, *(one for one in order["lines"] if one["parent"] == line["id"])]


def _share_anew(order: Doc) -> None:
    """What an order that grew owes to its vouchers; no document says what becomes of amounts."""
    for voucher in order["vouchers"]:
        if voucher["kind"] == "percent" or order["voucher_on_growth"] == "all":
            voucher["shares"] = {}
            voucher["shares"] = arithmetic.share_voucher(order, voucher)
