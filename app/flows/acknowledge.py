"""The ERP has the order: the channel is told, with the number that the ERP gave it (R-36-R-38)."""

from collections.abc import AsyncGenerator, Sequence

from app.domain.channel import Acknowledgement, Channel
from app.domain.errors import PermanentError
from app.domain.message import (
    Claimed,
    Done,
    Draft,
    MessageClass,
    Outcome,
    Owner,
    Park,
    Result,
    Snooze,
    Violation,
)
from app.domain.order import Order
from app.flows import poll
from app.flows.context import Context
from app.flows.flow import Batch
from app.flows.upstream import timed
from app.ledger import reference
from app.ledger.listing import Dropped
from app.ledger.order import read_order
from app.ledger.reference import Filed, Reference
from app.outbox.cases import Case

WALK_SECONDS = 0.3
"""On average, at first: never in step with the polls, which it would meet each time. A long walk is asked after ever less."""


def draft(channel: Channel, message: Claimed, again: Order | None = None) -> Draft:
    """One for each order, whatever placed it; one for each time that the channel shows it as new `again`."""
    ref = message.order_ref or ""
    version = f"/{again.version}" if again else ""
    return Draft(
        kind=f"{channel.name}.acknowledge",
        cls=MessageClass.EFFECT,
        destination=channel.destination,
        source=channel.connection,
        key=f"{channel.name}/acknowledge/{channel.connection}/{ref}{version}",
        order_ref=ref,
        body={"ref": ref, "again": again is not None},
        parent=message.id,
    )


async def acknowledge(ctx: Context, batch: Batch) -> AsyncGenerator[Sequence[Outcome], None]:
    for message in batch.messages:
        yield [await _tell(ctx, message)]


async def _tell(ctx: Context, message: Claimed) -> Outcome:
    channel, ref = ctx.channels[message.destination], message.order_ref or ""
    if channel.acknowledge is None:
        return Outcome(message, Done(Result.NO_EFFECT, "the channel wants no acknowledgement"))
    age = (ctx.now() - message.received_at).total_seconds()
    if age < ctx.pace.patience and await _is_walking(ctx, channel):
        # What is acknowledged leaves the list, and what stands behind it moves to a page that was read already. The next
        # walk finds it; a list that never comes to rest must not hold up acknowledgements for ever.
        wait = max(WALK_SECONDS, age / 4) * (0.5 + ctx.rng.random())
        return Outcome(message, Snooze("the channel's list is being read", wait))
    bound, newest = await read_order(ctx.pool, message.source, ref)
    if bound is None or newest is None:
        return Outcome(message, Done(Result.NO_EFFECT, "the order never reached the ERP"))
    number = f"{channel.number_prefix}{bound.document_no}"
    wanted = Reference(channel.account or channel.destination, number, message.source, ref)
    taken = await reference.take(ctx.pool, wanted)
    if (taken.connection, taken.ref) != (message.source, ref):
        fix = "two orders have one number in the ERP: correct the wrong one, or give one company a number_prefix; retry"
        value = f"{number} is also {taken.connection} {taken.ref}"
        violation = Violation("E-REF-NOTUNIQUE", "document_no", value, fix, Owner.OPERATIONS)
        return Outcome(message, Park((violation,)))
    posted = bound.codes or {line.ref: "" for line in newest.order.lines}
    lines = {line.ref: line.quantity for line in newest.order.lines if line.quantity and line.ref in posted}
    order = newest.order
    told = Acknowledgement(ref, order.channel_id, number, order.placed_at, lines, taken.filed_at)
    return await _send(ctx, message, wanted, told)


async def _send(ctx: Context, message: Claimed, wanted: Reference, told: Acknowledgement) -> Outcome:
    channel = ctx.channels[message.destination]
    if channel.acknowledge is None:
        raise ValueError(channel.name)
    try:
        done = await timed(ctx, channel.name, "acknowledge", channel.acknowledge(told))
    except PermanentError:
        await reference.unfile(ctx.pool, wanted)
        raise
    if done.waits:
        facts = () if told.filed_at else (Filed(wanted, ctx.now()),)
        return Outcome(message, Snooze("the channel has not read its file yet", ctx.pace.poll), facts=facts)
    sent = done.sent or told.filed_at is not None
    verdict = Done(Result.APPLIED, told.number) if sent else Done(Result.NO_EFFECT, "nothing is new")
    if not done.left or (message.body.get("again") and not sent):
        # Where despatches begin in the channel the order may leave its list for that, before it is seen in the next one.
        dropped = (Dropped(message.source, told.ref),) if channel.ship else ()
        return Outcome(message, verdict, facts=dropped)
    fix = f"bring {told.number} and the channel together, then acknowledge these lines in the channel"
    violation = Violation("E-LINE-UNACKNOWLEDGED", "lines", ", ".join(done.left), fix, Owner.OPERATIONS)
    case = Case(message.id, message.source, told.ref, (violation,), flag=True)
    return Outcome(message, verdict, facts=(case,))


async def _is_walking(ctx: Context, channel: Channel) -> bool:
    found: bool = await ctx.pool.fetchval(
        """
        SELECT EXISTS (
            SELECT FROM message_state WHERE destination = $1 AND kind = $2 AND ($4 = '' OR coalesce_key = $4)
            AND (state = 'leased' OR state = 'ready' AND due_at <= $3)
        )
        """,
        channel.destination,
        f"{channel.name}.poll",
        ctx.now(),
        poll.draft(channel, channel.new_orders).coalesce_key if channel.new_orders else "",
    )
    return found
