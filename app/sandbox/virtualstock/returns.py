"""Returns, as a retailer asks for them and a supplier lists them (virtualstock.md 6.6)."""

import uuid
from datetime import datetime
from typing import Any

from starlette.requests import Request

from app.sandbox.mirror import Doc, View
from app.sandbox.store import Change
from app.sandbox.virtualstock.lists import page
from app.sandbox.virtualstock.place import LONDON, ORDER, refresh_status
from app.sandbox.virtualstock.present import show_line, show_with_return
from app.sandbox.virtualstock.retailers import retailer_of
from app.sandbox.world import World

RETURN = "virtualstock.return"
REASONS = {
    "200": "Faulty",
    "225": "Damaged",
    "250": "Missing items",
    "300": "No longer wanted",
    "325": "Not as expected",
    "400": "Never delivered",
    "450": "Late",
}
METHODS = ("BOOK_COLLECTION", "NO_COLLECTION", "RETURN_TO_STORE")
SHOWN = {"RMA": "Return Request", "RMA_AUTHORISED": "Return Authorised", "RMA_ACK": "Return Processing"}


def request_return(world: World, change: Change, order: Doc, wish: Doc) -> Doc:
    """`wish`: line, quantity (all that was dispatched), reason (300), method. Raises ValueError."""
    line = line_of(order, wish)
    quantity = int(wish.get("quantity", line["dispatched"] - line["returned"]))
    if not 0 < quantity <= line["dispatched"] - line["returned"]:
        raise ValueError(
            f"Return quantity value {quantity} is greater than dispatch quantity {line['dispatched']} for order item"
        )
    reason, method = str(wish.get("reason", "300")), str(wish.get("method", "NO_COLLECTION"))
    if reason not in REASONS or method.upper() not in METHODS:
        raise ValueError("no such reason or method")
    line["returned"] += quantity
    line["status"] = "RMA"
    refresh_status(order)
    change.put(ORDER, order["id"], order)
    made = {
        "id": str(uuid.UUID(int=world.rng.getrandbits(128), version=4)),
        "account": order["account"],
        "order": order["id"],
        "item": line["id"],
        "quantity": quantity,
        "reason": reason,
        "method": method,
        "at": world.clock.now().isoformat(),
    }
    change.put(RETURN, made["id"], made)
    return made


def line_of(order: Doc, wish: Doc) -> Doc:
    """By its reference; the only one where none is named. Raises ValueError."""
    lines: list[Doc] = order["lines"]
    found = [line for line in lines if line["line_reference"] == wish.get("line", lines[0]["line_reference"])]
    if not found:
        raise ValueError(f"no line {wish.get('line')}")
    return found[0]


def list_returns(world: World, request: Request, account: Doc) -> Doc:
    view = world.store.read()
    status = request.query_params.get("return_status")
    reference = request.query_params.get("order_reference")
    found = []
    for doc in view.seek(RETURN, account=account["username"]):
        order = view.get(ORDER, doc["order"])
        if order is None or (reference and order["order_reference"] != reference):
            continue
        line = next(line for line in order["lines"] if line["id"] == doc["item"])
        if status in (None, line["status"]):
            found.append(_show(world, view, doc, (order, line)))
    return page(world, request, found, lambda shown: shown)


def _show(world: World, view: View, doc: Doc, place: tuple[Doc, Doc]) -> Doc:
    order, line = place
    spaced = datetime.fromisoformat(doc["at"]).astimezone(LONDON).strftime("%Y-%m-%d %H:%M:%S")
    precise = (
        datetime.fromisoformat(doc["at"])
        .astimezone(LONDON)
        .replace(tzinfo=None)
        .isoformat(timespec="microseconds")
    )
    reason: dict[str, Any] = {
        "id": int(doc["reason"]),
        "code": doc["reason"],
        "description": REASONS[doc["reason"]],
    }
    return {
        "id": doc["id"],
        "quantity": doc["quantity"],
        "order": show_with_return(world, view, order),
        "order_item": show_line(line),
        "return_reason": {**reason, "is_enabled": True, "created_at": precise},
        "return_reason_code": doc["reason"],
        "status": {"code": line["status"], "description": SHOWN.get(line["status"], line["status"])},
        "method": doc["method"],
        "return_date": spaced,
        "requested_at": spaced,
        "requested_message": None,
        "authorised_at": None if line["status"] == "RMA" else spaced,
        "authorised_message": None,
        "created_at": precise,
        "supplier": {"name": order["account"]},
        "retailer": {"name": retailer_of(view, order["retailer"]).name},
        "return_approved": None,
        "return_rejected": None,
        "return_approved_amount": None,
    }
