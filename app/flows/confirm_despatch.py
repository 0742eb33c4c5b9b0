"""What a channel shipped is confirmed as despatched in the ERP, once (R-51, RC-24): everything is read anew, looked for by
our mark and by what the lines say, intended, sent.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass

from app.domain.channel import Channel
from app.domain.despatch import line_codes
from app.domain.errors import DestinationError, PermanentError, SnoozeError, TransientError
from app.domain.message import Claimed, Done, Outcome, Owner, Park, Result, Violation
from app.domain.order import Order, Shipped
from app.domain.progress import Despatch, Goods, Item, Progress, add, allot, covers, imprint
from app.flows.absent import absent
from app.flows.bind_order import codes_of
from app.flows.context import Context
from app.flows.document import read_document
from app.flows.flow import Batch, FencedError, Lease
from app.flows.shipment import CONFIRM, goods_of
from app.flows.upstream import timed
from app.ledger import shipped
from app.ledger.binding import Binding
from app.ledger.order import read_order
from app.ledger.shipped import ShippedConfirmed
from app.outbox.cases import was_looked_at, was_released
from app.outbox.intend import Intent, forget, intend, last_sent
from app.telemetry.words import ProbeResult

UNSURE = "E-DESPATCH-UNSURE"
MARK = "SLUICE"


@dataclass(frozen=True, slots=True)
class _Job:
    message: Claimed
    order: Order
    what: Shipped
    goods: Goods
    document_id: int
    mark: str


async def confirm_despatch(ctx: Context, batch: Batch) -> AsyncGenerator[Sequence[Outcome], None]:
    for message in batch.messages:
        yield [await _confirm(ctx, batch.lease, message)]


async def _confirm(ctx: Context, lease: Lease, message: Claimed) -> Outcome:
    """The order lane put us behind the place effect: the order is bound now, or never will be."""
    ref = message.order_ref or ""
    bound, taken = await read_order(ctx.pool, message.source, ref)
    if ctx.erp.progress is None or bound is None or taken is None:
        return Outcome(message, Park((_unplaced(ref, bound),)))
    document_id, codes = await _posted(ctx, bound, taken.order)
    name = message.body["shipment"]
    what = next((one for one in taken.order.shipped if one.shipment == name), None)
    if what is None:
        fix = "find out whether it left: if so, despatch it in the ERP by hand; then accept it as despatched"
        return Outcome(message, Park((Violation("E-SHIPMENT-GONE", "shipment", name, fix),)))
    progress = (
        await timed(ctx, ctx.erp.name, "progress", ctx.erp.progress(document_id)) if document_id else None
    )
    if progress is None:
        return Outcome(message, Park((_unplaced(ref, bound),)))
    goods, mark = goods_of(taken.order, what, codes), f"{MARK} {message.source} {name}"
    job = _Job(message, taken.order, what, goods, document_id, mark)
    return await _look(ctx, job, progress) or await _send(ctx, lease, job, progress)


async def _posted(ctx: Context, bound: Binding, order: Order) -> tuple[int, Mapping[str, str]]:
    """The document, 0 where there is none, and its codes by the channel's line. One that a person named is found by its number:
    what proves it was appended after us, and waits for us.
    """
    mappings = await ctx.mappings()
    if bound.document_id:
        return bound.document_id, line_codes(order, mappings, bound.codes)
    document = await read_document(ctx, bound)
    return (document.id, codes_of(order, document, mappings)) if document else (0, {})


def _unplaced(ref: str, bound: Binding | None) -> Violation:
    number = bound.document_no if bound else ""
    fix = "the ERP shows no sales order of it that we placed: despatch it there by hand, then accept it as despatched"
    return Violation("E-DESPATCH-UNPLACED", "order", number or ref, fix)


async def _look(ctx: Context, job: _Job, progress: Progress) -> Outcome | None:
    """What is in the ERP already; None: nothing of it is there and nothing is in doubt. A company that keeps no tracking
    drops our mark: then the lines themselves tell, compared with what they said before the send.
    """
    message, gone = job.message, progress.despatched
    if note := progress.marked(job.mark):
        return _done(ctx, job, f"found as note {note.number}")
    before = (await last_sent(ctx.pool, [message.id])).get(message.id)
    if before is not None and await was_looked_at(ctx.pool, message, UNSURE):
        return await _by_hand(ctx, job, progress)
    if before is not None and imprint(gone, job.goods) == before:
        return _done(ctx, job, f"{progress.number} has it, without our mark")
    if not message.in_doubt:
        return await _by_hand(ctx, job, progress)
    if before is None or imprint(gone) == before:
        ctx.metrics.probe_results_total.labels(ProbeResult.ABSENT.value).inc()
        return Outcome(message, absent(ctx, message))
    ctx.metrics.probe_results_total.labels(ProbeResult.DIFFERS.value).inc()
    fix = f"look at {progress.number} in the ERP: if these goods were not despatched there, retry; if so, accept it"
    wrong = Violation(UNSURE, "despatch", ", ".join(_spell(job.goods)), fix)
    return Outcome(message, Park((wrong,), there=False))


async def _by_hand(ctx: Context, job: _Job, progress: Progress) -> Outcome | None:
    """A person who lets it go again may have despatched it by hand: the ERP must show so much."""
    message = job.message
    if not await was_released(ctx.pool, message):
        return None
    before = await shipped.confirmed(ctx.pool, message.source, message.order_ref or "")
    if not covers(progress, add(*before, job.goods)):
        return None
    return _done(ctx, job, f"{progress.number} was despatched by hand")


def _done(ctx: Context, job: _Job, note: str) -> Outcome:
    message = job.message
    if message.in_doubt:
        ctx.metrics.probe_results_total.labels(ProbeResult.FOUND.value).inc()
    fact = ShippedConfirmed(message.source, message.order_ref or "", job.what.shipment)
    return Outcome(message, Done(Result.APPLIED, note), facts=(fact,))


async def _send(ctx: Context, lease: Lease, job: _Job, progress: Progress) -> Outcome:
    planned = await _plan(ctx, job, progress)
    if not isinstance(planned, Despatch):
        return Outcome(job.message, Park(planned))
    if ctx.erp.confirm_despatch is None:
        raise ValueError(job.mark)
    intent = Intent(job.message, CONFIRM, job.mark, imprint(progress.despatched))
    if job.message.id not in await intend(ctx.pool, [intent]):
        raise FencedError("the message is no longer ours")
    call = ctx.erp.confirm_despatch(planned, lambda: lease.check(ctx.now(), ctx.erp.deadline))
    try:
        await timed(ctx, ctx.erp.name, "confirm_despatch", call)
    except (DestinationError, PermanentError, SnoozeError, TransientError):
        # Surely nothing left: what the lines say later is somebody else's doing.
        await forget(ctx.pool, job.message)
        raise
    return _done(ctx, job, f"{progress.number}: {', '.join(_spell(job.goods))}")


async def _plan(ctx: Context, job: _Job, progress: Progress) -> Despatch | tuple[Violation, ...]:
    """Everything that is wrong, at once."""
    channel, what = ctx.channel_of(job.message.source), job.what
    courier = await _courier(ctx, channel, job)
    items = allot(progress, job.goods)
    wrong = [one for one in items if isinstance(one, Violation)]
    if isinstance(courier, Violation):
        wrong.append(courier)
    if wrong or isinstance(courier, Violation):
        return tuple(wrong)
    kept = tuple(one for one in items if isinstance(one, Item))
    return Despatch(job.document_id, kept, job.mark, courier, what.tracking, what.day)


async def _courier(ctx: Context, channel: Channel, job: _Job) -> str | Violation:
    """Where the channel names none, none is named."""
    what, order = job.what, job.order
    if not what.carrier:
        return ""
    mappings = await ctx.mappings()
    found = mappings.find_courier(order.connection, order.store, what.carrier, what.service)
    if found is not None:
        return found
    fix = f"say which courier of the ERP {channel.connection} means by it, with service {what.service or '(none)'}"
    return Violation("E-CARRIER-UNMAPPED", "carrier", what.carrier, fix, Owner.OPERATIONS, need="carriers")


def _spell(goods: Goods) -> list[str]:
    return [f"{units.normalize():f} x {code}" for code, units in goods.items()]
