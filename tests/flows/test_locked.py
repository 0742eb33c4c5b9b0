"""A record that a user holds: what waits for it is read anew and keeps its order (RC-26, RC-28)."""

from dataclasses import replace
from datetime import timedelta

from app.domain.errors import SnoozeError
from app.domain.order import Standing
from app.outbox.enter import enter_due
from tests.flows.stage import Stage, order_of

LOCKED = SnoozeError("locked in Sage: a user has it", 5.0)


async def test_order_that_waits_for_a_lock_is_sent_as_it_is_when_the_lock_is_gone(stage: Stage) -> None:
    stage.books.script = [LOCKED]
    before = order_of("1", at=stage.clock())
    await stage.accept(before)
    edited = replace(before, lines=(replace(before.lines[0], description="in blue"),))
    await stage.accept(replace(edited, updated_at=before.updated_at + timedelta(seconds=1)))
    stage.later(6)
    await stage.drain()
    ((sent,), states) = stage.books.placed, await stage.ends()
    assert ("in blue" in str(sent), states) == (True, {"place 1": "applied"})


async def test_order_that_is_cancelled_behind_a_lock_is_never_sent(stage: Stage) -> None:
    stage.books.script = [LOCKED]
    await stage.accept(order_of("1"))
    await stage.accept(replace(order_of("1"), standing=Standing.CANCELLED))
    stage.later(6)
    await stage.drain()
    assert (stage.sent(), await stage.ends()) == ([], {"place 1": "cancelled"})


async def test_messages_of_an_order_behind_a_lock_keep_their_order(stage: Stage) -> None:
    """Read while the order that waited for the lock is at last being sent."""
    stage.books.script = [LOCKED]
    await stage.tell(order_of("1"))
    await stage.drain()
    stage.later(6)
    await enter_due(stage.pool, stage.clock())
    async with stage.sending():
        order = order_of("1")
        later = order.updated_at + timedelta(seconds=1)
        await stage.tell(replace(order, standing=Standing.CANCELLED, updated_at=later))
        await stage.drain("centra:uk")
        assert (await stage.ends())["cancel 1"] == "waiting"
    await stage.drain()
    assert (stage.sent(), await stage.cases()) == (["CEN-1"], ["E-CANCEL-AFTER-POST"])
