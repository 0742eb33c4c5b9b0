"""What of an order is in shipments, and the status that follows from it. Pure: from the stored document to figures."""

from app.sandbox.centra import arithmetic
from app.sandbox.centra.desk import RefusedError
from app.sandbox.centra.shop import ORDER
from app.sandbox.mirror import Doc, View

SHIPMENT = "centra.shipment"
"""Leads from a shipment's id to its order, which holds it."""


def find_shipment(view: View, id_: int) -> tuple[Doc, Doc]:
    """With its order. Raises RefusedError."""
    pointer = view.get(SHIPMENT, id_)
    order = None if pointer is None else view.get(ORDER, pointer["order"])
    if order is None:
        raise RefusedError(f"Shipment {id_} not found", "id")
    return order, next(one for one in order["shipments"] if one["id"] == id_)


def count_units(order: Doc, line: Doc) -> int:
    """Of a line, in shipments that left or will; of a bundle, how many of it are at least begun."""
    if line["type"] == arithmetic.PARENT:
        items = [one for one in order["lines"] if one["parent"] == line["id"]]
        return max((-(-count_units(order, item) // item["per"]) for item in items), default=0)
    rows = (row for shipment in order["shipments"] for row in shipment["lines"])
    return sum(row["quantity"] for row in rows if row["line"] == line["id"])


def count_left(order: Doc, line: Doc) -> int:
    """Units that are in no shipment: only those can be shipped or cancelled."""
    return int(line["quantity"]) - count_units(order, line)


def list_left(order: Doc) -> list[tuple[Doc, int]]:
    lines = arithmetic.counted_lines(order)
    return [(line, left) for line in lines if (left := count_left(order, line)) > 0]


def follow(order: Doc) -> None:
    """Shipments rule the status, but for orders that are pending or closed (centra.md 3.2)."""
    if order["status"] not in {"CONFIRMED", "PROCESSING"}:
        return
    if not order["shipments"]:
        order["status"] = "CONFIRMED"
    elif list_left(order) or any(one["shipped_at"] is None for one in order["shipments"]):
        order["status"] = "PROCESSING"
    else:
        order["status"] = "SHIPPED"


def show_shipped(order: Doc, line: Doc) -> int:
    """Units that have left; of a bundle, whole ones."""
    if line["type"] != arithmetic.PARENT:
        return int(line["shipped"])
    items = [one for one in order["lines"] if one["parent"] == line["id"]]
    return min((item["shipped"] // item["per"] for item in items), default=0)
