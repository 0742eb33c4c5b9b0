"""What may go into a shipment: nothing that waits, is held, has gone already or is not there (centra.md 4, 14)."""

from collections.abc import Sequence

from app.sandbox.centra import arithmetic, catalogue
from app.sandbox.centra.desk import Desk, RefusedError
from app.sandbox.centra.shipments import count_left, list_left
from app.sandbox.mirror import Doc


def refuse_unready(desk: Desk, order: Doc) -> None:
    """What may not be shipped, and not be charged for either."""
    number, status = order["number"], order["status"]
    if status == "SHIPPED":
        raise RefusedError(f"Order {number} is already fully shipped.", "input", "order")
    if status not in {"CONFIRMED", "PROCESSING"}:
        raise RefusedError(f"Order {number} is {status.lower()}, it must be confirmed.", "input", "order")
    if order["hold"] is not None:
        raise RefusedError(f"Order {number} is on hold.", "input", "order")
    if order["locked"] and desk.switch("locked_order") == "refuses":
        raise RefusedError(f"Order {number} is locked.", "input", "order")


def pick_lines(order: Doc, units: Sequence[tuple[int, int]]) -> list[tuple[Doc, int]]:
    """Each line once, with all of its units. Of a bundle the items are picked, never the parent (centra.md 3.4)."""
    if not list_left(order):
        raise RefusedError(f"Order {order['number']} is already fully shipped.", "input", "order")
    if not units:
        raise RefusedError("A shipment needs lines.", "input", "lines")
    lines = {line["id"]: line for line in arithmetic.counted_lines(order)}
    wanted: dict[int, int] = {}
    for place, (id_, quantity) in enumerate(units):
        path = ("input", "lines", str(place))
        if id_ not in lines:
            raise RefusedError(f"Order line {id_} not found", *path, "orderLine")
        if quantity < 1:
            raise RefusedError("quantity must be greater than 0", *path, "quantity")
        left = count_left(order, lines[id_]) - wanted.get(id_, 0)
        if quantity > left:
            why = f"only {left} left to ship" if left else "already fully shipped"
            raise RefusedError(f"Order line {id_}: {why}.", *path, "quantity")
        wanted[id_] = wanted.get(id_, 0) + quantity
    return [(lines[id_], quantity) for id_, quantity in wanted.items()]


def find_demand(
    desk: Desk, order: Doc, wanted: list[tuple[Doc, int]], *, allocate: bool
) -> list[tuple[Doc, int]]:
    """What must be allocated for it first. Whether units without an allocation can be shipped is a switch."""
    found: list[tuple[Doc, int]] = []
    taken: dict[str, int] = {}
    for line, quantity in wanted:
        short = quantity - _count_allocated(order, line)
        if line["size"] is None or short <= 0:
            continue
        stock = catalogue.read_stock(desk.change, line["sku"], 1)
        free = stock["physical"] - stock["allocated"] - taken.get(line["sku"], 0)
        got = max(min(short, free), 0) if allocate else 0
        if got < short and desk.switch("beyond_allocation") == "refuse":
            raise RefusedError(
                f"Order line {line['id']}: {short - got} units are not allocated.", "input", "lines"
            )
        taken[line["sku"]] = taken.get(line["sku"], 0) + got
        found.append((line, got))
    return found


def _count_allocated(order: Doc, line: Doc) -> int:
    """Units on the shelf for this line that no open shipment has taken."""
    waiting = [row for one in order["shipments"] if one["shipped_at"] is None for row in one["lines"]]
    taken: int = sum(row["quantity"] for row in waiting if row["line"] == line["id"])
    return max(int(line["allocated"]) - taken, 0)
