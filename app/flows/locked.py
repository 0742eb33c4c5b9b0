"""A record that a person has open in the ERP (R-55, R-56): what waits for it asks again soon, then seldom, for as long as
it takes; one flag tells of it and ends with the lock.
"""

from collections.abc import Sequence
from dataclasses import replace

import asyncpg

from app.domain.message import Claimed, Done, InDoubt, Outcome, Owner, Park, Snooze, Violation
from app.flows.context import Context
from app.ledger import binding
from app.outbox.cases import LOCKED, Case, flag_lock, unflag_locks


def paced(ctx: Context, outcome: Outcome) -> Outcome:
    """With the wait that a lock is due: as long as it has lasted, so that it doubles."""
    verdict, pace = outcome.verdict, ctx.pace
    if not isinstance(verdict, Snooze) or not verdict.locked:
        return outcome
    lasted = _lasted(ctx, outcome.message)
    slow = lasted >= pace.lock_patience
    full = pace.lock_slow if slow else min(pace.lock_most, pace.lock_first + lasted)
    seconds = full * (0.75 + ctx.rng.random() / 4)
    return replace(outcome, verdict=replace(verdict, seconds=seconds))


async def tell_of_locks(ctx: Context, conn: asyncpg.Connection, outcomes: Sequence[Outcome]) -> None:
    """In the transaction that settles them."""
    met = [one for one in outcomes if one.message.locked_since is not None]
    over = [one.message.id for one in met if isinstance(one.verdict, Done | Park | InDoubt)]
    if over:
        await unflag_locks(conn, over)
    for one in met:
        verdict, message = one.verdict, one.message
        if isinstance(verdict, Snooze) and verdict.locked and _lasted(ctx, message) >= ctx.pace.lock_patience:
            told = await _told(conn, message, verdict)
            await flag_lock(conn, Case(message.id, message.source, message.order_ref, (told,), flag=True))


def _lasted(ctx: Context, message: Claimed) -> float:
    since = message.locked_since
    return 0.0 if since is None else max(0.0, (ctx.now() - since).total_seconds())


async def _told(conn: asyncpg.Connection, message: Claimed, verdict: Snooze) -> Violation:
    """Which document, since when, and by whom where the ERP told."""
    ref = message.order_ref or ""
    bound = (await binding.read(conn, message.source, [ref])).get(ref)
    number = bound.document_no if bound else f"of order {ref}, not there yet"
    since = f"{message.locked_since:%Y-%m-%d %H:%M} UTC"
    fix = "ask whoever has it open to close it: what waits goes by itself"
    value = f"sales order {number}, since {since}: {verdict.reason}"
    return Violation(LOCKED, "lock", value, fix, Owner.OPERATIONS)
