"""Orders that their channel waits to have acknowledged: flagged while there is still time to do something (R-38)."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from datetime import timedelta

from app.domain.channel import Channel
from app.domain.message import Done, Draft, Outcome, Owner, Result, Violation
from app.flows import poll
from app.flows.context import Context
from app.flows.flags import fresh_flags
from app.flows.flow import Batch
from app.ledger import snapshot
from app.outbox.cases import Case

LATE = "E-ACK-LATE"
SHARE = 0.5
"""Of the channel's patience: when half of it is gone a person is told."""


def draft(channel: Channel) -> Draft:
    return poll.draft(channel, "late", "late")


async def late(ctx: Context, batch: Batch) -> AsyncGenerator[Sequence[Outcome], None]:
    """One flag an order; it closes by itself once the order was acknowledged or cancelled."""
    for message in batch.messages:
        channel = ctx.channels[message.destination]
        found = await _late(ctx, channel)
        flags = await fresh_flags(ctx, channel.connection, LATE, found)
        following = replace(draft(channel), due_at=ctx.now() + timedelta(seconds=ctx.pace.sweep))
        done = Done(Result.APPLIED if flags else Result.NO_EFFECT, f"{len(found)} orders wait for long")
        yield [Outcome(message, done, (following,), flags)]


async def _late(ctx: Context, channel: Channel) -> list[Case]:
    """What is still to be posted or acknowledged is open; nothing else needs to be looked at. Somebody may have acknowledged
    it in the channel itself: then nobody waits.
    """
    rows = await ctx.pool.fetch(
        """
        SELECT DISTINCT order_ref FROM message_state
        WHERE source = $1 AND (kind LIKE '%.sales_order.place' OR kind = $2)
        """,
        channel.connection,
        f"{channel.name}.acknowledge",
    )
    taken = await snapshot.read(ctx.pool, channel.connection, [row["order_ref"] for row in rows])
    found: list[Case] = []
    for ref, one in taken.items():
        patience = channel.patience.get(one.order.store)
        if patience and one.order.unacknowledged and ctx.now() - one.order.placed_at > patience * SHARE:
            until = f"{one.order.placed_at + patience:%Y-%m-%d %H:%M} UTC"
            fix = (
                f"{one.order.store} waits for its acknowledgement until {until}: see what holds the order up"
            )
            wrong = Violation(LATE, "acknowledgement", ref, fix, Owner.OPERATIONS)
            found.append(Case(None, channel.connection, ref, (wrong,), flag=True))
    return found
