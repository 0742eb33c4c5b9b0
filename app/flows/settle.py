"""What handlers said becomes true: state, follow-ups, ledger and cases in one transaction."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

import structlog

from app.db.session import PASSING, TROUBLE
from app.domain.message import Done, InDoubt, Outcome, Park, Retry, Sick, Snooze
from app.flows.context import Context
from app.flows.flow import Lease
from app.flows.locked import paced, tell_of_locks
from app.ledger.record import Fact, record
from app.outbox.breaker import Failure, failed, succeeded
from app.outbox.cases import Case, Cleared, clear, open_cases
from app.outbox.conclude import said
from app.outbox.enter import enter_due
from app.outbox.settle import Change, Settled, settle
from app.outbox.tickets import MovedError
from app.outbox.verdict import Rules, exhausted
from app.telemetry.words import Flow, LaneClass, MessageOutcome

RETRY_SECONDS = 0.2

log = structlog.get_logger()


def rules(ctx: Context) -> Rules:
    return Rules(ctx.now(), ctx.rng, ctx.pace.patience, ctx.pace.backoff, ctx.pace.backoff_most)


def _unheard() -> None:
    pass


async def settle_all(
    ctx: Context, outcomes: Sequence[Outcome], lease: Lease, ring: Callable[[], None] = _unheard
) -> None:
    """Together, or one by one where that fails: a bad message never takes the others with it. `ring` is called as soon as
    others may have become ready.

    While Postgres is away the answers are kept until the lease ends: an answer that is lost becomes a question.
    """
    outcomes = [_tired(ctx, paced(ctx, outcome)) for outcome in outcomes]
    while True:
        try:
            settled = await _together(ctx, outcomes)
        except PASSING as error:
            log.warning("settle.waits", error=type(error).__name__, messages=len(outcomes))
            if ctx.now() > lease.until:
                return
            await asyncio.sleep(RETRY_SECONDS)
        except Exception as error:  # noqa: BLE001 - one outcome that cannot be written must not take the others with it
            await _one_by_one(ctx, outcomes, lease, error)
            ring()
            return
        else:
            ring()
            if await _afterwards(ctx, outcomes, settled):
                ring()
            return


async def _one_by_one(ctx: Context, outcomes: Sequence[Outcome], lease: Lease, error: Exception) -> None:
    if len(outcomes) > 1:
        for outcome in outcomes:
            await settle_all(ctx, [outcome], lease)
        return
    outcome = outcomes[0]
    if isinstance(error, MovedError) and any(isinstance(fact, Change) for fact in outcome.facts):
        again = Outcome(outcome.message, Snooze("what it wanted to amend moved", 0.0))
        await settle_all(ctx, [again], lease)
        return
    if not isinstance(error, MovedError) and not isinstance(outcome.verdict, Retry):
        again = Outcome(outcome.message, Retry(f"cannot be settled: {type(error).__name__}", blind=True))
        await settle_all(ctx, [again], lease)
    log.error("settle.failed", message=outcome.message.id, kind=outcome.message.kind, exc_info=error)


async def _together(ctx: Context, outcomes: Sequence[Outcome]) -> Settled:
    facts = [fact for outcome in outcomes for fact in outcome.facts]
    changes = [fact for fact in facts if isinstance(fact, Change)]
    cases = [fact for fact in facts if isinstance(fact, Case)]
    async with ctx.pool.acquire() as conn, conn.transaction():
        settled = await settle(conn, outcomes, changes, rules(ctx))
        await record(conn, [fact for fact in facts if isinstance(fact, Fact)])
        if cases:
            await open_cases(conn, cases)
        await tell_of_locks(ctx, conn, outcomes)
        for fact in facts:
            if isinstance(fact, Cleared):
                await clear(conn, fact)
    return settled


async def _afterwards(ctx: Context, outcomes: Sequence[Outcome], settled: Settled) -> int:
    """What follows a commit may fail without anything being lost: the next look does it. Answers how many entered."""
    entered = 0
    with suppress(MovedError, *TROUBLE):
        if settled.enterable:
            entered = await enter_due(ctx.pool, ctx.now())
        await _feel(ctx, outcomes)
    _tell(ctx, outcomes, settled)
    return entered


def _tired(ctx: Context, outcome: Outcome) -> Outcome:
    if not isinstance(outcome.verdict, Retry):
        return outcome
    most = (ctx.pace.attempts_most, ctx.pace.hours_most)
    violation = exhausted(outcome.message.attempts, outcome.message.received_at, rules(ctx), most)
    return Outcome(outcome.message, Park((violation,))) if violation else outcome


async def _feel(ctx: Context, outcomes: Sequence[Outcome]) -> None:
    """How the destination fares: whole failures rest it, single ones count towards its breaker."""
    name = outcomes[0].message.destination
    sick = [o.verdict for o in outcomes if isinstance(o.verdict, Sick)]
    silent = [o.verdict for o in outcomes if isinstance(o.verdict, InDoubt) and not o.message.in_doubt]
    weak = silent + [o.verdict for o in outcomes if isinstance(o.verdict, Retry) and o.verdict.ill]
    if sick or weak:
        resume = next((verdict.resume_at for verdict in sick if verdict.resume_at), None)
        pace = ctx.pace
        rest = pace.backoff * (0.5 + ctx.rng.random() / 2)
        error = (sick or weak)[0].error
        failure = Failure(error, ctx.now(), resume, rest, pace.breaker_rest, pace.breaker_failures)
        await failed(ctx.pool, name, failure, rests=bool(sick))
    elif any(isinstance(outcome.verdict, Done | Park | InDoubt) for outcome in outcomes):
        await succeeded(ctx.pool, name, ctx.slots_at(name), ctx.now())


_SPOKEN = {
    Retry: MessageOutcome.RETRIED,
    Snooze: MessageOutcome.SNOOZED,
    Park: MessageOutcome.PARKED,
    InDoubt: MessageOutcome.IN_DOUBT,
    Sick: MessageOutcome.SICK,
}


def _tell(ctx: Context, outcomes: Sequence[Outcome], settled: Settled) -> None:
    for outcome in outcomes:
        message, verdict = outcome.message, outcome.verdict
        word = verdict.result.value if isinstance(verdict, Done) else _SPOKEN[type(verdict)].value
        ctx.metrics.messages_total.labels(message.kind, word).inc()
        seconds = max(0.0, (ctx.now() - message.received_at).total_seconds())
        if message.kind.endswith(".sales_order.place") and word == MessageOutcome.APPLIED:
            ctx.metrics.end_to_end_seconds.labels(Flow.PLACE_ORDER.value).observe(seconds)
        log.info(
            "message.settled",
            message=message.id,
            kind=message.kind,
            destination=message.destination,
            source=message.source,
            order_ref=message.order_ref,
            outcome=word,
            note=said(outcome),
            attempts=message.attempts,
            in_doubt=message.in_doubt,
            seconds=round(seconds, 3),
        )
    ctx.metrics.lane_steps_aside_total.inc(sum(settled.aside.values()))
    for name, waits in ((LaneClass.ORDER, settled.waits.order), (LaneClass.SKU, settled.waits.sku)):
        for seconds in waits:
            ctx.metrics.lane_wait_seconds.labels(name.value).observe(max(0.0, seconds))
