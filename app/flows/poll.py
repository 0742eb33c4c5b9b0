"""A poll is a state message that appends itself anew, due later, in the transaction that moves its cursor: one in the
cluster, alive without Redis. What it read is confirmed only after it was committed.
"""

from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

import asyncpg

from app.domain.channel import Channel, Polled, Walk
from app.domain.errors import PermanentError
from app.domain.message import Claimed, Done, Draft, MessageClass, Outcome, Owner, Park, Result, Violation
from app.flows.context import Context
from app.flows.flow import Batch
from app.flows.upstream import timed
from app.ledger import cursor, listing
from app.ledger.cursor import CursorMoved, Hinted, Place
from app.ledger.listing import Found, Walked
from app.outbox.append import append

SWEEPS = ("orders", "shipments", "acknowledged_orders")
"""Polls that only look for what the others missed: they run at the slower pace."""


def draft(channel: Polled, name: str, kind: str = "poll") -> Draft:
    """`kind`: of what comes back like a poll, and reads something else."""
    return Draft(
        kind=f"{channel.name}.{kind}",
        cls=MessageClass.STATE,
        destination=channel.destination,
        source=channel.connection,
        coalesce_key=f"poll:{channel.destination}:{name}",
        body={"poll": name},
    )


async def seed(pool: asyncpg.Pool, polled: Iterable[Polled], others: Sequence[Draft] = ()) -> int:
    """Every poll exists, waiting, in flight, or coming back behind its confirmation, and so do `others` that come back
    like them. Answers how many were missing.
    """
    drafts = [*(draft(one, name) for one in polled for name in one.polls), *others]
    async with pool.acquire() as conn, conn.transaction():
        rows = await conn.fetch(
            """
            SELECT s.destination, m.body ->> 'poll' AS poll FROM message_state AS s JOIN message AS m USING (id)
            WHERE s.coalesce_key LIKE 'poll:%' OR s.coalesce_key LIKE 'confirm:%'
            """
        )
        there = {f"poll:{row['destination']}:{row['poll']}" for row in rows}
        missing = [one for one in drafts if one.coalesce_key not in there]
        if missing:
            await append(conn, missing)
        return len(missing)


def _next(ctx: Context, channel: Polled, name: str, *, more: bool) -> Draft:
    seconds = 0.0 if more else ctx.pace.sweep if name in SWEEPS else ctx.pace.poll
    return replace(draft(channel, name), due_at=ctx.now() + timedelta(seconds=seconds))


async def poll(ctx: Context, batch: Batch) -> AsyncGenerator[Sequence[Outcome], None]:
    for message in batch.messages:
        yield [await _read(ctx, message)]


async def _read(ctx: Context, message: Claimed) -> Outcome:
    channel, name = ctx.polled(message.destination), message.body["poll"]
    call = channel.polls.get(name)
    if call is None:
        return Outcome(message, Done(Result.NO_EFFECT, "there is no such poll any more"))
    place = await cursor.read(ctx.pool, channel.connection, name)
    page = await timed(ctx, channel.name, f"poll_{name}", call(place.cursor, ctx.now()))
    found, walked = await _walked(ctx, channel, name, page.walk)
    more = page.more or found.again or _missed(name, page.walk, place)
    after = _confirmation(channel, name, page.confirm, more=more) if page.confirm else None
    following = after or _next(ctx, channel, name, more=more)
    left = await _left(ctx, channel, page.walk, found)
    fresh = (*page.drafts, *(row.draft for row in found.fresh), *left)
    drafts = tuple(replace(one, parent=message.id) for one in fresh)
    result = Result.APPLIED if drafts else Result.NO_EFFECT
    heard = place.heard if page.walk and not page.walk.ended else None
    fact = CursorMoved(channel.connection, name, page.cursor, page.horizon, heard)
    return Outcome(message, Done(result, f"{len(drafts)} notices"), (*drafts, following), (fact, *walked))


async def _walked(
    ctx: Context, channel: Polled, name: str, walk: Walk | None
) -> tuple[Found, tuple[Walked, ...]]:
    if walk is None:
        return Found(()), ()
    found = await listing.compare(ctx.pool, channel.connection, name, walk)
    return found, (Walked(channel.connection, name, walk, found.new),)


def _missed(name: str, walk: Walk | None, place: Place) -> bool:
    """Somebody told of something while the walk went on, maybe of a list that it had read by then."""
    return walk is not None and walk.ended and name not in SWEEPS and place.hints > place.heard


async def _left(ctx: Context, channel: Polled, walk: Walk | None, found: Found) -> list[Draft]:
    if walk is None or not isinstance(channel, Channel) or channel.gone is None or not found.left:
        return []
    drafts = channel.gone(found.left, walk.number)
    asked = [draft.order_ref for draft in drafts if draft.body.get("if_unposted")]
    rows = await ctx.pool.fetch(
        "SELECT order_ref FROM message_state WHERE source = $1 AND order_ref = ANY($2::text[]) AND kind = $3",
        channel.connection,
        asked,
        f"{ctx.erp.name}.sales_order.place",
    )
    unposted = {row["order_ref"] for row in rows}
    return [one for one in drafts if one.order_ref in unposted or not one.body.get("if_unposted")]


def _confirmation(channel: Polled, name: str, ids: Sequence[str], *, more: bool) -> Draft:
    return Draft(
        kind=f"{channel.name}.confirm",
        cls=MessageClass.STATE,
        destination=channel.destination,
        source=channel.connection,
        coalesce_key=f"confirm:{channel.destination}:{name}:{ids[-1]}",
        body={"poll": name, "ids": list(ids), "more": more},
    )


async def confirm(ctx: Context, batch: Batch) -> AsyncGenerator[Sequence[Outcome], None]:
    """Tells the channel that it may forget, then brings the poll back: it must not read the same page again.

    A refusal is for a person; the poll comes back all the same, or nothing would be read until then.
    """
    for message in batch.messages:
        channel, name = ctx.channels[message.destination], message.body["poll"]
        verdict: Done | Park = Done(Result.APPLIED)
        try:
            if channel.confirm is not None:
                await timed(ctx, channel.name, "confirm", channel.confirm(message.body["ids"]))
        except PermanentError as error:
            fix = "see why the channel refuses to forget these events, then retry"
            verdict = Park((Violation(error.code, "events", error.detail, fix, Owner.SRE),))
        more = message.body["more"] and isinstance(verdict, Done)
        yield [Outcome(message, verdict, (_next(ctx, channel, name, more=more),))]


async def hasten(ctx: Context, batch: Batch) -> AsyncGenerator[Sequence[Outcome], None]:
    """Somebody told that something happened: the polls come at once. What exactly, nobody believes."""
    channel = ctx.channels[batch.messages[0].destination]
    drafts = tuple(draft(channel, name) for name in channel.polls if name not in SWEEPS)
    first, *others = batch.messages
    told = tuple(replace(one, parent=first.id) for one in drafts)
    yield [
        Outcome(first, Done(Result.APPLIED, "looking"), told, (Hinted(channel.connection),)),
        *(Outcome(one, Done(Result.NO_EFFECT, "looking already")) for one in others),
    ]
