"""What should be sent for each place effect, from the ledger's newest snapshot; or why nothing may be sent now."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from app.domain.agreement import quotes
from app.domain.dossier import Options
from app.domain.erp import EntryKind, Facts, SalesOrder, Wanted
from app.domain.identify import codes
from app.domain.lanes import sku_lanes
from app.domain.message import Claimed, Done, Park, Result, Snooze, Violation
from app.domain.order import DISPATCHED, Order, Standing
from app.domain.posting import plan, wanted
from app.domain.reference import probe_key
from app.domain.rules import Mappings
from app.flows.context import Context
from app.flows.upstream import timed
from app.ledger import binding, snapshot
from app.ledger.snapshot import Snapshot

ELSEWHERE = "E-DESPATCHED-ELSEWHERE"
HELD_SECONDS = 300.0
UNREAD_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Job:
    """`planned`: None where nothing may be sent; `instead` then says what becomes of the message, except for one in
    doubt, whose question must be asked all the same. `order`: what it is planned from, where the order was read;
    `sent`: an older state of it that may have been sent.
    """

    message: Claimed
    key: str
    content: bytes
    planned: SalesOrder | None
    instead: Done | Park | Snooze | None
    order: Order | None = None
    sent: Order | None = None


async def prepare(ctx: Context, messages: Sequence[Claimed]) -> list[Job]:
    mappings, (taken, bound) = await asyncio.gather(ctx.mappings(), _ledger(ctx, messages))
    live = [one.order for one in taken.values() if one.order.standing is not Standing.CANCELLED]
    facts = await _facts(ctx, mappings, live) if live else Facts()  # a cancellation never waits for the ERP
    asked = [one.order for place, one in taken.items() if place not in bound and one.order in live]
    facts = await _priced(ctx, asked, mappings, facts)
    return [
        _job(ctx, message, taken.get((message.source, message.order_ref or "")), (mappings, facts))
        if (message.source, message.order_ref) not in bound
        else Job(message, "", b"", None, Done(Result.NO_EFFECT, "the ERP has it"))
        for message in messages
    ]


async def plan_order(ctx: Context, source: str, order: Order) -> SalesOrder | tuple[Violation, ...]:
    """What would be sent for an order now, or why nothing could be."""
    mappings = await ctx.mappings()
    facts = await _priced(ctx, [order], mappings, await _facts(ctx, mappings, [order]))
    return _planned(ctx, source, order, (mappings, facts))


async def plan_all(
    ctx: Context, taken: Mapping[tuple[str, str], Snapshot], *, priced: bool
) -> dict[tuple[str, str], SalesOrder | tuple[Violation, ...]]:
    """What would be sent for each order now, or all that stands in its way. A price is a request a line: unless `priced`,
    none is asked for, and what would be compared with one is complained of as unknown.
    """
    mappings = await ctx.mappings()
    orders = [one.order for one in taken.values()]
    facts = await _facts(ctx, mappings, orders)
    facts = await _priced(ctx, orders, mappings, facts) if priced else facts
    return {key: _planned(ctx, key[0], one.order, (mappings, facts)) for key, one in taken.items()}


async def _facts(ctx: Context, mappings: Mappings, orders: Iterable[Order]) -> Facts:
    """Of all these orders, asked for at once."""
    needs = [wanted(order, mappings) for order in orders]
    together = Wanted(
        customers=frozenset(code for need in needs for code in need.customers),
        products=frozenset(code for need in needs for code in need.products),
        barcodes=frozenset(code for need in needs for code in need.barcodes),
    )
    return await timed(ctx, ctx.erp.name, "facts", ctx.erp.facts(together))


async def _priced(ctx: Context, orders: Sequence[Order], mappings: Mappings, facts: Facts) -> Facts:
    """With the ERP's prices, as they are now, for orders that are compared with them or bring none."""
    tolerances = {one.connection: one.tolerances for one in ctx.channels.values()}
    asked = {
        quote
        for order in orders
        for quote in quotes(order, mappings, facts, tolerances.get(order.connection, {}).get(order.store))
    }
    if not asked or ctx.erp.prices is None:
        return facts
    return replace(facts, prices=await timed(ctx, ctx.erp.name, "prices", ctx.erp.prices(asked)))


