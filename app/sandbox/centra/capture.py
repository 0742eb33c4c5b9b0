"""Money for goods: what the payment provider lets go at once, what it promises, and what it declines (centra.md 3.4, 4)."""

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from app.sandbox.centra import arithmetic, dates, payments
from app.sandbox.centra.desk import Desk, RefusedError
from app.sandbox.centra.money import NOTHING, pennies
from app.sandbox.centra.picking import refuse_unready
from app.sandbox.mirror import Doc

REQUEST = "centra.capture_request"
REQUESTING = frozenset({"adyen_drop_in", "klarna_payments", "klarna_checkout_v3"})
"""Payment plugins that only ask at first, and hear later (centra.md 4)."""
DECLINED = "declined by the bank"


@dataclass(frozen=True, slots=True)
class Outcome:
    """`refusal`: why nothing was taken, in the PSP's words or Centra's; the attempt may have left an entry all the same."""

    entries: list[Doc] = field(default_factory=list)
    refusal: str = ""


def capture_shipment(desk: Desk, order: Doc, shipment: Doc) -> Outcome:
    """Raises RefusedError for what has been captured, or is about to be."""
    if shipment["captured_at"] is not None:
        raise RefusedError(f"Shipment {shipment['number']} is already captured.", "id")
    if shipment["reserved"] is not None or _is_order_requested(order):
        raise RefusedError(f"A capture for shipment {shipment['number']} is pending.", "id")
    due = payments.amount_due(order, shipment)
    outcome = _ask(desk, order, max(due - payments.unassigned(order), NOTHING), shipment["id"])
    if outcome.refusal:
        return outcome
    shipment["reserved"] = str(due)
    if not any(one["shipment"] == shipment["id"] for one in order["requests"]):
        mark_captured(desk, shipment)
    elif desk.switch("requested_capture") == "paid":
        shipment["paid_at"] = desk.moment
    return outcome


def capture_order(desk: Desk, order: Doc) -> Outcome:
    """All that is not captured yet; shipments then take their part of it without asking the PSP."""
    refuse_unready(desk, order)
    if _is_order_requested(order):
        raise RefusedError(f"A capture for order {order['number']} is pending.", "order")
    taken = payments.sum_entries(order, payments.CAPTURED) + payments.sum_requests(order)
    open_amount = pennies(arithmetic.compute_figures(order).grand_total) - taken
    if open_amount <= NOTHING:
        raise RefusedError(f"Order {order['number']} is already captured.", "order")
    return _ask(desk, order, open_amount, None)


def capture_by_force(desk: Desk, order: Doc, shipment: Doc) -> None:
    """As a support case would: nobody is asked, and what cannot be captured counts as paid."""
    shipment["paid_at"] = shipment["paid_at"] or desk.moment
    if shipment["reserved"] is not None or order["payment_method"] is None:
        return
    due = payments.amount_due(order, shipment)
    missing = due - payments.unassigned(order)
    if missing > NOTHING:
        _enter(desk, order, "CAPTURE", missing)
    shipment["reserved"] = str(due)
    mark_captured(desk, shipment)


def mark_captured(desk: Desk, shipment: Doc) -> None:
    shipment["captured_at"] = desk.moment
    shipment["paid_at"] = shipment["paid_at"] or desk.moment


def settle(desk: Desk, order: Doc, request: Doc, *, succeeds: bool) -> None:
    """The PSP's late word on a request."""
    order["requests"].remove(request)
    desk.change.delete(REQUEST, request["entry"])
    value = Decimal(request["value"])
    if succeeds:
        _enter(desk, order, "CAPTURE", value)
    else:
        _enter_failure(desk, order, "CAPTURE_FAILED", value, DECLINED)
    for shipment in order["shipments"]:
        if shipment["id"] == request["shipment"]:
            _settle_shipment(desk, shipment, succeeds=succeeds)
            desk.tell(shipment, "UPDATED", "update")


