"""A return that a channel asks for is kept, and the channel hears that it is dealt with (R-77). What becomes of the goods and of
the money is decided when they are back.
"""

from collections.abc import AsyncGenerator, Sequence
from typing import Any

from app.domain.channel import Return
from app.domain.message import (
    Claimed,
    Done,
    Draft,
    MessageClass,
    Outcome,
    Owner,
    Park,
    Result,
    Violation,
)
from app.flows.context import Context
from app.flows.flow import Batch
from app.flows.upstream import timed
from app.ledger import returned, snapshot
from app.ledger.listing import Dropped
from app.ledger.order import read_order
from app.ledger.returned import ReturnAcknowledged, ReturnAsked


async def take_return(ctx: Context, batch: Batch) -> AsyncGenerator[Sequence[Outcome], None]:
    """One after the other, in the whole cluster: returns of one line are added up."""
    channel = ctx.channels[batch.messages[0].destination]
    if channel.acknowledge_return is None:
        yield [
            Outcome(message, Done(Result.NO_EFFECT, "nothing follows from this kind"))
            for message in batch.messages
        ]
        return
    for message in batch.messages:
        yield [await _take(ctx, message)]


async def _take(ctx: Context, message: Claimed) -> Outcome:
    ref, told = message.order_ref or "", message.body
    if await _is_outdated(ctx, message):
        return Outcome(message, Done(Result.NO_EFFECT, "it was told anew since"))
    if violation := await _objection(ctx, message):
        return Outcome(message, Park((violation,)))
    asked = ReturnAsked(message.source, told["id"], ref, told["line"], told["units"], told["reason"])
    channel = ctx.channels[message.destination]
    effect = Draft(
        kind=f"{channel.name}.acknowledge_return",
        cls=MessageClass.EFFECT,
        destination=channel.destination,
        source=channel.connection,
        key=f"{channel.name}/return/{channel.connection}/{asked.id}/{asked.units}",
        order_ref=ref,
        body={"ref": ref, "id": asked.id, "line": asked.line, "units": asked.units},
        parent=message.id,
    )
    return Outcome(message, Done(Result.APPLIED, f"{asked.units} of line {asked.line}"), (effect,), (asked,))


async def _is_outdated(ctx: Context, message: Claimed) -> bool:
    """One that waited for a person while the retailer changed what it asks for."""
    found: bool = await ctx.pool.fetchval(
        """
        SELECT EXISTS (SELECT FROM message
                       WHERE source = $1 AND order_ref = $2 AND kind = $3 AND id > $4 AND body ->> 'id' = $5)
        """,
        message.source,
        message.order_ref,
        message.kind,
        message.id,
        message.body["id"],
    )
    return found


async def _objection(ctx: Context, message: Claimed) -> Violation | None:
    """Why nobody can say that this return will be dealt with."""
    source, ref, told = message.source, message.order_ref or "", message.body
    bound, taken = await read_order(ctx.pool, source, ref)
    if taken is None or bound is None:
        fix = "find out what was sold; post the order or settle the return in the channel by hand, then retry"
        return Violation("E-RETURN-UNKNOWN", "order", ref, fix, Owner.CX)
    line = next((one for one in taken.order.lines if one.ref == told["line"]), None)
    if line is None:
        fix = "settle the return in the channel by hand"
        return Violation("E-RETURN-UNKNOWN", "line", told["line"], fix, Owner.CX)
    before = await returned.units_besides(ctx.pool, source, (ref, line.ref), told["id"])
    if told["units"] + before > line.quantity:
        others = f", and {before} by other returns" if before else ""
        value = f"{told['units']} of line {line.ref}{others}, which sold {line.quantity}"
        fix = "agree the quantity with the retailer, answer it in the channel by hand, then accept"
        return Violation("E-RETURN-UNITS", "quantity", value, fix, Owner.CX)
    return None


async def acknowledge_return(ctx: Context, batch: Batch) -> AsyncGenerator[Sequence[Outcome], None]:
    for message in batch.messages:
        yield [await _acknowledge(ctx, message)]


async def _acknowledge(ctx: Context, message: Claimed) -> Outcome:
    """A line is answered once, so with all that is asked of it by now. What is asked after that a person has to answer."""
    channel, ref, told = ctx.channels[message.destination], message.order_ref or "", message.body
    taken = (await snapshot.read(ctx.pool, message.source, [ref])).get(ref)
    if channel.acknowledge_return is None or taken is None:
        return Outcome(message, Done(Result.NO_EFFECT, "the channel wants no answer"))
    wanted = await returned.unanswered(ctx.pool, message.source, (ref, told["line"]))
    if told["id"] not in wanted:
        return Outcome(message, Done(Result.NO_EFFECT, "it was answered already"))
    asked = Return(told["id"], taken.order.channel_id, told["line"], sum(wanted.values()))
    sent = await timed(ctx, channel.name, "acknowledge_return", channel.acknowledge_return(asked))
    if not sent and await returned.answered(ctx.pool, message.source, (ref, told["line"])):
        return Outcome(message, Park((_late(told),)))
    verdict = Done(Result.APPLIED) if sent else Done(Result.NO_EFFECT, "nobody asks for it any more")
    # Where despatches begin in the channel, the order may leave its list for another line's before it is listed again.
    dropped = (Dropped(message.source, ref),) if channel.ship else ()
    heard = ReturnAcknowledged(message.source, tuple(wanted), ctx.now())
    return Outcome(message, verdict, facts=(heard, *dropped))


def _late(told: dict[str, Any]) -> Violation:
    value = f"{told['units']} more of line {told['line']}, which was answered for before"
    fix = "tell the retailer that these are expected too, then accept it as told"
    return Violation("E-RETURN-UNITS", "quantity", value, fix, Owner.CX)
