"""Turn-taking between connections: effects enter their lanes in the order in which their notices were appended.

Each connection re-reads by itself, and one may be slower than the next; two orders for one SKU that came through
different connections must not change places because of that. A connection that fares ill is not waited for; one whose
worker vanished is, until its lease is over and another had its time.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import timedelta

from app.domain.message import Outcome
from app.flows.context import Context
from app.outbox.settle import Change

LOOK_SECONDS = 0.02


async def in_turn(
    ctx: Context, destination: str, outcomes: Sequence[Outcome]
) -> AsyncGenerator[Sequence[Outcome], None]:
    """What moves a lane waits for its turn; everything else is settled at once."""
    still = [outcome for outcome in outcomes if not _moves(outcome)]
    if still:
        yield still
    left = sorted((outcome for outcome in outcomes if _moves(outcome)), key=lambda one: one.message.id)
    began = ctx.now()
    until = began + timedelta(seconds=ctx.lease_at(destination) + ctx.pace.patience)
    while left:
        before = await _oldest_elsewhere(ctx, destination)
        over = not began <= ctx.now() < until  # a clock that went back does not tell how long it was
        free = [one for one in left if before is None or one.message.id < before or over]
        if free:
            yield free
            left = left[len(free) :]
        else:
            await asyncio.sleep(LOOK_SECONDS)


def _moves(outcome: Outcome) -> bool:
    return bool(outcome.follow_ups) or any(isinstance(fact, Change) for fact in outcome.facts)


async def _oldest_elsewhere(ctx: Context, destination: str) -> int | None:
    """The oldest notice of an order that another healthy connection has yet to settle, or a page on its way there."""
    others = [name for name in ctx.channels if name != destination]
    names = sorted({channel.name for channel in ctx.channels.values()})
    oldest: int | None = await ctx.pool.fetchval(
        """
        SELECT min(s.id) FROM message_state AS s JOIN destination AS d ON d.name = s.destination
        WHERE s.destination = ANY($1::text[]) AND d.failures = 0
          AND (d.resume_at IS NULL OR d.resume_at <= $4) AND s.due_at <= $4
          AND (s.kind = ANY($2::text[]) AND s.state IN ('ready', 'leased')
               OR s.kind = ANY($3::text[]) AND s.state = 'leased')
        """,
        others,
        [f"{name}.order" for name in names],
        [f"{name}.poll" for name in names],
        ctx.now(),
    )
    return oldest
