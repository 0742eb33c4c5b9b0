"""What finance must see of a document that was just written."""

from app.domain.erp import Document, SalesOrder
from app.domain.message import Claimed, Owner, Violation
from app.outbox.cases import Case


def checked(message: Claimed, planned: SalesOrder, document: Document) -> tuple[Case, ...]:
    """Flags, which hold nothing up: what was within tolerance and still wants an eye on it, and totals that differ. The
    document exists, so nothing may be sent again; finance must see it before it is despatched (R-62).
    """
    groups = [planned.flags] if planned.flags else []
    if (document.net, document.tax, document.gross) != (planned.net, planned.tax, planned.gross):
        value = f"{document.number}: {document.gross} in the ERP, {planned.gross} in the channel"
        fix = "correct the document in the ERP before it is despatched"
        groups.append((Violation("E-TOTAL-MISMATCH", "total_gross_value", value, fix, Owner.FINANCE),))
    return tuple(Case(message.id, message.source, message.order_ref, group, flag=True) for group in groups)
