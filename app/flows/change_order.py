"""Edits and cancellations that come after an order was sent. Until they are written to the ERP by a flow of their own,
a person settles them: nothing is changed there silently, and nothing is forgotten. A retry looks whether it was done.
"""

from collections.abc import AsyncGenerator, Sequence

from app.domain.erp import Document, DocumentStanding
from app.domain.message import Claimed, Done, Draft, Outcome, Owner, Park, Result, Violation
from app.domain.order import Standing
from app.flows.adopt import same
from app.flows.answer_cancellation import draft
from app.flows.context import Context
from app.flows.flow import Batch
from app.flows.plan_order import plan_newest
from app.flows.upstream import timed
from app.ledger import binding, snapshot
from app.ledger.binding import Binding, Revised
from app.ledger.snapshot import Snapshot
from app.outbox.cases import was_released


async def change(ctx: Context, batch: Batch) -> AsyncGenerator[Sequence[Outcome], None]:
    for message in batch.messages:
        yield [await _compare(ctx, message)]


async def _compare(ctx: Context, message: Claimed) -> Outcome:
    """The order lane put us behind the place effect: the order is bound now, or never will be."""
    ref = message.order_ref or ""
    bound = (await binding.read(ctx.pool, message.source, [ref])).get(ref)
    newest = (await snapshot.read(ctx.pool, message.source, [ref])).get(ref)
    if bound is None or newest is None:
        answered = _answer(ctx, message, newest) if newest else ()
        return Outcome(message, Done(Result.NO_EFFECT, "the order never reached the ERP"), answered)
    if newest.order.standing is Standing.CANCELLED:
        if await _cancelled(ctx, bound):
            done = Done(Result.APPLIED, f"{bound.document_no} is cancelled in the ERP")
            return Outcome(message, done, _answer(ctx, message, newest))
        fix = f"cancel sales order {bound.document_no} in the ERP"
        return Outcome(message, Park((_violation("E-CANCEL-AFTER-POST", bound.document_no, fix),)))
    if newest.content == bound.content:
        return Outcome(message, Done(Result.NO_EFFECT, "the ERP has this content"))
    if (changed := await _changed(ctx, message, bound, newest)) is not None:
        revised = Revised(message.source, ref, changed, newest.content)
        return Outcome(message, Done(Result.APPLIED, "the ERP was changed by hand"), facts=(revised,))
    fix = f"change sales order {bound.document_no} in the ERP as the channel shows it"
    return Outcome(message, Park((_violation("E-EDIT-AFTER-POST", bound.document_no, fix),)))


def _answer(ctx: Context, message: Claimed, newest: Snapshot) -> tuple[Draft, ...]:
    """What the channel waits for, where it asked to cancel."""
    channel = ctx.channel_of(message.source)
    asked = newest.order.standing is Standing.CANCELLED and channel.answer_cancellation
    return (draft(channel, message, newest.order),) if asked else ()


async def _cancelled(ctx: Context, bound: Binding) -> bool:
    document = await _document(ctx, bound)
    return document is not None and document.standing is DocumentStanding.CANCELLED


async def _changed(ctx: Context, message: Claimed, bound: Binding, newest: Snapshot) -> Document | None:
    """The document, if a person says that it was changed and its figures agree. Without that word they prove nothing:
    an edited address does not show in them.
    """
    if not await was_released(ctx.pool, message):
        return None
    document, planned = await _document(ctx, bound), await plan_newest(ctx, message.source, newest)
    if document is None or planned is None or document.standing is DocumentStanding.CANCELLED:
        return None
    return document if same(document, planned) else None


async def _document(ctx: Context, bound: Binding) -> Document | None:
    found = await timed(ctx, ctx.erp.name, "probe", ctx.erp.probe([bound.probe_key]))
    return next((one for one in found.get(bound.probe_key, ()) if one.id == bound.document_id), None)


def _violation(code: str, number: str, fix: str) -> Violation:
    return Violation(code, "order", number, fix, Owner.OPERATIONS)
