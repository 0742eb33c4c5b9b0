"""What staff and shoppers do to an order after checkout. Each change moves `updated_at` and is announced."""

import copy
from typing import Any

from app.sandbox.centra import arithmetic, capture, catalogue, ship
from app.sandbox.centra.desk import Desk, RefusedError, send_mail
from app.sandbox.centra.lines import Basket
from app.sandbox.centra.money import parse_money
from app.sandbox.centra.payments import is_captured
from app.sandbox.centra.place import add_voucher, read_address
from app.sandbox.centra.shipments import count_left, follow
from app.sandbox.centra.shop import HOLD_REASONS, STATUSES
from app.sandbox.mirror import Doc
from app.sandbox.store import Change

CLOSED = frozenset({"SHIPPED", "ARCHIVED", "CANCELLED"})
EDITS = frozenset(
    {"lines", "add", "address", "billing", "shipping", "comment", "internal_comment", "vouchers"}
)


def edit(desk: Desk, order: Doc, wish: dict[str, Any]) -> None:
    """`lines` [{line, quantity}] (less: the rest is cancelled), `add` as at checkout, `address` and `billing` (merged),
    `shipping`, comments, further `vouchers`. Percentages off are worked out again, amounts off stay.
    """
    unknown = set(wish) - EDITS
    if unknown:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
    refuse_closed(order)
    grown = bool(wish.get("add"))
    for one in wish.get("lines", []):
        grown |= _set_quantity(desk.change, order, one)
    add_lines(desk.change, order, fill_basket(desk.change, order, wish.get("add", [])))
    for place in ("address", "billing"):
        if place in wish:
            order[place] = read_address({**order[place], **wish[place]}, order["country"])
    if "shipping" in wish:
        order["shipping"] = str(parse_money(wish["shipping"]))
    order.update({name: wish[name] for name in ("comment", "internal_comment") if name in wish})
    if grown:
        share_anew(order)
    for raw in wish.get("vouchers", []):
        add_voucher(order, raw)
    follow(order)


def cancel_lines(desk: Desk, order: Doc, wish: dict[str, Any]) -> None:
    """`lines` [{line | sku, quantity?, remove?}]: units to take off, all that are left without a quantity; with `remove`
    they do not go back on the shelf. What is in a shipment cannot be cancelled.
    """
    refuse_closed(order)
    for one in wish["lines"]:
        line = find_line(order, one)
        units = _units_of(order, line, one)
        _drop_units(desk.change, order, line, units, remove=one.get("remove", False))
    follow(order)


def cancel(desk: Desk, order: Doc, wish: dict[str, Any]) -> capture.Outcome:
    """The lines keep their quantities; only stock is given back (centra.md 3.2). `remove`: not even that;
    `cancel_authorization`, `mail`. Shipments that are open and unpaid go, too. A PSP that would not release its
    authorisation does not stop it.
    """
    refuse_closed(order)
    if is_captured(order):
        raise RefusedError("what is captured cannot be cancelled: return and refund")
    if any(one["shipped_at"] or one["paid_at"] for one in order["shipments"]):
        raise RefusedError("what is shipped or paid cannot be cancelled: return and refund")
    for shipment in list(order["shipments"]):
        ship.delete(desk, order, shipment)
    for line in arithmetic.counted_lines(order):
        kept, line["quantity"] = line["quantity"], 0
        given = -catalogue.allocate(desk.change, line, -kept)
        line["quantity"] = kept
        if wish.get("remove"):
            catalogue.write_off(desk.change, line, given)
    order["status"] = "CANCELLED"
    if wish.get("mail"):
        send_mail(desk, order, "cancellation")
    return (
        capture.cancel_authorization(desk, order) if wish.get("cancel_authorization") else capture.Outcome()
    )


def hold(_: Desk, order: Doc, wish: dict[str, Any]) -> None:
    reason = wish.get("reason", "WAITING_FOR_FRAUD_CHECK")
    if reason not in HOLD_REASONS:
        raise ValueError(f"no hold reason {reason}")
    refuse_closed(order)
    order["hold"] = reason


