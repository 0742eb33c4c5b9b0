"""A record that a user holds: what waits for it is read anew and keeps its order (RC-26, RC-28)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.errors import LockedError
from app.domain.message import Owner
from app.domain.order import Standing
from app.flows.release import release
from app.outbox.enter import enter_due
from tests.flows.stage import Stage, order_of

LOCKED = LockedError("locked in Sage: in use by jsmith")


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


async def waited(stage: Stage) -> float:
    """Seconds until the order that waits is looked at again; then it is."""
    row = await stage.state()
    seconds = (row["due_at"] - stage.clock()).total_seconds()
    stage.later(seconds)
    await stage.drain()
    return seconds


@pytest.mark.requirement("R-55")
async def test_a_lock_is_asked_for_soon_then_seldom_for_as_long_as_it_takes(stage: Stage) -> None:
    """Every wait has a jitter of a quarter; nothing is counted as a failure, neither of the order nor of the ERP."""
    stage.books.script = [LOCKED] * 60
    await stage.accept(order_of("1"))
    waits = [await waited(stage) for _ in range(40)]
    assert 3.75 <= waits[0] <= 5
    assert waits[1] > waits[0]
    assert all(45 <= wait <= 60 for wait in waits[5:15])
    assert all(225 <= wait <= 300 for wait in waits[25:])
    assert (await stage.state())["attempts"] == 0
    assert await stage.pool.fetchval("SELECT max(failures) FROM destination") == 0


@pytest.mark.requirement("R-56")
@pytest.mark.parametrize("known", [False, True])
async def test_a_long_lock_is_flagged_once_and_the_flag_ends_with_it(stage: Stage, *, known: bool) -> None:
    """Also where a person has said meanwhile that it is known."""
    stage.books.script = [LOCKED] * 40
    await stage.accept(order_of("1"))
    began = stage.clock()
    while not await stage.cases():
        await waited(stage)
    assert 900 <= (stage.clock() - began).total_seconds() <= 960
    row = await stage.pool.fetchrow("SELECT id, violations, owner, flag FROM exception_case")
    assert (row["owner"], row["flag"]) == (Owner.OPERATIONS, True)
    assert all(
        text in row["violations"][0]["value"] for text in ("order 1", f"{began:%Y-%m-%d %H:%M} UTC", "jsmith")
    )
    if known:
        await release(stage.pool, [row["id"]], actor="ann", reason="he is at lunch")
    for _ in range(10):
        await waited(stage)
    assert await stage.pool.fetchval("SELECT count(*) FROM exception_case") == 1
    stage.books.script = []
    await waited(stage)
    assert (stage.sent(), await stage.cases()) == (["CEN-1"], [])


@pytest.mark.requirement("R-56")
@pytest.mark.parametrize("standing", [Standing.CANCELLED, Standing.RELEASABLE])
async def test_the_flag_ends_too_when_what_waited_ends_otherwise(stage: Stage, standing: Standing) -> None:
    """Cancelled while it waited; or what was wrong with it came to light when the lock was gone."""
    stage.books.script = [LOCKED] * 40
    order = order_of("1")
    await stage.accept(order)
    while not await stage.cases():
        await waited(stage)
    stage.books.script = []
    sku = "TEE" if standing is Standing.CANCELLED else "NOBODY-KNOWS"
    changed = replace(order.lines[0], sku=sku)
    at = order.updated_at + timedelta(seconds=1)
    await stage.accept(replace(order, standing=standing, lines=(changed,), updated_at=at))
    if standing is Standing.RELEASABLE:
        stage.later(301)
        await stage.drain()
    assert await stage.cases() == ([] if standing is Standing.CANCELLED else ["E-SKU-UNKNOWN"])
