"""A channel order becomes one sales order in the ERP: plan, look for our key, intend, send, bind.

No answer is never a failure: it is a question, and only the probe answers it.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence

import structlog

from app.domain.erp import Document
from app.domain.errors import SluiceError
from app.domain.message import Done, Draft, InDoubt, Outcome, Owner, Park, Result, Violation
from app.domain.order import Order
from app.flows import acknowledge, answer_cancellation
from app.flows.absent import absent
from app.flows.adopt import Adopt, judge
from app.flows.answer_cancellation import cancelled_lines
from app.flows.context import Context
from app.flows.flow import Batch, Lease
from app.flows.plan_order import Job, prepare
from app.flows.totals import checked
from app.flows.upstream import timed
from app.flows.verdicts import verdict_of
from app.ledger import binding
from app.ledger.binding import Binding, Bound
from app.ledger.snapshot import content_of
from app.outbox.cases import Case
from app.outbox.intend import Intent, intend, last_sent
from app.telemetry.words import ProbeResult

log = structlog.get_logger()


async def place(ctx: Context, batch: Batch) -> AsyncGenerator[Sequence[Outcome], None]:
    """Checks all keys in one request, then sends each order by itself and yields each answer as it comes."""
    jobs = await prepare(ctx, batch.messages)
    refused = [Outcome(job.message, job.instead) for job in jobs if job.instead is not None]
    if refused:
        yield refused
    asked = [job for job in jobs if job.instead is None]
    if not asked:
        return
    found, sent = await asyncio.gather(
        timed(ctx, ctx.erp.name, "probe", ctx.erp.probe([job.key for job in asked])),
        last_sent(ctx.pool, [job.message.id for job in asked]),
    )
    ids = [document.id for documents in found.values() for document in documents]
    owned = await binding.of_documents(ctx.pool, ctx.erp.destination, ids) if ids else {}
    answered, unsent = [], []
    for job in asked:
        there = found.get(job.key, ())
        collides = _collision(job, there, owned)
        verdict = collides or judge(there, job.planned, job.content, sent.get(job.message.id))
        outcome = _answer(ctx, job, verdict)
        if outcome is None:
            unsent.append(job)
        else:
            answered.append(outcome)
    if answered:
        yield answered
    async for outcome in _send_all(ctx, batch.lease, unsent):
        yield [outcome]


def _collision(
    job: Job, found: Sequence[Document], owned: Mapping[int, tuple[str, str, Binding]]
) -> Violation | None:
    """Two orders have one key, so that nothing found under it tells which of them it is (R-27)."""
    for connection, ref, _ in (owned[one.id] for one in found if one.id in owned):
        if (connection, ref) != (job.message.source, job.message.order_ref):
            fix = f"order {ref} of {connection} has this key: post this one by hand, and accept it with its number"
            return Violation("E-KEY-COLLISION", "customer_document_no", job.key, fix, Owner.SRE)
    return None


def _answer(ctx: Context, job: Job, verdict: Adopt | Violation | None) -> Outcome | None:
    """What the look for our key settles; None: nothing is there and nothing is in doubt, so it may be sent."""
    if isinstance(verdict, Violation):
        _count(ctx, job, ProbeResult.SEVERAL if verdict.code == "E-DUP-EXISTING" else ProbeResult.DIFFERS)
        return Outcome(job.message, Park((verdict,), there=verdict.code != "E-SAGE-CANCELLED"))
    if isinstance(verdict, Adopt):
        _count(ctx, job, ProbeResult.FOUND)
        done = Done(Result.APPLIED, f"found as {verdict.document.number}")
        bound = _bound(ctx, job, verdict.document, verdict.content)
        checked = _checked(job, verdict.document) if verdict.content == job.content else ()
        return Outcome(job.message, done, _told(ctx, job), (bound, *checked))
    if job.message.in_doubt:
        _count(ctx, job, ProbeResult.ABSENT)
        return Outcome(job.message, absent(ctx, job.message))
    return None


def _count(ctx: Context, job: Job, result: ProbeResult) -> None:
    if job.message.in_doubt:
        ctx.metrics.probe_results_total.labels(result.value).inc()


def _bound(ctx: Context, job: Job, document: Document, content: bytes, *, adopted: bool = True) -> Bound:
    ref = job.message.order_ref or ""
    codes = {entry.ref: entry.code for entry in job.planned.entries if entry.ref} if job.planned else {}
    order = job.order if content == job.content else _sent(job, content)
    return Bound(
        job.message.source, ref, ctx.erp.destination, job.key, document, content, adopted, codes, order
    )


def _sent(job: Job, content: bytes) -> Order | None:
    """The order as it was when this was sent, None where nobody kept it."""
    return job.sent if job.sent is not None and content_of(job.sent) == content else None


async def _send_all(ctx: Context, lease: Lease, jobs: Sequence[Job]) -> AsyncGenerator[Outcome, None]:
    intents = [Intent(job.message, "sales_order.place", job.key, job.content) for job in jobs]
    ours = await intend(ctx.pool, intents) if intents else set()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_send(ctx, lease, job)) for job in jobs if job.message.id in ours]
        for answer in asyncio.as_completed(tasks):
            yield await answer


async def _send(ctx: Context, lease: Lease, job: Job) -> Outcome:
    planned = job.planned
    if planned is None:
        raise ValueError(job.key)
    call = ctx.erp.place(planned, lambda: lease.check(ctx.now(), ctx.erp.deadline))
    try:
        document = await timed(ctx, ctx.erp.name, "place", call)
    except SluiceError as error:
        return Outcome(job.message, verdict_of(error, ctx.pace))
    except Exception as error:
        log.exception("place.failed", message=job.message.id, order_ref=job.message.order_ref)
        return Outcome(job.message, InDoubt(f"defect: {type(error).__name__}", ctx.pace.probe))
    bound = _bound(ctx, job, document, job.content, adopted=False)
    done = Done(Result.APPLIED, document.number)
    return Outcome(job.message, done, _told(ctx, job), (bound, *_checked(job, document)))


def _told(ctx: Context, job: Job) -> tuple[Draft, ...]:
    """The channel hears of it, where it wants to; and that lines are not in it that were cancelled before."""
    channel, message = ctx.channel_of(job.message.source), job.message
    told = (acknowledge.draft(channel, message),) if channel.acknowledge else ()
    if job.order is None or not channel.answer_cancellation or not cancelled_lines(job.order):
        return told
    return (*told, answer_cancellation.draft(channel, message, job.order))


def _checked(job: Job, document: Document) -> tuple[Case, ...]:
    return checked(job.message, job.planned, document) if job.planned else ()
