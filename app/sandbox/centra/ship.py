"""Shipments made, changed, completed and deleted, whoever asks (centra.md 4). Nothing is written before all is checked."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.sandbox.centra import capture, catalogue, picking
from app.sandbox.centra.desk import Desk, RefusedError, send_mail
from app.sandbox.centra.shipments import SHIPMENT, follow, list_left
from app.sandbox.mirror import Doc

FROZEN = ("info", "method", "good_to_go")
"""What a shipment that has left keeps (centra.md 4)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """`units`: order line ids with quantities. `info` and `method` as the API's inputs. Moments in the kept form;
    with `shipped_at` it has left already.
    """

    units: Sequence[tuple[int, int]]
    good_to_go: bool = False
    paid: bool = False
    capture: bool = False
    allocate_demand: bool = False
    send_email: bool = False
    created_at: str | None = None
    shipped_at: str | None = None
    info: Doc = field(default_factory=dict)
    message: str | None = None
    method: int | None = None


def create(desk: Desk, order: Doc, plan: Plan) -> tuple[Doc, str]:
    """The shipment, and why its capture failed, if it did: it exists all the same. Raises RefusedError."""
    picking.refuse_unready(desk, order)
    wanted = picking.pick_lines(order, plan.units)
    demand = picking.find_demand(desk, order, wanted, allocate=plan.allocate_demand)
    _check_moments(desk, plan)
    for line, units in demand:
        catalogue.allocate_demand(desk.change, line, units)
    shipment = open_shipment(desk, order, plan)
    failure = _pay(desk, order, shipment, plan)
    desk.tell(shipment, "CREATED", "create", *(["good_to_go"] if plan.good_to_go else []))
    left = plan.shipped_at is not None and shipment["paid_at"] is not None
    if left:
        _leave(desk, order, shipment, plan.shipped_at or desk.moment)
    if plan.send_email and (left or desk.switch("mail_on_create") == "always"):
        send_mail(desk, order, "shipment", shipment)
    follow(order)
    return shipment, failure


def update(desk: Desk, shipment: Doc, wish: Doc) -> None:
    """`wish`: info, method, good_to_go, paid, paid_value, message; what is absent stays. Raises RefusedError."""
    number = shipment["number"]
    frozen = [name for name in FROZEN if name in wish]
    if shipment["shipped_at"] is not None and frozen:
        raise RefusedError(f"Shipment {number} is shipped, it cannot be changed.", "input")
    unpaid = wish.get("paid") is False
    if unpaid and (shipment["reserved"] is not None or shipment["shipped_at"] is not None):
        raise RefusedError(f"Shipment {number} is already captured or shipped.", "input", "isPaid")
    packed = bool(wish.get("good_to_go")) and not shipment["good_to_go"]
    shipment["info"] = {**shipment["info"], **wish.get("info", {})}
    kept = ("method", "good_to_go", "message", "paid_value")
    shipment.update({name: wish[name] for name in kept if name in wish})
    if "paid" in wish:
        shipment["paid_at"] = (shipment["paid_at"] or desk.moment) if wish["paid"] else None
    desk.tell(shipment, "UPDATED", "good_to_go" if packed else "update")


def complete(desk: Desk, order: Doc, shipment: Doc, plan: Plan) -> None:
    """Of the plan: shipped_at (now without it), info, message, send_email. Raises RefusedError."""
    number = shipment["number"]
    if shipment["shipped_at"] is not None:
        raise RefusedError(f"Shipment {number} is already shipped.", "id")
    if order["hold"] is not None:
        raise RefusedError(f"Order {order['number']} is on hold.", "id")
    if not shipment["good_to_go"]:
        raise RefusedError(f"Shipment {number} is not good to go.", "id")
    if shipment["paid_at"] is None:
        raise RefusedError(f"Shipment {number} is not paid.", "id")
    _check_past(desk, plan.shipped_at, "shippedAt")
    shipment["info"] = {**shipment["info"], **plan.info}
    shipment["message"] = plan.message if plan.message is not None else shipment["message"]
    _leave(desk, order, shipment, plan.shipped_at or desk.moment)
    if plan.send_email:
        send_mail(desk, order, "shipment", shipment)
    follow(order)


