"""A cancellation that the channel asked for is agreed to once the ERP has nothing to send any more (R-34, RC-15)."""

from collections import Counter
from collections.abc import AsyncGenerator, Sequence

from app.domain.channel import Channel
from app.domain.despatch import line_codes
from app.domain.erp import DocumentStanding
from app.domain.lanes import normalise
from app.domain.message import Claimed, Done, Draft, MessageClass, Outcome, Result
from app.domain.order import Order, Standing
from app.flows.context import Context
from app.flows.document import read_document
from app.flows.flow import Batch
from app.flows.upstream import timed
from app.ledger.binding import Binding
from app.ledger.order import read_order


def draft(channel: Channel, message: Claimed, order: Order) -> Draft:
    """One for each time that it was asked for."""
    return Draft(
        kind=f"{channel.name}.answer_cancellation",
        cls=MessageClass.EFFECT,
        destination=channel.destination,
        source=channel.connection,
        key=f"{channel.name}/cancellation/{channel.connection}/{order.ref}/{order.version}",
        order_ref=order.ref,
        body={"ref": order.ref},
        parent=message.id,
    )


async def answer_cancellation(ctx: Context, batch: Batch) -> AsyncGenerator[Sequence[Outcome], None]:
    for message in batch.messages:
        yield [await _answer(ctx, message)]


async def _answer(ctx: Context, message: Claimed) -> Outcome:
    """Asked again right before it is told: what left the warehouse meanwhile wins."""
    channel, ref = ctx.channels[message.destination], message.order_ref or ""
    bound, taken = await read_order(ctx.pool, message.source, ref)
    if channel.answer_cancellation is None or taken is None or not (asked := _asked(taken.order)):
        return Outcome(message, Done(Result.NO_EFFECT, "nobody asks for it any more"))
    if taken.order.standing is Standing.CANCELLED:
        if bound is not None and not await _is_ended(ctx, bound):
            return Outcome(message, Done(Result.NO_EFFECT, f"{bound.document_no} is live in the ERP"))
    elif bound is None or not (asked := await _ended_lines(ctx, bound, taken.order)):
        return Outcome(message, Done(Result.NO_EFFECT, "the ERP still holds the lines"))
    call = channel.answer_cancellation(taken.order.channel_id, asked)
    told = await timed(ctx, channel.name, "answer_cancellation", call)
    return Outcome(message, Done(Result.APPLIED if told else Result.NO_EFFECT))


def _asked(order: Order) -> frozenset[str]:
    if order.standing is Standing.CANCELLED:
        return frozenset(line.ref for line in order.lines)
    return cancelled_lines(order)


def cancelled_lines(order: Order) -> frozenset[str]:
    """Lines of which nothing is wanted any more; whether the channel waits for an answer, it knows itself."""
    return frozenset(line.ref for line in order.lines if line.cancelled and not line.quantity)


async def _is_ended(ctx: Context, bound: Binding) -> bool:
    """Cancelled, or gone; and nothing of it was despatched."""
    document = await read_document(ctx, bound)
    if document is not None and document.standing is not DocumentStanding.CANCELLED:
        return False
    if ctx.erp.notes is None:
        return True
    notes = await timed(ctx, ctx.erp.name, "notes", ctx.erp.notes([bound.document_id]))
    return not notes.get(bound.document_id)


async def _ended_lines(ctx: Context, bound: Binding, order: Order) -> frozenset[str]:
    """Cancelled lines of whose article the ERP holds no more than the others want: what was despatched is held."""
    document = await read_document(ctx, bound)
    if document is None:
        return frozenset()
    codes = line_codes(order, await ctx.mappings(), bound.codes)
    wanted: Counter[str] = Counter()
    for line in order.lines:
        wanted[codes[line.ref]] += line.quantity
    held = {normalise(code): quantity for code, quantity in document.quantities.items()}
    gone = {ref for ref in cancelled_lines(order) if held.get(normalise(codes[ref]), 0) <= wanted[codes[ref]]}
    return frozenset(gone)
