"""What documents that already carry our key mean. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.erp import Document, DocumentStanding, EntryKind, SalesOrder
from app.domain.lanes import normalise
from app.domain.message import Owner, Violation


@dataclass(frozen=True, slots=True)
class Adopt:
    """The document is ours. `content`: digest of what was sent for it."""

    document: Document
    content: bytes


def judge(
    found: Sequence[Document], planned: SalesOrder | None, content: bytes, sent: bytes | None
) -> Adopt | Violation | None:
    """None: nothing there. `content`: of the newest snapshot; `sent`: of our last intent, if there was one."""
    if not found:
        return None
    numbers = ", ".join(document.number or f"id {document.id}" for document in found)
    alive = [document for document in found if document.standing is not DocumentStanding.CANCELLED]
    if len(alive) > 1:
        fix = _spare(alive)
        return Violation("E-DUP-EXISTING", "customer_document_no", numbers, fix, Owner.OPERATIONS)
    document = alive[0] if alive else found[-1]
    if document.standing is DocumentStanding.DRAFT:
        fix = "delete the draft in the ERP (it holds stock), then retry"
        return Violation("E-SAGE-DRAFT", "customer_document_no", numbers, fix, Owner.OPERATIONS)
    if document.standing is DocumentStanding.CANCELLED:
        fix = (
            "somebody cancelled it in the ERP: cancel it in the channel too, or clear its reference and retry"
        )
        return Violation("E-SAGE-CANCELLED", "customer_document_no", numbers, fix, Owner.OPERATIONS)
    if sent is not None and (planned is None or sent != content):
        return Adopt(document, sent)  # what we sent is known by its digest alone
    if planned is not None and same_goods(document, planned) and (sent or same_money(document, planned)):
        return Adopt(document, content)
    fix = "compare the two; correct or cancel the one in the ERP, then retry"
    return Violation("E-DUP-CONTENT", "customer_document_no", numbers, fix, Owner.FINANCE)


def _spare(alive: Sequence[Document]) -> str:
    """One that went on is kept, else the first: that is the one people began to work with."""
    kept = min(alive, key=lambda one: (one.standing is DocumentStanding.LIVE, one.id))
    others = ", ".join(one.number or f"id {one.id}" for one in alive if one is not kept)
    name = kept.number or f"id {kept.id}"
    return f"keep {name}; cancel {others} in the ERP unless goods left under it, then retry"


def same(document: Document, planned: SalesOrder) -> bool:
    return same_money(document, planned) and same_goods(document, planned)


def same_money(document: Document, planned: SalesOrder) -> bool:
    return (document.net, document.tax, document.gross) == (planned.net, planned.tax, planned.gross)


def same_goods(document: Document, planned: SalesOrder) -> bool:
    """Equal units for each code."""
    units: dict[str, int] = {}
    for entry in planned.entries:
        if entry.kind is EntryKind.STANDARD:
            units[normalise(entry.code)] = units.get(normalise(entry.code), 0) + int(entry.quantity)
    there = {code: int(quantity) for code, quantity in document.quantities.items() if quantity}
    return there == {code: quantity for code, quantity in units.items() if quantity}
