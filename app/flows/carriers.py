"""The carriers that a channel lists, against the rows that name them: a row is flagged before a despatch needs it (R-46)."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from datetime import timedelta

from app.domain.channel import Channel
from app.domain.message import Done, Draft, Outcome, Result
from app.flows import poll
from app.flows.context import Context
from app.flows.flags import fresh_flags
from app.flows.flow import Batch
from app.flows.upstream import timed
from app.mappings.lint import lint_carriers
from app.outbox.cases import Case

GONE = "E-CARRIER-GONE"


def draft(channel: Channel) -> Draft:
    return poll.draft(channel, "carriers", "carriers")


async def carriers(ctx: Context, batch: Batch) -> AsyncGenerator[Sequence[Outcome], None]:
    """Flags rows whose carrier left the list; a flag whose row was corrected closes by itself."""
    for message in batch.messages:
        channel = ctx.channels[message.destination]
        if channel.carriers is None:
            yield [Outcome(message, Done(Result.NO_EFFECT, "the channel lists no carriers"))]
            continue
        listed = await timed(ctx, channel.name, "carriers", channel.carriers())
        found = lint_carriers(await ctx.mappings(), channel.connection, listed)
        gone = [Case(None, channel.connection, None, (one,), flag=True) for one in found if one.code == GONE]
        flags = await fresh_flags(ctx, channel.connection, GONE, gone)
        following = replace(draft(channel), due_at=ctx.now() + timedelta(seconds=ctx.pace.sweep))
        done = Done(Result.APPLIED if flags else Result.NO_EFFECT, f"{len(gone)} rows name no carrier")
        yield [Outcome(message, done, (following,), flags)]
