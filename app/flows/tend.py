"""What keeps the outbox healthy without anyone asking. Every worker does it; every step is safe beside itself."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

import structlog

from app.db.session import TROUBLE
from app.flows import align, carriers, late, poll, reconsider
from app.flows.context import Context
from app.flows.our_lock import release_left
from app.flows.overtaken import end_overtaken
from app.flows.plan_order import HELD_SECONDS
from app.flows.signal import Signal
from app.outbox.enter import enter_due
from app.outbox.partitions import extend
from app.outbox.repair import repair
from app.outbox.rescue import rescue
from app.outbox.straighten import Longest, straighten, wake
from app.outbox.tickets import MovedError
from app.outbox.withdraw import impatient, step_aside

REPAIR_SECONDS = 5.0
SEED_SECONDS = 30.0
OVERTAKEN_SECONDS = 30.0
PARTITION_SECONDS = 3600.0
STRAIGHTEN_SECONDS = 3600.0
ALIGN_SECONDS = 60.0
TOLD_SECONDS = 3600.0  # no limit of ours or theirs lasts longer than its hour
STEP = timedelta(seconds=1)

log = structlog.get_logger()


@dataclass(slots=True)
class _Chore:
    """`do` answers how many messages it moved."""

    name: str
    seconds: float
    do: Callable[[Context], Awaitable[int]]
    due: datetime | None = None


async def tend(ctx: Context, signal: Signal) -> None:
    """A clock that goes back must not put the chores off, nor what others do."""
    chores = [
        _Chore("straighten", STRAIGHTEN_SECONDS, _straighten),
        _Chore("enter", ctx.pace.look, _enter),
        _Chore("rescue", max(ctx.pace.look, ctx.pace.lease / 60), _rescue),
        _Chore("aside", ctx.pace.look, _impatient),
        _Chore("repair", REPAIR_SECONDS, _repair),
        _Chore("seed", SEED_SECONDS, _seed),
        _Chore("partitions", PARTITION_SECONDS, _extend),
        _Chore("heartbeat", 5.0, _beat),
        _Chore("budgets", 5.0, _budgets),
        _Chore("overtaken", OVERTAKEN_SECONDS, _overtaken),
        _Chore("locks", ctx.erp.lock_seconds, _locks),
        _Chore("align", ALIGN_SECONDS, partial(align.seed, started=ctx.now())),
    ]
    last = ctx.now()
    while not signal.stopping:
        moved = 0
        if ctx.now() < last - STEP:
            log.warning("clock.went_back", seconds=round((last - ctx.now()).total_seconds(), 3))
            await _do(ctx, _Chore("wake", 0.0, _wake))
            chores = [replace(chore, due=None) for chore in chores]
        last = ctx.now()
        for chore in chores:
            if chore.due is None or chore.due <= ctx.now():
                moved += await _do(ctx, chore)
                chore.due = ctx.now() + timedelta(seconds=chore.seconds)
        if moved:
            signal.ring()
        await signal.pause(ctx.pace.look)


async def _do(ctx: Context, chore: _Chore) -> int:
    try:
        return await chore.do(ctx)
    except (MovedError, *TROUBLE) as error:
        log.warning("chore.failed", operation=chore.name, error=type(error).__name__)
        return 0


async def _straighten(ctx: Context) -> int:
    pace = ctx.pace
    locks = max(pace.lock_most, pace.lock_slow)
    rest = max(pace.poll, pace.sweep, pace.backoff_most, pace.quarantine, locks, HELD_SECONDS)
    lease = ctx.lease_at(ctx.erp.destination)
    longest = Longest(*(timedelta(seconds=seconds) for seconds in (lease, pace.patience, rest, TOLD_SECONDS)))
    return await straighten(ctx.pool, ctx.now(), longest)


async def _wake(ctx: Context) -> int:
    """A destination that was told to rest says so again; one request is what it costs to ask."""
    return await wake(ctx.pool, ctx.now() + timedelta(seconds=ctx.pace.breaker_rest))


async def _enter(ctx: Context) -> int:
    return await enter_due(ctx.pool, ctx.now())


async def _rescue(ctx: Context) -> int:
    count = await rescue(ctx.pool, ctx.now(), settle_delay=timedelta(seconds=ctx.pace.probe))
    if count:
        log.warning("messages.rescued", rescued=count)
    return count


async def _impatient(ctx: Context) -> int:
    ids = await impatient(ctx.pool, ctx.now() - timedelta(seconds=ctx.pace.patience))
    count = await step_aside(ctx.pool, ids, "in_doubt") if ids else 0
    ctx.metrics.lane_steps_aside_total.inc(count)
    return count


async def _repair(ctx: Context) -> int:
    count = await repair(ctx.pool)
    if count:
        log.error("lanes.repaired", repaired=count)
        ctx.metrics.lane_repairs_total.inc(count)
    return count


async def _seed(ctx: Context) -> int:
    others = [reconsider.draft(ctx.erp)]
    others += [carriers.draft(channel) for channel in ctx.channels.values() if channel.carriers]
    others += [late.draft(channel) for channel in ctx.channels.values() if channel.patience]
    return await poll.seed(ctx.pool, (*ctx.channels.values(), ctx.erp), others)


async def _extend(ctx: Context) -> int:
    await extend(ctx.pool)
    return 0


async def _overtaken(ctx: Context) -> int:
    return await end_overtaken(ctx.pool)


async def _locks(ctx: Context) -> int:
    """Twice as long as a lock of ours is ever held: whoever took it is gone."""
    count = await release_left(ctx, timedelta(seconds=2 * ctx.erp.lock_seconds))
    if count:
        log.warning("locks.released", released=count)
    return 0


async def _beat(ctx: Context) -> int:
    await ctx.pool.execute(
        """
        INSERT INTO heartbeat (process, role, state) VALUES ($1, 'worker', 'live')
        ON CONFLICT (process) DO UPDATE SET at = now(), state = excluded.state
        """,
        ctx.worker,
    )
    return 0


async def _budgets(ctx: Context) -> int:
    """Share of each system's requests left, of its poorest connection."""
    rows = await ctx.pool.fetch("SELECT name, tokens, refilled_at FROM destination")
    left: dict[str, float] = {}
    for row in rows:
        channel = ctx.channels.get(row["name"])
        if channel is not None and channel.budget is not None:
            elapsed = max(0.0, (ctx.now() - row["refilled_at"]).total_seconds())
            tokens = min(channel.budget.burst, row["tokens"] + elapsed * channel.budget.rate)
            left[channel.name] = min(left.get(channel.name, 1.0), tokens / channel.budget.burst)
    for system, ratio in left.items():
        ctx.metrics.upstream_budget_remaining_ratio.labels(system).set(ratio)
    return 0
