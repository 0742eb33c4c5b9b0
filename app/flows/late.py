"""Orders that their channel waits to have acknowledged: flagged while there is still time to do something (R-38)."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from datetime import timedelta

from app.domain.channel import Channel
from app.domain.message import Done, Draft, Outcome, Owner, Result, Violation
from app.flows import poll
from app.flows.context import Context
from app.flows.flow import Batch
from app.ledger import snapshot
from app.outbox import cases
from app.outbox.cases import Case

LATE = "E-ACK-LATE"
SHARE = 0.5
"""Of the channel's patience: when half of it is gone a person is told."""


def draft(channel: Channel) -> Draft:
    return poll.draft(channel, "late", "late")


async def late(ctx: Context, batch: Batch) -> AsyncGenerator[Sequence[Outcome], None]:
    """One flag an order, seen by a person or not; it closes by itself once the order was acknowledged or cancelled."""
    for message in batch.messages:
        channel = ctx.channels[message.destination]
        found = await _late(ctx, channel)
        flagged = await cases.flagged(ctx.pool, channel.connection, LATE)
        await cases.close_flags(ctx.pool, [id_ for value, id_ in flagged.items() if value not in found])
        told = flagged.keys() | await cases.acknowledged(ctx.pool, channel.connection, LATE)
        fresh = [one for value, one in found.items() if value not in told]
        flags = tuple(Case(None, channel.connection, one.value, (one,), flag=True) for one in fresh)
        following = replace(draft(channel), due_at=ctx.now() + timedelta(seconds=ctx.pace.sweep))
        done = Done(Result.APPLIED if flags else Result.NO_EFFECT, f"{len(found)} orders wait for long")
        yield [Outcome(message, done, (following,), flags)]


async def _late(ctx: Context, channel: Channel) -> dict[str, Violation]:
    """What is still to be posted or acknowledged is open; nothing else needs to be looked at."""
    rows = await ctx.pool.fetch(
        """
        SELECT DISTINCT order_ref FROM message_state
        WHERE source = $1 AND (kind LIKE '%.sales_order.place' OR kind = $2)
        """,
        channel.connection,
        f"{channel.name}.acknowledge",
    )
    taken = await snapshot.read(ctx.pool, channel.connection, [row["order_ref"] for row in rows])
    found: dict[str, Violation] = {}
    for ref, one in taken.items():
        patience = channel.patience.get(one.order.store)
        if patience and ctx.now() - one.order.placed_at > patience * SHARE:
            until = f"{one.order.placed_at + patience:%Y-%m-%d %H:%M} UTC"
            fix = (
                f"{one.order.store} waits for its acknowledgement until {until}: see what holds the order up"
            )
            found[ref] = Violation(LATE, "acknowledgement", ref, fix, Owner.OPERATIONS)
    return found
