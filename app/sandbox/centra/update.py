"""`updateDirectToConsumerOrder` and its wholesale twin: everything is checked before anything changes (centra.md 3.5)."""

from decimal import Decimal

from app.sandbox.centra import amend
from app.sandbox.centra.desk import Desk, RefusedError
from app.sandbox.centra.payload import drop_nulls, read_money
from app.sandbox.centra.shop import BY_HAND
from app.sandbox.mirror import Doc

REMOVE = "REMOVE_FROM_STOCK"
PLAIN = {"isInternal": "internal", "internalComment": "internal_comment", "otherComment": "comment"}
PLACES = {"shippingAddress": "address", "billingAddress": "billing"}


def update_order(desk: Desk, order: Doc, wish: Doc) -> None:
    """`wish`: the API's input, with `added` as at checkout instead of its `addLines`. An address is merged, its country
    stays. Raises ValueError.
    """
    amend.refuse_closed(order)
    shipping = _read_shipping(order, wish)
    cuts = [_read_cut(place, one) for place, one in enumerate(wish.get("cancelLines", ()))]
    amend.check_cuts(order, cuts)
    added = amend.fill_basket(desk.change, order, wish["added"])
    if shipping is not None:
        order["shipping"] = str(shipping)
    for theirs, name in PLACES.items():
        order[name] = {**order[name], **drop_nulls(wish.get(theirs, {}))}
    order.update({name: wish[theirs] for theirs, name in PLAIN.items() if theirs in wish})
    _hold(order, wish)
    if added:
        amend.add_lines(desk.change, order, added)
        amend.share_anew(order)
    if cuts:
        order["cancellation_comment"] = wish.get("cancellationComment")
        amend.cancel_lines(desk, order, {"lines": cuts})


def _hold(order: Doc, wish: Doc) -> None:
    """A reason that is already there stays: the API knows only a free text."""
    if "isOnHold" not in wish:
        return
    order["hold"] = (order["hold"] or BY_HAND) if wish["isOnHold"] else None
    order["hold_comment"] = wish.get("holdStatusChangeReason")


def _read_shipping(order: Doc, wish: Doc) -> Decimal | None:
    """It can only fall, and only before anything is shipped."""
    if "shippingCost" not in wish:
        return None
    path = ("input", "shippingCost")
    if order["status"] != "CONFIRMED":
        raise RefusedError(f"Order {order['number']} is not confirmed.", *path)
    cost = read_money(wish["shippingCost"], order["currency"], *path)
    if cost > Decimal(order["shipping"]):
        raise RefusedError("The shipping cost can only be lowered.", *path)
    return cost


def _read_cut(place: int, row: Doc) -> Doc:
    if row["quantity"] < 1:
        raise RefusedError("quantity must be greater than 0", "input", "cancelLines", str(place), "quantity")
    remove = row.get("stockAction") == REMOVE
    return {"line": row["line"]["id"], "quantity": row["quantity"], "remove": remove}