def delete(desk: Desk, order: Doc, shipment: Doc) -> None:
    """Raises RefusedError for what was shipped or paid for: that is returned."""
    if shipment["shipped_at"] is not None:
        raise RefusedError(f"Shipment {shipment['number']} is shipped, make a return instead.", "id")
    if shipment["paid_at"] is not None or shipment["reserved"] is not None:
        raise RefusedError(f"Shipment {shipment['number']} is paid, make a return instead.", "id")
    order["shipments"].remove(shipment)
    desk.change.delete(SHIPMENT, shipment["id"])
    desk.tell(shipment, "DELETED", *(["delete"] if desk.switch("shipment_deleted_webhook") else []))
    follow(order)


def ship_rest(desk: Desk, order: Doc, *, shipped: bool) -> None:
    """A shipment of all that is in none, as stores with direct shipment and gift certificates have it; with `shipped`
    everything leaves, and counts as paid.
    """
    rest = [(line["id"], left) for line, left in list_left(order)]
    if not rest and not (shipped and order["shipments"]):
        raise RefusedError(f"Order {order['number']} is already fully shipped.")
    if rest:
        shipment = open_shipment(desk, order, Plan(rest, good_to_go=True))
        desk.tell(shipment, "CREATED", "create", "good_to_go")
    for shipment in order["shipments"] if shipped else ():
        if shipment["shipped_at"] is None:
            shipment["good_to_go"] = True
            capture.capture_by_force(desk, order, shipment)
            _leave(desk, order, shipment, desk.moment)
    order["status"] = "SHIPPED" if shipped else "PROCESSING"


def open_shipment(desk: Desk, order: Doc, plan: Plan) -> Doc:
    """Numbers of deleted shipments are not given again."""
    order["shipment_count"] += 1
    shipment: Doc = {
        "id": desk.change.next_id(SHIPMENT, 3455),
        "number": f"{order['number']}-{order['shipment_count']}",
        "created_at": plan.created_at or desk.moment,
        "updated_at": desk.moment,
        "lines": [
            {"id": desk.change.next_id("centra.shipment_line", 4661), "line": line, "quantity": quantity}
            for line, quantity in plan.units
        ],
        "good_to_go": plan.good_to_go,
        "paid_at": None,
        "paid_value": None,
        "reserved": None,
        "captured_at": None,
        "shipped_at": None,
        "info": plan.info,
        "message": plan.message,
        "method": plan.method,
    }
    order["shipments"].append(shipment)
    pointer = {"id": shipment["id"], "order": order["number"], "number": shipment["number"]}
    desk.change.put(SHIPMENT, shipment["id"], pointer)
    return shipment


def _pay(desk: Desk, order: Doc, shipment: Doc, plan: Plan) -> str:
    """`capture` overrules `paid`."""
    if plan.capture:
        return capture.capture_shipment(desk, order, shipment).refusal
    shipment["paid_at"] = desk.moment if plan.paid else None
    return ""


def _leave(desk: Desk, order: Doc, shipment: Doc, at: str) -> None:
    shipment["shipped_at"] = at
    lines = {line["id"]: line for line in order["lines"]}
    for row in shipment["lines"]:
        catalogue.send_off(desk.change, lines[row["line"]], row["quantity"])
    desk.tell(shipment, "COMPLETED", desk.switch("shipment_completed_action"))


def _check_moments(desk: Desk, plan: Plan) -> None:
    _check_past(desk, plan.created_at, "createdAt")
    _check_past(desk, plan.shipped_at, "shippedAt")
    if plan.shipped_at is not None and not plan.good_to_go:
        raise RefusedError("A shipment that is not good to go cannot be shipped.", "input", "shippedAt")
    if plan.shipped_at is not None and not (plan.paid or plan.capture):
        raise RefusedError("A shipment that is not paid cannot be shipped.", "input", "shippedAt")


def _check_past(desk: Desk, moment: str | None, name: str) -> None:
    if moment is not None and moment > desk.moment:
        raise RefusedError(f"{name} must not be in the future.", "input", name)