def release(_: Desk, order: Doc, _wish: dict[str, Any]) -> None:
    if order["hold"] is None:
        raise ValueError("it is not on hold")
    order["hold"] = None
    for payment in order["payments"]:
        if payment["type"] == "AUTH_PENDING":
            payment.update(type="AUTH", status="SUCCESS")


def confirm(desk: Desk, order: Doc, _wish: dict[str, Any]) -> None:
    if order["status"] != "PENDING":
        raise RefusedError(f"Order {order['number']} is not pending.", "input", "order")
    order["status"] = "CONFIRMED"
    send_mail(desk, order, "confirmation")


def advance(desk: Desk, order: Doc, wish: dict[str, Any]) -> None:
    """`status`: PROCESSING and SHIPPED make a shipment of everything, the others are set as a support case would."""
    status = wish["status"]
    if status not in STATUSES:
        raise ValueError(f"no status {status}")
    if status not in {"PROCESSING", "SHIPPED"}:
        order["status"] = status
        return
    if order["status"] == "PENDING" or order["hold"] is not None:
        raise ValueError("pending and held orders cannot be shipped")
    ship.ship_rest(desk, order, shipped=status == "SHIPPED")


def lock(_: Desk, order: Doc, wish: dict[str, Any]) -> None:
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


def check_cuts(order: Doc, wishes: list[dict[str, Any]]) -> None:
    """Raises ValueError where `cancel_lines` would stop half-way."""
    trial = copy.deepcopy(order)
    for one in wishes:
        line = find_line(trial, one)
        _cut(trial, line, _units_of(trial, line, one))


def fill_basket(change: Change, order: Doc, wishes: list[dict[str, Any]]) -> list[Doc]:
    return Basket(change, order["currency"], order["country"]).fill(wishes) if wishes else []


def add_lines(change: Change, order: Doc, added: list[Doc]) -> None:
    order["lines"] += added
    for line in added:
        if line["type"] != arithmetic.PARENT:
            catalogue.allocate(change, line, line["quantity"])


def share_anew(order: Doc) -> None:
    """What an order that grew owes to its vouchers; no document says what becomes of amounts."""
    for voucher in order["vouchers"]:
        if voucher["kind"] == "percent" or order["voucher_on_growth"] == "all":
            voucher["shares"] = {}
            voucher["shares"] = arithmetic.share_voucher(order, voucher)


def _set_quantity(change: Change, order: Doc, wish: dict[str, Any]) -> bool:
    """Whether it grew."""
    line = find_line(order, wish)
    more = wish["quantity"] - line["quantity"]
    if wish["quantity"] < 0:
        raise ValueError("a quantity is not negative")
    if more <= 0:
        _drop_units(change, order, line, -more, remove=False)
        return False
    for one in _with_items(order, line):
        units = more * one.get("per", 1)
        one["quantity"] += units
        one["ordered"] += units
        if one["type"] != arithmetic.PARENT:
            catalogue.allocate(change, one, units)
    return True


def _drop_units(change: Change, order: Doc, line: Doc, units: int, *, remove: bool) -> None:
    for one, gone in _cut(order, line, units):
        if one["type"] == arithmetic.PARENT:
            continue
        given = -catalogue.allocate(change, one, -gone)
        if remove:
            catalogue.write_off(change, one, given)


def _cut(order: Doc, line: Doc, units: int) -> list[tuple[Doc, int]]:
    """The lines that it shortened, each with how much; stock is the caller's."""
    left = count_left(order, line)
    if not 0 <= units <= left:
        raise ValueError(f"{units} of {left} units that are in no shipment")
    cut = [(one, units * one.get("per", 1)) for one in _with_items(order, line)]
    for one, gone in cut:
        one["quantity"] -= gone
        one["cancelled"] += gone
    return cut


def _units_of(order: Doc, line: Doc, wish: dict[str, Any]) -> int:
    """Of a line that is in shipments with all it has, more than can be cancelled."""
    return int(wish["quantity"]) if "quantity" in wish else count_left(order, line) or int(line["quantity"])


def _with_items(order: Doc, line: Doc) -> list[Doc]:
    return [line, *(one for one in order["lines"] if one["parent"] == line["id"])]
