"""How far an order has come: what may still go, what went, what was invoiced (sage200.md 8, 9.2)."""

from decimal import Decimal

from app.sandbox.mirror import Doc
from app.sandbox.sage200.allocate import held_of
from app.sandbox.sage200.lines import COMMENT, FREE_TEXT, ON_DESPATCH, STANDARD, UNCONFIRMED

ZERO = Decimal(0)
LIVE, DRAFT = "EnumDocumentStatusLive", "EnumDocumentStatusDraft"
COMPLETE, CANCELLED = "EnumDocumentStatusComplete", "EnumDocumentStatusCancelled"
GOODS = frozenset({STANDARD, FREE_TEXT})


def intent_of(line: Doc) -> str:
    """How the despatch of a line is confirmed; empty for one that is never despatched."""
    intent = str(line.get("confirmation_intent_type", ON_DESPATCH))
    return intent if line["line_type"] in GOODS and intent != UNCONFIRMED else ""


def owed_of(line: Doc) -> Decimal:
    """What has to be despatched in all."""
    return max(Decimal(line["line_quantity"]), ZERO) if intent_of(line) else ZERO


def ready_of(line: Doc) -> Decimal:
    """What may be despatched now: of goods what is allocated, of free text what is left."""
    if line["line_type"] == STANDARD:
        return held_of(line)
    return max(owed_of(line) - Decimal(line["despatch_receipt_quantity"]), ZERO)


def mark_progress(order: Doc) -> None:
    """Statuses of lines and order; an order is complete when all of it is invoiced, which only what was despatched is."""
    lines = [line for line in order["lines"] if line["line_type"] != COMMENT]
    for line in lines:
        mark_line(line)
    order["despatch_receipt_status"] = joint(
        [line["despatch_receipt_status"] for line in lines if owed_of(line)]
    )
    order["invoice_credit_status"] = joint([line["invoice_credit_status"] for line in lines])
    if order.get("cancelled_status") and order["document_status"] != CANCELLED:
        left = any(line["line_type"] in GOODS for line in lines)
        order["cancelled_status"] = "Partially" if left else "Fully"
    done = bool(lines) and all(line["is_complete"] for line in lines)
    for line in order["lines"]:
        if line["line_type"] == COMMENT:
            line["is_complete"] = done
    if done and order["document_status"] == LIVE:
        order["document_status"] = COMPLETE


def mark_line(line: Doc) -> None:
    despatched = Decimal(line["despatch_receipt_quantity"])
    invoiced = Decimal(line["posted_invoice_credit_quantity"])
    quantity = Decimal(line.get("line_quantity", "1"))
    line.update(
        despatch_receipt_status=status(despatched, owed_of(line)),
        invoice_credit_status=status(invoiced, quantity),
        is_complete=status(invoiced, quantity) == "Fully",
        is_line_deletable=despatched == 0,
    )
    if line["line_type"] == FREE_TEXT:
        line["available_for_despatch"] = str(ready_of(line))


def status(done: Decimal, of: Decimal) -> str:
    return "None" if done == 0 else "Fully" if abs(done) >= abs(of) else "Partially"


def joint(statuses: list[str]) -> str:
    if set(statuses) <= {"None"}:
        return "None"
    return "Fully" if set(statuses) == {"Fully"} else "Partially"
