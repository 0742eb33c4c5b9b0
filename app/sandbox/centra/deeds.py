"""What happens to an order after checkout, by whomever: staff and shoppers (`amend`), and here a warehouse and a bank."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from app.sandbox.centra import amend, capture, ship
from app.sandbox.centra.desk import Desk, keep_order
from app.sandbox.centra.shipments import count_left, list_left
from app.sandbox.centra.shop import ORDER
from app.sandbox.mirror import Doc

INFO = MappingProxyType(
    {
        "carrier": "carrier",
        "service": "service",
        "packages": "packagesNumber",
        "tracking": "trackingNumber",
        "return_tracking": "returnTrackingNumber",
    }
)
SHIP = frozenset({"lines", "by", "good_to_go", "complete", "capture", "paid", "mail", *INFO})
COMPLETE = frozenset({"shipment", "mail", *INFO})


def perform(desk: Desk, number: int, act: str, wish: dict[str, Any]) -> Doc:
    """Raises KeyError for an unknown act, ValueError where Centra would refuse."""
    order = desk.change.get(ORDER, number)
    if order is None:
        raise ValueError(f"no order {number}")
    before = order["status"]
    ACTS[act](desk, order, wish)
    keep_order(desk, order, before, own=act in amend.ACTS)
    return order


def ship_lines(desk: Desk, order: Doc, wish: dict[str, Any]) -> None:
    """`lines` [{line | sku, quantity?}] (all that is left without them), `carrier`, `service`, `tracking`,
    `return_tracking`, `packages`; true unless said otherwise: `good_to_go`, `capture`, `complete`, `mail`; `paid` where
    the money came another way; `by` (staff, wms: locked orders are for the latter). It leaves only if it is good to go
    and paid.
    """
    _refuse_unknown(wish, SHIP)
    if wish.get("by", "staff") not in {"staff", "wms"}:
        raise ValueError(f"by staff or wms, not {wish['by']}")
    if order["locked"] and wish.get("by", "staff") == "staff":
        raise ValueError("locked: only an integration may ship it")
    paid = wish.get("paid", order["payment_method"] is None)
    plan = ship.Plan(
        [_find_units(order, one) for one in wish["lines"]]
        if "lines" in wish
        else [(line["id"], left) for line, left in list_left(order)],
        good_to_go=wish.get("good_to_go", True),
        paid=paid,
        capture=wish.get("capture", not paid),
        allocate_demand=True,
        info=_read_info(wish),
    )
    shipment, _ = ship.create(desk, order, plan)
    shipment["by"] = wish.get("by", "staff")
    if wish.get("complete", True) and shipment["good_to_go"] and shipment["paid_at"] is not None:
        ship.complete(desk, order, shipment, ship.Plan((), send_email=wish.get("mail", True)))


def complete(desk: Desk, order: Doc, wish: dict[str, Any]) -> None:
    """`shipment` (id; the first that is open), and what `ship` takes of parcels and `mail`. Who packs it says so."""
    _refuse_unknown(wish, COMPLETE)
    shipment = _find_shipment(order, wish)
    plan = ship.Plan((), send_email=wish.get("mail", True), info=_read_info(wish))
    if not shipment["good_to_go"]:
        ship.update(desk, shipment, {"good_to_go": True})
    ship.complete(desk, order, shipment, plan)


def take_money(desk: Desk, order: Doc, wish: dict[str, Any]) -> None:
    """`shipment` (id); without it all that have no money yet, or the whole order if there are none. A bank that declines
    leaves its entry.
    """
    _refuse_unknown(wish, {"shipment"})
    if not order["shipments"]:
        capture.capture_order(desk, order)
    unpaid = [one for one in order["shipments"] if one["reserved"] is None]
    for shipment in [_find_shipment(order, wish)] if "shipment" in wish else unpaid:
        capture.capture_shipment(desk, order, shipment)
        desk.tell(shipment, "UPDATED", "update")


def settle(desk: Desk, order: Doc, wish: dict[str, Any]) -> None:
    """The PSP's late word on what was requested: `succeeds` (as its bank would without it), `shipment` (all)."""
    _refuse_unknown(wish, {"shipment", "succeeds"})
    wanted = [one for one in order["requests"] if wish.get("shipment") in {None, one["shipment"]}]
    if not wanted:
        raise ValueError("no capture is pending")
    for request in wanted:
        capture.settle(desk, order, request, succeeds=wish.get("succeeds", not request["fails"]))


def decline(_: Desk, order: Doc, wish: dict[str, Any]) -> None:
    """`declines`: how many of the next calls to this shopper's bank it turns down."""
    _refuse_unknown(wish, {"declines"})
    order["declines"] = int(wish["declines"])


def delete_shipment(desk: Desk, order: Doc, wish: dict[str, Any]) -> None:
    """`shipment` (id; the first that is open)."""
    _refuse_unknown(wish, {"shipment"})
    ship.delete(desk, order, _find_shipment(order, wish))


ACTS: Mapping[str, Callable[[Desk, Doc, dict[str, Any]], object]] = MappingProxyType(
    {
        **amend.ACTS,
        "ship": ship_lines,
        "complete": complete,
        "capture": take_money,
        "settle": settle,
        "psp": decline,
        "delete-shipment": delete_shipment,
    }
)


def _refuse_unknown(wish: dict[str, Any], known: frozenset[str] | set[str]) -> None:
    unknown = set(wish) - known
    if unknown:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}")


def _read_info(wish: dict[str, Any]) -> Doc:
    return {INFO[name]: value for name, value in wish.items() if name in INFO}


def _find_units(order: Doc, wish: dict[str, Any]) -> tuple[int, int]:
    for line in order["lines"]:
        left = count_left(order, line)
        if line["id"] == wish.get("line") or (line["sku"] == wish.get("sku") and left > 0):
            return line["id"], wish.get("quantity", left or line["quantity"])
    raise ValueError(f"no such line: {wish}")


def _find_shipment(order: Doc, wish: dict[str, Any]) -> Doc:
    shipments: list[Doc] = order["shipments"]
    for shipment in shipments:
        if wish["shipment"] == shipment["id"] if "shipment" in wish else shipment["shipped_at"] is None:
            return shipment
    raise ValueError("no such shipment")
