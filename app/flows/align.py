"""Catalogues are walked and compared every night, so that a SKU which would fail is known before it is ordered (R-19). Reads
only: nothing is changed anywhere. A walk is one message a page, each followed by the next; its end is followed by a comparison.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime, timedelta

import asyncpg

from app.domain.align import Misfit
from app.domain.align import align as compare
from app.domain.calendar import LONDON
from app.domain.channel import Article, Catalogue
from app.domain.lanes import LONGEST_CODE, UNSTORABLE
from app.domain.message import Claimed, Done, Draft, MessageClass, Outcome, Result
from app.flows.context import Context
from app.flows.flow import Batch
from app.flows.upstream import timed
from app.ledger import alignment
from app.ledger.alignment import Aligned, ArticlesSeen
from app.outbox.append import append


def night_before(now: datetime, hour: int) -> datetime:
    """When it last was `hour` o'clock in London."""
    there = now.astimezone(LONDON)
    night = there.replace(hour=hour, minute=0, second=0, microsecond=0)
    return (
        night
        if night <= there
        else (there - timedelta(days=1)).replace(hour=hour, minute=0, second=0, microsecond=0)
    )


async def seed(ctx: Context, started: datetime) -> int:
    """Walks that are due since the night; one that never was is due in the first night that somebody is at work."""
    night = night_before(ctx.now(), ctx.pace.align_hour)
    begun = await alignment.begun(ctx.pool)
    due = [name for name in catalogues(ctx) if begun.get(name, started) < night]
    return await ask(ctx.pool, due, again=False) if due else 0


async def ask(pool: asyncpg.Pool, destinations: Sequence[str], *, again: bool = True) -> int:
    """Walks of these destinations, at once. `again`: also where one is under way. Answers how many."""
    drafts = [_walk(name, {}) for name in destinations]
    async with pool.acquire() as conn, conn.transaction():
        rows = await conn.fetch(
            "SELECT coalesce_key FROM message_state WHERE coalesce_key = ANY($1::text[])",
            [one.coalesce_key for one in drafts],
        )
        open_ = set() if again else {row["coalesce_key"] for row in rows}
        wanted = [one for one in drafts if one.coalesce_key not in open_]
        if wanted:
            await append(conn, wanted)
        return len(wanted)


def catalogues(ctx: Context) -> dict[str, Catalogue]:
    """By destination."""
    found = {name: channel.catalogue for name, channel in ctx.channels.items()}
    found[ctx.erp.destination] = ctx.erp.catalogue
    return {name: call for name, call in found.items() if call is not None}


def _walk(destination: str, body: dict[str, object]) -> Draft:
    system, _, connection = destination.partition(":")
    return Draft(
        kind=f"{system}.articles",
        cls=MessageClass.STATE,
        destination=destination,
        source=connection,
        coalesce_key=f"articles:{destination}",
        body=body,
    )


async def walk(ctx: Context, batch: Batch) -> AsyncGenerator[Sequence[Outcome], None]:
    for message in batch.messages:
        yield [await _page(ctx, message)]


async def _page(ctx: Context, message: Claimed) -> Outcome:
    call = catalogues(ctx).get(message.destination)
    if call is None:
        return Outcome(message, Done(Result.NO_EFFECT, "it lists no articles"))
    began = message.body.get("began_at") or ctx.now().isoformat()
    system = message.destination.partition(":")[0]
    page = await timed(ctx, system, "catalogue", call(message.body.get("cursor") or {}))
    seen = ArticlesSeen(
        message.destination,
        datetime.fromisoformat(began),
        tuple(map(_storable, page.items)),
        first="cursor" not in message.body,
        ended=page.onward is None,
    )
    following = (
        _compare(ctx)
        if page.onward is None
        else _walk(message.destination, {"began_at": began, "cursor": page.onward})
    )
    return Outcome(message, Done(Result.APPLIED, f"{len(page.items)} articles"), (following,), (seen,))


def _storable(one: Article) -> Article:
    """What no index could hold is no code of a product either, and stays one that nobody knows."""
    code, barcode = (UNSTORABLE.sub("\ufffd", text)[:LONGEST_CODE] for text in (one.code, one.barcode))
    return Article(code, barcode, one.active)


def _compare(ctx: Context) -> Draft:
    return Draft(
        kind=f"{ctx.erp.name}.align",
        cls=MessageClass.STATE,
        destination=ctx.erp.destination,
        source=ctx.erp.connection,
        coalesce_key="align",
    )


async def align(ctx: Context, batch: Batch) -> AsyncGenerator[Sequence[Outcome], None]:
    """Of all that were walked to their end. Without the ERP's there is nothing to compare with."""
    known = await alignment.catalogues(ctx.pool)
    products = known.pop(ctx.erp.destination, None)
    for message in batch.messages:
        if products is None:
            yield [Outcome(message, Done(Result.NO_EFFECT, "the ERP's products were not listed yet"))]
            continue
        found = await _misfits(ctx, known, products)
        yield [Outcome(message, Done(Result.APPLIED, f"{len(found)} do not fit"), facts=(Aligned(found),))]


async def _misfits(
    ctx: Context, known: Mapping[str, list[Article]], products: Sequence[Article]
) -> dict[tuple[str, Article], Misfit]:
    """By destination and article."""
    destinations = {name.partition(":")[2]: name for name in known}
    offered = {connection: known[name] for connection, name in destinations.items()}
    failing, unoffered = compare(offered, products, await ctx.mappings())
    found = {(destinations[connection], article): why for (connection, article), why in failing.items()}
    return found | {(ctx.erp.destination, article): Misfit.UNOFFERED for article in unoffered}
