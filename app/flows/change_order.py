"""Edits and cancellations that come after an order was sent are written to the ERP, under its lock and merged with what
people did there; what must not be written is a person's, and nothing is forgotten (R-28, R-33, R-34).
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from app.domain.amend import Amendment, Contents, Decide, Revision, Wish
from app.domain.erp import EntryKind, SalesOrder
from app.domain.lanes import sku_key
from app.domain.merge import Edit, cancel, merge
from app.domain.message import Claimed, Done, Draft, Outcome, Owner, Park, Result, Violation
from app.domain.order import Order, Standing
from app.flows.absent import absent
from app.flows.answer_cancellation import cancelled_lines, draft
from app.flows.by_hand import look
from app.flows.context import Context
from app.flows.flow import Batch
from app.flows.our_lock import DocumentLock
from app.flows.plan_order import plan_order
from app.flows.totals import checked
from app.flows.upstream import timed
from app.ledger import binding
from app.ledger.binding import Applied, Binding, Ended, Revised
from app.ledger.order import read_order
from app.ledger.snapshot import Snapshot
from app.outbox.intend import last_sent

MEND = "it was changed in the ERP: make it what the channel says, then retry; or accept it as it stands"


@dataclass(frozen=True, slots=True)
class Plan:
    """What the channel wants, None for a cancellation, and how it meets the document. `unsure`: something else was sent before,
    and nothing says what came of it.
    """

    theirs: SalesOrder | None
    decide: Decide
    unsure: bool = False


async def change(ctx: Context, batch: Batch) -> AsyncGenerator[Sequence[Outcome], None]:
    for message in batch.messages:
        yield [await _follow(ctx, batch, message)]


async def _follow(ctx: Context, batch: Batch, message: Claimed) -> Outcome:
    """The order lane put us behind the place effect: the order is bound now, or never will be."""
    ref = message.order_ref or ""
    bound, newest = await read_order(ctx.pool, message.source, ref)
    if bound is None or newest is None:
        done = Done(Result.NO_EFFECT, "the order never reached the ERP")
        return Outcome(message, done, _answer(ctx, message, newest.order) if newest else ())
    cancelled = newest.order.standing is Standing.CANCELLED
    sent = (await last_sent(ctx.pool, [message.id])).get(message.id)
    unsure = sent not in {None, newest.content}
    if not cancelled and newest.content == bound.content and not unsure:
        done = Done(Result.NO_EFFECT, "the ERP has this content")
        return Outcome(message, done, _answer(ctx, message, newest.order))
    if not bound.document_id or ctx.erp.change is None:
        outcome = await look(ctx, message, bound, newest)
        told = _answer(ctx, message, newest.order) if isinstance(outcome.verdict, Done) else ()
        return Outcome(message, outcome.verdict, told, outcome.facts)
    plan = Plan(None, cancel) if cancelled else await _plan(ctx, message.source, newest.order, unsure=unsure)
    if not isinstance(plan, Plan):
        return Outcome(message, Park(plan))
    lock = DocumentLock(ctx, batch.lease, message, bound, b"" if cancelled else newest.content)
    if (written := await _write(lock, plan, newest)) is not None:
        return written
    done = Done(Result.APPLIED, f"{bound.document_no} is gone from the ERP")
    return Outcome(message, done, _answer(ctx, message, newest.order), (Ended(message.source, ref),))


async def _plan(ctx: Context, source: str, order: Order, *, unsure: bool) -> Plan | tuple[Violation, ...]:
    """The money is validated again, as when it was placed."""
    theirs = await plan_order(ctx, source, order)
    if not isinstance(theirs, SalesOrder):
        return theirs
    applied = await binding.applied(ctx.pool, source, order.ref)
    base = await plan_order(ctx, source, applied.order) if applied.order else None
    known = base if isinstance(base, SalesOrder) else None
    edit = Edit(known, theirs, _fallen(applied.order, order))
    return Plan(theirs, partial(_meet_whole if unsure else _meet, edit, applied), unsure)


def _fallen(before: Order | None, now: Order) -> frozenset[str]:
    """Lines of which more is cancelled than when the ERP was last told."""
    known = {line.ref: line.cancelled for line in before.lines} if before else {}
    fallen = {line.ref for line in now.lines if line.cancelled > known.get(line.ref, 0)}
    return frozenset(fallen)


def _meet(edit: Edit, applied: Applied, held: Contents) -> Wish:
    """Where it is not known what we last told the ERP, its totals and its articles say whether people changed the document
    since.
    """
    document, wish = held.document, merge(edit, held)
    if edit.base is not None or not isinstance(wish, Amendment):
        return wish
    if strange := _articles(held) - applied.articles:
        value = f"{', '.join(sorted(strange))} in the ERP, nothing of it in the channel"
        return (Violation("E-EDIT-CONFLICT", "lines", value, MEND, Owner.OPERATIONS),)
    if (document.net, document.tax, document.gross) != applied.totals:
        return (_otherwise(edit, held),)
    return wish


def _articles(held: Contents) -> frozenset[str]:
    lines = (line.entry for line in held.lines)
    return frozenset(sku_key(entry.code) for entry in lines if entry.kind is EntryKind.STANDARD)


def _meet_whole(edit: Edit, applied: Applied, held: Contents) -> Wish:
    """What an earlier try wrote, and the channel took back since, looks like a person's edit: the document must be what the
    channel shows, or somebody looks at it.
    """
    if (wish := _meet(edit, applied, held)) is not None:
        return wish
    left = merge(replace(edit, base=None), held)
    return (_otherwise(edit, held),) if isinstance(left, Amendment) else left


def _otherwise(edit: Edit, held: Contents) -> Violation:
    value = f"{held.document.gross} in the ERP, {edit.theirs.gross} in the channel"
    return Violation("E-EDIT-CONFLICT", "total_gross_value", value, MEND, Owner.OPERATIONS)


async def _write(lock: DocumentLock, plan: Plan, newest: Snapshot) -> Outcome | None:
    """None: the document is gone, and so it should be. Looked at without a lock first: most of what may not be written is
    seen at once, and what is there already needs none.
    """
    ctx, message, erp = lock.ctx, lock.message, lock.ctx.erp
    if erp.contents is None or erp.change is None:
        raise ValueError(erp.name)
    held = await timed(ctx, erp.name, "contents", erp.contents(lock.document_id))
    if held is None:
        return None if plan.theirs is None else Outcome(message, Park((_gone(lock.bound),)))
    wish = plan.decide(held)
    if isinstance(wish, tuple):
        return Outcome(message, Park(wish))
    if message.in_doubt and (plan.unsure or isinstance(wish, Amendment)):
        return Outcome(message, absent(ctx, message))
    if isinstance(wish, Amendment):
        revision = Revision(lock.document_id, plan.decide, plan.theirs)
        answer = await timed(ctx, erp.name, "change", erp.change(revision, lock))
        if isinstance(answer, tuple):
            return Outcome(message, Park(answer))
        held = answer
    return _written(lock, plan, (newest, held))


def _written(lock: DocumentLock, plan: Plan, what: tuple[Snapshot, Contents]) -> Outcome:
    ctx, message, (newest, held) = lock.ctx, lock.message, what
    number, answers = held.document.number, _answer(ctx, message, newest.order)
    if plan.theirs is None:
        done = Done(Result.APPLIED, f"{number} is cancelled in the ERP")
        return Outcome(message, done, answers, (Ended(message.source, newest.order.ref),))
    codes = {entry.ref: entry.code for entry in plan.theirs.entries if entry.ref}
    revised = Revised(message.source, newest.order.ref, held.document, newest.content, newest.order, codes)
    flags = checked(message, plan.theirs, held.document)
    return Outcome(message, Done(Result.APPLIED, f"{number} was changed"), answers, (revised, *flags))


def _answer(ctx: Context, message: Claimed, order: Order) -> tuple[Draft, ...]:
    """What the channel waits for, where it asked to cancel: all of it, or lines."""
    channel = ctx.channel_of(message.source)
    asked = order.standing is Standing.CANCELLED or bool(cancelled_lines(order))
    return (draft(channel, message, order),) if asked and channel.answer_cancellation else ()


def _gone(bound: Binding) -> Violation:
    fix = "somebody deleted it in the ERP: enter it anew by hand, then accept; or cancel it in the channel"
    return Violation("E-EDIT-AFTER-POST", "order", bound.document_no, fix, Owner.OPERATIONS)
