"""The engine: claim at each destination, hand batches to flows, settle what they say."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta

import structlog

from app.db.session import TROUBLE
from app.domain.channel import Channel
from app.domain.message import Claimed
from app.flows import tend
from app.flows.acknowledge import acknowledge
from app.flows.align import align, walk
from app.flows.answer_cancellation import answer_cancellation
from app.flows.bind_order import bind
from app.flows.carriers import carriers
from app.flows.change_order import change
from app.flows.confirm_despatch import confirm_despatch
from app.flows.context import Context
from app.flows.despatch import despatched
from app.flows.flow import Batch, Flow, Lease
from app.flows.handle import handle
from app.flows.ignore import ignore, unreadable
from app.flows.late import late
from app.flows.place_order import place
from app.flows.poll import confirm, hasten, poll
from app.flows.reconsider import reconsider
from app.flows.reread import reread
from app.flows.ship import ship
from app.flows.shipment import CONFIRM, shipment
from app.flows.signal import Signal
from app.flows.take_return import acknowledge_return, take_return
from app.flows.tally import Tally
from app.outbox.claim import claim, renew
from app.outbox.room import Claim, Limits, Want

IGNORED = ("customer", "account", "tracking", "other")
CHANNEL_FLOWS = (
    Flow("order", reread, batch=200, serial=True, behind="poll"),
    Flow("confirm", confirm),
    # Before all that is told: one page at a time, and many acknowledgements wait for the last one.
    Flow("poll", poll, spare=True),
    Flow("acknowledge", acknowledge, single=True),
    Flow("ship", ship, single=True),
    Flow("answer_cancellation", answer_cancellation, single=True),
    Flow("shipment", shipment, batch=200),
    Flow("return", take_return, batch=200, serial=True),
    Flow("acknowledge_return", acknowledge_return, single=True),
    Flow("hint", hasten, batch=200),
    Flow("carriers", carriers, spare=True),
    Flow("late", late, spare=True),
    Flow("articles", walk, spare=True),
    *(Flow(kind, ignore, batch=200) for kind in IGNORED),
    Flow("unreadable", unreadable, batch=200),
)
ERP_FLOWS = (
    Flow("sales_order.place", place, single=True),
    Flow("sales_order.change", change, single=True),
    Flow("sales_order.cancel", change, single=True),
    Flow("sales_order.bind", bind, single=True),
    Flow(CONFIRM, confirm_despatch, single=True),
    Flow("despatch", despatched, batch=50, serial=True),
    Flow("reconsider", reconsider, spare=True),
    Flow("poll", poll, spare=True),
    Flow("articles", walk, spare=True),
    Flow("align", align, spare=True),
)
log = structlog.get_logger()


def flows_at(ctx: Context) -> dict[str, dict[str, Flow]]:
    """Destination -> kind -> flow, in the order in which kinds are served."""
    table = {
        name: {f"{channel.name}.{flow.kind}": _fitted(flow, channel) for flow in CHANNEL_FLOWS}
        for name, channel in ctx.channels.items()
    }
    table[ctx.erp.destination] = {f"{ctx.erp.name}.{flow.kind}": flow for flow in ERP_FLOWS}
    return table


def _fitted(flow: Flow, channel: Channel) -> Flow:
    return replace(flow, batch=min(flow.batch, channel.most_orders)) if flow.kind == "order" else flow


def wants_of(flows: dict[str, Flow]) -> list[Want]:
    """A page that is on its way may hold older notices than those that wait: they go behind it."""
    kinds = {flow.kind: kind for kind, flow in flows.items()}
    return [
        Want(kind, flow.batch, flow.serial, flow.single, flow.spare, kinds.get(flow.behind or ""))
        for kind, flow in flows.items()
    ]


async def work(ctx: Context, signal: Signal) -> None:
    """Until the signal says stop; then what is in hand is finished and settled."""
    async with asyncio.TaskGroup() as group:
        for name, flows in flows_at(ctx).items():
            group.create_task(_drain(ctx, signal, name, flows))
        group.create_task(tend.tend(ctx, signal))


async def _drain(ctx: Context, signal: Signal, name: str, flows: dict[str, Flow]) -> None:
    wants = wants_of(flows)
    tally = Tally(ctx.channels[name].meter if name in ctx.channels else None)
    async with asyncio.TaskGroup() as running:
        while not signal.stopping:
            mark = signal.mark()
            owed = tally.owed()
            batches = await _claim(ctx, name, wants, owed)
            tally.drawn += owed if batches else 0
            for want, messages in batches:
                batch = _run(ctx, signal, flows[want.kind], messages)
                running.create_task(tally.after(batch, len(messages) if want.single else 1))
            if not any(_full(want, messages) for want, messages in batches):
                await signal.wait(mark, ctx.pace.look)


def _full(want: Want, messages: Sequence[Claimed]) -> bool:
    """Whether more of the kind may be had at once; a kind that takes single slots got all there were."""
    return not want.single and len(messages) == want.batch


async def _claim(
    ctx: Context, name: str, wants: Sequence[Want], owed: int = 0
) -> list[tuple[Want, list[Claimed]]]:
    """Postgres may be away for a while; then there is nothing to do and nothing to lose."""
    budget = ctx.channels[name].budget if name in ctx.channels else None
    who = Claim(name, ctx.worker, ctx.now(), timedelta(seconds=ctx.lease_at(name)))
    try:
        return await claim(
            ctx.pool, wants, Limits(ctx.slots_at(name), budget, ctx.pace.breaker_failures, owed), who
        )
    except TROUBLE as error:
        log.warning("claim.failed", destination=name, error=type(error).__name__)
        return []


async def _run(ctx: Context, signal: Signal, flow: Flow, messages: Sequence[Claimed]) -> None:
    """One batch: whatever happens in the handler, every message gets a verdict or is left to its lease."""
    batch = Batch(messages, Lease(min(message.lease_until for message in messages)))
    async with _kept(ctx, batch):
        await handle(ctx, signal, flow, batch)


@asynccontextmanager
async def _kept(ctx: Context, batch: Batch) -> AsyncIterator[None]:
    """Prolongs the lease while the batch is worked."""
    async with asyncio.TaskGroup() as group:
        keeper = group.create_task(_keep(ctx, batch))
        try:
            yield
        finally:
            keeper.cancel()


async def _keep(ctx: Context, batch: Batch) -> None:
    tokens = sorted({message.token for message in batch.messages})
    lease = ctx.lease_at(batch.messages[0].destination)
    while True:
        await asyncio.sleep(lease / 3)
        until = ctx.now() + timedelta(seconds=lease)
        with suppress(*TROUBLE):
            if await renew(ctx.pool, tokens, until):
                batch.lease.until = until
