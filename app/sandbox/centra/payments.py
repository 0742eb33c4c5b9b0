"""What an order's payments come to. Pure, but for the entries' numbers: from the stored document to figures.

`order["requests"]` are captures that a deferring PSP has not settled; `reserved` of a shipment is what it took or asked for.
"""

import hashlib
from collections.abc import Collection
from decimal import Decimal

from app.sandbox.centra import arithmetic
from app.sandbox.centra.money import NOTHING, pennies
from app.sandbox.mirror import Doc
from app.sandbox.store import Change

AUTHORISED = frozenset({"AUTH", "ADDITIONAL_ORDER_PAYMENT"})
CAPTURED = frozenset({"CAPTURE", "CAPTURE_GIFT_CARD"})
PENDING = frozenset({"AUTH_PENDING", "CAPTURE_REQUEST"})


def add_entry(change: Change, order: Doc, kind: str, value: Decimal, at: str) -> Doc:
    """Of what succeeded, or was asked for."""
    id_ = change.next_id("centra.payment", 90112)
    entry = {
        "id": id_,
        "type": kind,
        "status": "PENDING" if kind in PENDING else "SUCCESS",
        "value": str(value),
        "at": at,
        "reference": hashlib.sha256(f"payment {id_}".encode()).hexdigest()[:16].upper(),
        "params": {},
    }
    order["payments"].append(entry)
    return entry


def sum_entries(order: Doc, kinds: Collection[str]) -> Decimal:
    """Of those that succeeded."""
    found = (one for one in order["payments"] if one["type"] in kinds and one["status"] == "SUCCESS")
    return sum((Decimal(one["value"]) for one in found), NOTHING)


def count_failures(order: Doc) -> int:
    """Captures that failed, or are going to."""
    failed = [one for one in order["payments"] if one["status"] == "FAILED" and "CAPTURE" in one["type"]]
    return len(failed) + len([one for one in order["requests"] if one["fails"]])


def sum_requests(order: Doc) -> Decimal:
    return sum((Decimal(one["value"]) for one in order["requests"]), NOTHING)


def is_captured(order: Doc) -> bool:
    """Or about to be: such an order is returned and refunded, never cancelled."""
    return bool(order["requests"]) or bool(sum_entries(order, CAPTURED))


def card_left(order: Doc) -> Decimal:
    return sum_entries(order, {"AUTH_GIFT_CARD"}) - sum_entries(order, {"CAPTURE_GIFT_CARD"})


def authorised_left(order: Doc) -> Decimal:
    """What the PSP would still let go."""
    return sum_entries(order, AUTHORISED) - sum_entries(order, {"CAPTURE"}) - sum_requests(order)


def unassigned(order: Doc) -> Decimal:
    """Captured or requested, but for no shipment: `captureOrder` took it before there were any."""
    reserved = sum((Decimal(one["reserved"] or 0) for one in order["shipments"]), NOTHING)
    return sum_entries(order, CAPTURED) + sum_requests(order) - reserved


def amount_due(order: Doc, shipment: Doc) -> Decimal:
    """What its capture takes: what it adds to all that was captured before. The first one therefore bears shipping and
    handling, nobody else does, and the captures of all units come to the order's total, to the penny.
    """
    earlier = [one for one in order["shipments"] if one["reserved"] is not None and one is not shipment]
    reserved = sum((Decimal(one["reserved"]) for one in earlier), NOTHING)
    return pennies(total_of(order, [*earlier, shipment]).grand_total) - reserved


def show_total(order: Doc, shipment: Doc, *, with_tax: bool) -> Decimal:
    """What it adds to those before it: to the captured ones, and to the open ones that were made earlier."""
    ranked = sorted(order["shipments"], key=lambda one: (one["captured_at"] or "~", one["id"]))
    place = ranked.index(shipment)
    before, after = (total_of(order, ranked[: place + more]) for more in (0, 1))
    return after.grand_total - before.grand_total if with_tax else after.net_total - before.net_total


def total_of(order: Doc, shipments: list[Doc]) -> arithmetic.Figures:
    """What the order would come to if it held no other units than these, and all of its shipping and handling."""
    units: dict[int, int] = {}
    for row in (row for one in shipments for row in one["lines"]):
        units[row["line"]] = units.get(row["line"], 0) + row["quantity"]
    lines = [{**line, "quantity": units.get(line["id"], 0)} for line in order["lines"]]
    charges = {} if units else {"shipping": "0.00", "handling": "0.00"}
    return arithmetic.compute_figures({**order, "lines": lines, **charges})
