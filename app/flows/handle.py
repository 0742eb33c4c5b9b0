"""One batch through its handler: what it says is settled; what it leaves unsaid gets a verdict."""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass

import structlog

from app.db.session import PASSING
from app.domain.errors import SluiceError
from app.domain.message import Outcome, Park, Retry, Sick, Verdict
from app.flows.context import Context
from app.flows.flow import Batch, Flow
from app.flows.settle import settle_all
from app.flows.signal import Signal
from app.flows.verdicts import verdict_of

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Failed:
    """What a handler left without an answer, and what its failure means."""

    batch: Batch
    verdict: Verdict


async def handle(ctx: Context, signal: Signal, flow: Flow, batch: Batch) -> None:
    if failed := await _attempt(ctx, signal, flow, batch):
        await _isolate(ctx, signal, flow, failed)


async def _attempt(ctx: Context, signal: Signal, flow: Flow, batch: Batch) -> _Failed | None:
    left = {message.id: message for message in batch.messages}
    try:
        async with aclosing(flow.handle(ctx, batch)) as groups:
            async for outcomes in groups:
                await settle_all(ctx, outcomes, batch.lease, signal.ring)
                left = {number: one for number, one in left.items() if number not in _ids(outcomes)}
    except SluiceError as error:
        verdict: Verdict = verdict_of(error, ctx.pace)
    except PASSING as error:
        # Where order counts, backoff would let younger ones overtake what Postgres let down.
        name = type(error).__name__
        log.warning("flow.cut_off", kind=batch.messages[0].kind, messages=list(left), error=name)
        verdict = Sick(f"cut off: {name}") if flow.serial else Retry(f"cut off: {name}", blind=True)
    except Exception as error:
        log.exception("flow.failed", kind=batch.messages[0].kind, messages=list(left))
        verdict = Retry(f"defect: {type(error).__name__}", blind=True)
    else:
        return None
    return _Failed(Batch(tuple(left.values()), batch.lease), verdict) if left else None


def _ids(outcomes: Sequence[Outcome]) -> set[int]:
    return {outcome.message.id for outcome in outcomes}


async def _isolate(ctx: Context, signal: Signal, flow: Flow, failed: _Failed) -> None:
    """One request for many failed. In passing, that is the destination's doing: each keeps its place, since backoff
    would shuffle them. Refused, or failing again and again, it may be one of them: halves tell which. Where a handler
    sends, only what it said itself is tried again: that it raises before the first send; a defect may come after it.
    """
    messages, verdict = failed.batch.messages, failed.verdict
    young = messages[0].attempts <= ctx.pace.breaker_failures
    if len(messages) > 1 and young and isinstance(verdict, Retry) and not verdict.blind:
        verdict = Sick(verdict.error, counts=True)
    told = isinstance(verdict, Park) or (isinstance(verdict, Retry) and (flow.serial or not verdict.blind))
    if len(messages) == 1 or not told:
        await _answer(ctx, signal, [failed.batch], verdict)
        return
    middle = len(messages) // 2
    halves = [Batch(half, failed.batch.lease) for half in (messages[:middle], messages[middle:])]
    found = [one for half in halves if (one := await _attempt(ctx, signal, flow, half))]
    if len(found) == len(halves) and all(isinstance(one.verdict, Retry) for one in found):
        await _answer(ctx, signal, [one.batch for one in found], Sick("either half of it fails", counts=True))
        return
    for one in found:
        await _isolate(ctx, signal, flow, one)


async def _answer(ctx: Context, signal: Signal, batches: Sequence[Batch], verdict: Verdict) -> None:
    outcomes = [Outcome(message, verdict) for batch in batches for message in batch.messages]
    await settle_all(ctx, outcomes, batches[0].lease, signal.ring)
