"""What retailers, and people of the supplier's house, do to an order: each changes it in place."""

from collections.abc import Callable
from typing import Any

from app.sandbox.mirror import Doc
from app.sandbox.store import Change
from app.sandbox.virtualstock import returns
from app.sandbox.virtualstock.act import ACTIONS, Deed, act
from app.sandbox.virtualstock.files import keep_comments
from app.sandbox.virtualstock.place import refresh_status
from app.sandbox.virtualstock.refusal import Refused
from app.sandbox.virtualstock.retailers import retailer_of
from app.sandbox.world import World

CANCELLABLE = frozenset({"ORDER", "ORDER_ACK", "BACKORDER"})
TRACKING_STATUSES = frozenset(
    {"INFORECEIVED", "INTRANSIT", "OUTFORDELIVERY", "FAILEDATTEMPT", "EXCEPTION", "DELIVERED"}
)


def request_cancel(_: World, __: Change, order: Doc, wish: Doc) -> Doc:
    """`{"line"?, "quantity"?, "reason"?}`: only from new, processing or backorder; all lines where none is named."""
    lines = [returns.line_of(order, wish)] if "line" in wish else order["lines"]
    open_lines = [line for line in lines if line["status"] in CANCELLABLE]
    if not open_lines:
        raise ValueError("Not allowed to change state of item")
    for line in open_lines:
        left = line["quantity"] - line["dispatched"] - line["cancelled"]
        asked = int(wish.get("quantity", left))
        if not 0 < asked <= left:
            raise ValueError(f"Cancel quantity value {asked} is bigger than allowed for item")
        line.update(cancel_asked=asked, cancel_reason=str(wish.get("reason", "126")), status="CANCEL")
    refresh_status(order)
    return {}


def withdraw_cancel(_: World, __: Change, order: Doc, ___: Doc) -> Doc:
    """A retailer's second thought; in no document, but statuses are open."""
    for line in order["lines"]:
        if line["status"] == "CANCEL":
            line.update(cancel_asked=0, status="ORDER_ACK")
    refresh_status(order)
    return {}


def request_return(world: World, change: Change, order: Doc, wish: Doc) -> Doc:
    return returns.request_return(world, change, order, wish)


def edit(_: World, __: Change, order: Doc, wish: Doc) -> Doc:
    """Head fields and `shipping_address`, as Virtualstock's own desk may correct them."""
    allowed = {
        "comment",
        "shipping_address",
        "additional_order_reference",
        "delivery_service_code",
        "test_flag",
    }
    if set(wish) - allowed:
        raise ValueError(f"one of {', '.join(sorted(allowed))}")
    address = {**order["shipping_address"], **wish.get("shipping_address", {})}
    order.update({**wish, "shipping_address": address})
    return {}


def set_status(_: World, __: Change, order: Doc, wish: Doc) -> Doc:
    """`{"line"?, "status"}`: any text; the list of statuses is open."""
    for line in [returns.line_of(order, wish)] if "line" in wish else order["lines"]:
        line["status"] = str(wish["status"])
    refresh_status(order)
    return {}


def act_by_hand(world: World, change: Change, order: Doc, wish: Doc) -> Doc:
    """`{"action", "items"}`: somebody of the supplier's uses the portal. Raises ValueError for what it refuses."""
    deed = Deed(world, change, ACTIONS[wish["action"]], order, retailer_of(change, order["retailer"]))
    try:
        stopped = act(deed, wish)
        keep_comments(deed, change, wish)
    except Refused as refused:
        raise ValueError(str(refused)) from refused
    if stopped is not None:
        raise ValueError(str(stopped))
    return {}


def track(world: World, _: Change, order: Doc, wish: Doc) -> dict[str, Any]:
    """`{"status", "line"?}`: the carrier's news of what was dispatched; answers the webhook's body."""
    line = returns.line_of(order, wish)
    sent = next((one for one in reversed(line["sent"]) if one["action"] == "dispatch"), None)
    if sent is None or wish["status"] not in TRACKING_STATUSES:
        raise ValueError("nothing was dispatched, or no such status")
    now = world.clock.now()
    zulu = now.strftime("%Y-%m-%dT%H:%M:%S+0000")
    return {
        "channel": "",
        "carrier": sent["carrier"],
        "dispatched_date": f"{sent['supplier_dispatch_date']}T00:00:00+0000",
        "estimated_delivery_date": None,
        "order_number": order["order_reference"],
        "tracking_number": str(sent["tracking_number"]),
        "tracking_url": sent.get("tracking_url"),
        "status": wish["status"],
        "checkpoint_time": zulu,
        "tracking_message": "",
        "items": [
            {
                "line_ref": line["line_reference"],
                "part_number": line["part_number"],
                "quantity": line["quantity"],
            }
        ],
        "ts": int(now.timestamp() * 10_000),
    }


OrderDeed = Callable[[World, Change, Doc, Doc], Doc]
DEEDS: dict[str, OrderDeed] = {
    "cancel-request": request_cancel,
    "cancel-withdraw": withdraw_cancel,
    "return-request": request_return,
    "edit": edit,
    "status": set_status,
    "act": act_by_hand,
    "track": track,
}
