"""The ERP has the order: the channel is told, with the number that the ERP gave it (R-36-R-38)."""

from collections.abc import AsyncGenerator, Sequence

from app.domain.channel import Acknowledgement, Channel
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
from app.flows.context import Context
from app.flows.flow import Batch
from app.flows.upstream import timed
from app.ledger import binding, snapshot
from app.ledger.listing import Dropped
from app.outbox.cases import Case

WALK_SECONDS = 0.3
"""On average, at first: never in step with the polls, which it would meet each time. A long walk is asked after ever less."""


def draft(channel: Channel, message: Claimed) -> Draft:
    """One for each order, whatever placed it."""
    ref = message.order_ref or ""
    return Draft(
        kind=f"{channel.name}.acknowledge",
        cls=MessageClass.EFFECT,
        destination=channel.destination,
        source=channel.connection,
        key=f"{channel.name}/acknowledge/{channel.connection}/{ref}",
        order_ref=ref,
        body={"ref": ref},
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
    bound = (await binding.read(ctx.pool, message.source, [ref])).get(ref)
    newest = (await snapshot.read(ctx.pool, message.source, [ref])).get(ref)
    if bound is None or newest is None:
        return Outcome(message, Done(Result.NO_EFFECT, "the order never reached the ERP"))
    if others := await binding.others(ctx.pool, message.source, ref, bound.document_no):
        fix = "two orders have one number in the ERP: correct the wrong one, then retry"
        value = f"{bound.document_no} is also {', '.join(others)}"
        violation = Violation("E-REF-NOTUNIQUE", "document_no", value, fix, Owner.OPERATIONS)
        return Outcome(message, Park((violation,)))
    posted = bound.codes or {line.ref: "" for line in newest.order.lines}
    lines = {line.ref: line.quantity for line in newest.order.lines if line.quantity and line.ref in posted}
    told = Acknowledgement(ref, newest.order.channel_id, bound.document_no, newest.order.placed_at, lines)
    done = await timed(ctx, channel.name, "acknowledge", channel.acknowledge(told))
    note = bound.document_no if done.sent else "nothing is new"
    verdict = Done(Result.APPLIED if done.sent else Result.NO_EFFECT, note)
    if not done.left:
        return Outcome(message, verdict, facts=(Dropped(message.source, ref),))
    fix = f"bring {bound.document_no} and the channel together, then acknowledge these lines in the channel"
    violation = Violation("E-LINE-UNACKNOWLEDGED", "lines", ", ".join(done.left), fix, Owner.OPERATIONS)
    return Outcome(message, verdict, facts=(Case(message.id, message.source, ref, (violation,), flag=True),))


async def _is_walking(ctx: Context, channel: Channel) -> bool:
    found: bool = await ctx.pool.fetchval(
        """
        SELECT EXISTS (
            SELECT FROM message_state WHERE destination = $1 AND kind = $2
            AND (state = 'leased' OR state = 'ready' AND due_at <= $3)
        )
        """,
        channel.destination,
        f"{channel.name}.poll",
        ctx.now(),
    )
    return found