def cancel_authorization(desk: Desk, order: Doc) -> Outcome:
    """A PSP that would not leaves an entry. What it releases is shown below zero (centra.md 3.4)."""
    if order["payment_method"] is None:
        return Outcome()
    held = {"CANCEL": payments.authorised_left(order), "CANCEL_GIFT_CARD": payments.card_left(order)}
    if _declines(desk, order):
        failed = _enter_failure(desk, order, "CANCEL", -held["CANCEL"], DECLINED)
        return Outcome([failed], f"Cancelling the authorisation failed: {DECLINED}")
    return Outcome([_enter(desk, order, kind, -amount) for kind, amount in held.items() if amount > NOTHING])


def _ask(desk: Desk, order: Doc, amount: Decimal, shipment: int | None) -> Outcome:
    """A gift card pays first. The PSP never gives more than was authorised, and says so at once."""
    if not amount:
        return Outcome()
    if order["payment_method"] is None:
        return Outcome([], f"Order {order['number']} has no payment that could be captured.")
    card = min(payments.card_left(order), amount)
    rest = amount - card
    deferred = _defers(desk, order)
    beyond = rest > payments.authorised_left(order)
    declined = beyond or (rest > NOTHING and _declines(desk, order))
    kind = "CAPTURE_REQUEST" if deferred else "CAPTURE"
    if beyond or (declined and not deferred):
        why = "the amount exceeds the authorisation" if beyond else DECLINED
        told = "CAPTURE_FAILED" if desk.switch("failed_capture") == "own_type" else kind
        return Outcome([_enter_failure(desk, order, told, rest, why)], f"Capture failed: {why}")
    entries = [_enter(desk, order, "CAPTURE_GIFT_CARD", card)] if card > NOTHING else []
    if rest > NOTHING:
        entries.append(_enter(desk, order, kind, rest))
    if rest > NOTHING and deferred:
        _keep_request(desk, order, entries[-1], shipment, fails=declined)
    return Outcome(entries)


def _enter(desk: Desk, order: Doc, kind: str, value: Decimal) -> Doc:
    """In many cases the PSP's reference is that of the authorisation; not for all of them, so it is a switch."""
    entry = payments.add_entry(desk.change, order, kind, value, desk.moment)
    if desk.switch("capture_reference") == "auth":
        kinds = {"AUTH_GIFT_CARD"} if kind.endswith("GIFT_CARD") else payments.AUTHORISED
        known = [one["reference"] for one in order["payments"] if one["type"] in kinds]
        entry["reference"] = known[0] if known else entry["reference"]
    return entry


def _enter_failure(desk: Desk, order: Doc, kind: str, value: Decimal, why: str) -> Doc:
    entry = _enter(desk, order, kind, value)
    entry.update(status="FAILED", params={"error": why})
    return entry


def _keep_request(desk: Desk, order: Doc, entry: Doc, shipment: int | None, *, fails: bool) -> None:
    request = {"entry": entry["id"], "shipment": shipment, "value": entry["value"], "fails": fails}
    order["requests"].append(request)
    seconds = desk.switch("psp_settle_seconds")
    due_at = dates.keep(desk.now + timedelta(seconds=seconds)) if seconds else None
    pointer = {"entry": entry["id"], "order": order["number"], "due_at": due_at}
    desk.change.put(REQUEST, entry["id"], pointer)


def _settle_shipment(desk: Desk, shipment: Doc, *, succeeds: bool) -> None:
    if succeeds:
        mark_captured(desk, shipment)
        return
    shipment["reserved"] = None
    if desk.switch("requested_capture") == "paid":
        shipment["paid_at"] = None


def _defers(desk: Desk, order: Doc) -> bool:
    mode = desk.switch("psp")
    return bool(mode == "deferred" or (mode == "method" and order["payment_method"] in REQUESTING))


def _declines(desk: Desk, order: Doc) -> bool:
    """The first captures of every order by switch, further ones of this order by deed."""
    if payments.count_failures(order) < desk.switch("psp_failures"):
        return True
    if order["declines"] < 1:
        return False
    order["declines"] -= 1
    return True


def _is_order_requested(order: Doc) -> bool:
    return any(one["shipment"] is None for one in order["requests"])
