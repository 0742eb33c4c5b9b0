"""Documents that we may not write: a person named them, or the ERP lets nobody in. A person changes them, and a retry looks
whether it was done.
"""

from app.domain.erp import Document, DocumentStanding
from app.domain.message import Claimed, Done, Outcome, Owner, Park, Result, Violation
from app.domain.order import Standing
from app.flows.adopt import same
from app.flows.context import Context
from app.flows.document import read_document
from app.flows.plan_order import plan_order
from app.ledger.binding import Binding, Ended, Revised
from app.ledger.snapshot import Snapshot
from app.outbox.cases import was_released


async def look(ctx: Context, message: Claimed, bound: Binding, newest: Snapshot) -> Outcome:
    if newest.order.standing is Standing.CANCELLED:
        document = await read_document(ctx, bound)
        if document is not None and document.standing is DocumentStanding.CANCELLED:
            done = Done(Result.APPLIED, f"{bound.document_no} is cancelled in the ERP")
            return Outcome(message, done, facts=(Ended(message.source, message.order_ref or ""),))
        fix = f"cancel sales order {bound.document_no} in the ERP"
        return Outcome(message, Park((_violation("E-CANCEL-AFTER-POST", bound.document_no, fix),)))
    if (changed := await _changed(ctx, message, bound, newest)) is not None:
        revised = Revised(
            message.source, message.order_ref or "", changed, newest.content, newest.order, bound.codes
        )
        return Outcome(message, Done(Result.APPLIED, "the ERP was changed by hand"), facts=(revised,))
    fix = f"change sales order {bound.document_no} in the ERP as the channel shows it"
    return Outcome(message, Park((_violation("E-EDIT-AFTER-POST", bound.document_no, fix),)))


async def _changed(ctx: Context, message: Claimed, bound: Binding, newest: Snapshot) -> Document | None:
    """The document, if a person says that it was changed and its figures agree. Without that word they prove nothing:
    an edited address does not show in them.
    """
    if not await was_released(ctx.pool, message):
        return None
    document, planned = await read_document(ctx, bound), await plan_order(ctx, message.source, newest.order)
    if document is None or isinstance(planned, tuple) or document.standing is DocumentStanding.CANCELLED:
        return None
    return document if same(document, planned) else None


def _violation(code: str, number: str, fix: str) -> Violation:
    return Violation(code, "order", number, fix, Owner.OPERATIONS)
