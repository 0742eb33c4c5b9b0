"""Edits and cancellations that come after an order was sent. Until they are written to the ERP by a flow of their own,
a person settles them: nothing is changed there silently, and nothing is forgotten.
"""

from collections.abc import AsyncGenerator, Sequence

from app.domain.message import Claimed, Done, Outcome, Owner, Park, Result, Violation
from app.domain.order import Standing
from app.flows.context import Context
from app.flows.flow import Batch
from app.ledger import binding, snapshot


async def change(ctx: Context, batch: Batch) -> AsyncGenerator[Sequence[Outcome], None]:
    for message in batch.messages:
        yield [await _compare(ctx, message)]


async def _compare(ctx: Context, message: Claimed) -> Outcome:
    """The order lane put us behind the place effect: the order is bound now, or never will be."""
    ref = message.order_ref or ""
    bound = (await binding.read(ctx.pool, message.source, [ref])).get(ref)
    newest = (await snapshot.read(ctx.pool, message.source, [ref])).get(ref)
    if bound is None or newest is None:
        return Outcome(message, Done(Result.NO_EFFECT, "the order never reached the ERP"))
    if newest.order.standing is Standing.CANCELLED:
        fix = f"cancel sales order {bound.document_no} in the ERP"
        return Outcome(message, Park((_violation("E-CANCEL-AFTER-POST", bound.document_no, fix),)))
    if newest.content == bound.content:
        return Outcome(message, Done(Result.NO_EFFECT, "the ERP has this content"))
    fix = f"change sales order {bound.document_no} in the ERP as the channel shows it"
    return Outcome(message, Park((_violation("E-EDIT-AFTER-POST", bound.document_no, fix),)))


def _violation(code: str, number: str, fix: str) -> Violation:
    return Violation(code, "order", number, fix, Owner.OPERATIONS)
