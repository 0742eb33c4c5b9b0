"""A cancellation that the channel asked for is agreed to once the ERP has nothing to send any more (R-34, RC-15)."""

from collections.abc import AsyncGenerator, Sequence

from app.domain.channel import Channel
from app.domain.erp import DocumentStanding
from app.domain.message import Claimed, Done, Draft, MessageClass, Outcome, Result
from app.domain.order import Order, Standing
from app.flows.context import Context
from app.flows.flow import Batch
from app.flows.upstream import timed
from app.ledger import binding, snapshot
from app.ledger.binding import Binding


def draft(channel: Channel, message: Claimed, order: Order) -> Draft:
    """One for each time that it was asked for."""
    version = f"{order.updated_at:%Y%m%dT%H%M%S.%f}"
    return Draft(
        kind=f"{channel.name}.answer_cancellation",
        cls=MessageClass.EFFECT,
        destination=channel.destination,
        source=channel.connection,
        key=f"{channel.name}/cancellation/{channel.connection}/{order.ref}/{version}",
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
    taken = (await snapshot.read(ctx.pool, message.source, [ref])).get(ref)
    bound = (await binding.read(ctx.pool, message.source, [ref])).get(ref)
    if channel.answer_cancellation is None or taken is None or taken.order.standing is not Standing.CANCELLED:
        return Outcome(message, Done(Result.NO_EFFECT, "nobody asks for it any more"))
    if bound is not None and not await _is_ended(ctx, bound):
        return Outcome(message, Done(Result.NO_EFFECT, f"{bound.document_no} is live in the ERP"))
    call = channel.answer_cancellation(taken.order.channel_id)
    told = await timed(ctx, channel.name, "answer_cancellation", call)
    return Outcome(message, Done(Result.APPLIED if told else Result.NO_EFFECT))


async def _is_ended(ctx: Context, bound: Binding) -> bool:
    """Cancelled, or gone; and nothing of it was despatched."""
    found = await timed(ctx, ctx.erp.name, "probe", ctx.erp.probe([bound.probe_key]))
    document = next((one for one in found.get(bound.probe_key, ()) if one.id == bound.document_id), None)
    if document is not None and document.standing is not DocumentStanding.CANCELLED:
        return False
    if ctx.erp.notes is None:
        return True
    notes = await timed(ctx, ctx.erp.name, "notes", ctx.erp.notes([bound.document_id]))
    return not notes.get(bound.document_id)