async def _ledger(
    ctx: Context, messages: Sequence[Claimed]
) -> tuple[dict[tuple[str, str], Snapshot], set[tuple[str, str]]]:
    taken: dict[tuple[str, str], Snapshot] = {}
    bound: set[tuple[str, str]] = set()
    for source in {message.source for message in messages}:
        refs = [m.order_ref for m in messages if m.source == source and m.order_ref is not None]
        snapshots, bindings = await asyncio.gather(
            snapshot.read(ctx.pool, source, refs), binding.read(ctx.pool, source, refs)
        )
        taken |= {(source, ref): one for ref, one in snapshots.items()}
        bound |= {(source, ref) for ref in bindings}
    return taken, bound


def _job(ctx: Context, message: Claimed, taken: Snapshot | None, known: tuple[Mappings, Facts]) -> Job:
    if taken is None:
        return Job(message, "", b"", None, Snooze("the order was not read yet", UNREAD_SECONDS))
    if message.source not in {channel.connection for channel in ctx.channels.values()}:
        away = Snooze("its connection is not configured here", HELD_SECONDS, aside=True)
        return Job(message, "", b"", None, away)
    planned = _planned(ctx, message.source, taken.order, known)
    document = planned if isinstance(planned, SalesOrder) else None
    instead = _instead(taken.order)
    lanes = sku_lanes(_articles(document) if document else codes(taken.order, known[0]))
    if instead is None and lanes != message.lanes:
        instead = Snooze("it has other SKUs than when it entered its lanes", 0.0, lanes=lanes)
    if instead is None and not isinstance(planned, SalesOrder):
        instead = Park(planned)
    return Job(
        message,
        probe_key(ctx.channel_of(message.source).prefix, taken.order.ref),
        taken.content,
        document if instead is None else None,
        None if message.in_doubt else instead,
        taken.order,
        taken.sent,
    )


def _articles(document: SalesOrder) -> Iterable[str]:
    """In the ERP's words: what a barcode names has the lane of its code."""
    return (entry.code for entry in document.entries if entry.kind is EntryKind.STANDARD)


def _planned(
    ctx: Context, source: str, order: Order, known: tuple[Mappings, Facts]
) -> SalesOrder | tuple[Violation, ...]:
    channel = ctx.channel_of(source)
    tolerance = channel.tolerances.get(order.store)
    options = Options(channel.prefix, channel.name, ctx.erp.charset, tolerance=tolerance)
    return plan(order, *known, options)


def _instead(order: Order) -> Done | Park | Snooze | None:
    """Only releasable orders are sent (R-32), whatever they were when the effect was appended; and what has left whole,
    since nothing can hold it any more. Where despatches begin in the ERP, what was dispatched before the ERP had it would be
    picked a second time: people post the order, and it goes on by itself only if the channel takes the dispatch back.
    """
    standing = order.standing
    if standing is Standing.CANCELLED:
        return Done(Result.CANCELLED, "cancelled before it was sent")
    left = standing is Standing.HELD and order.has_left()
    whole = standing is Standing.HELD and order.hold_reason == DISPATCHED and not left
    if whole or (standing is Standing.RELEASABLE and order.dispatched):
        value = order.channel_status if whole else f"lines {', '.join(order.dispatched)}"
        fix = (
            "it was dispatched in the channel before the ERP had it, and despatches begin in the ERP here: post and"
            " despatch it there by hand, then accept it with its number"
        )
        return Park((Violation(ELSEWHERE, "status", value, fix),))
    if standing is not Standing.RELEASABLE and not left:
        return Snooze(f"held: {order.hold_reason}", HELD_SECONDS, aside=True)
    return None
