"""Two verbs at one message at the same time, and what late answers may do to a destination."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from app.domain.message import Done, InDoubt, Outcome, Result
from app.flows.release import release
from app.outbox import tickets
from app.outbox.breaker import Failure, failed, succeeded
from app.outbox.claim import _TAKE
from app.outbox.rescue import rescue
from app.outbox.room import Want
from app.outbox.settle import Change, settle
from app.outbox.tickets import MovedError
from app.outbox.verdict import Rules
from app.outbox.withdraw import step_aside
from tests.outbox.engine import APPLIED, Engine, effect, state
from tests.outbox.test_settle import UNMAPPED


async def until_blocked(pool: asyncpg.Pool, count: int = 1) -> None:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    async with asyncio.timeout(10):
        while await pool.fetchval(waiting) < count:
            await pool.fetchval("SELECT pg_sleep(0.01)")


async def test_message_that_left_its_doubt_keeps_its_lanes(engine: Engine) -> None:
    a, _ = await engine.append(effect("a", ["X"]), effect("b", ["X"]))
    await engine.settle(await engine.claim(), InDoubt("read timeout", 0))
    engine.later(60)
    async with engine.pool.acquire() as other, other.transaction():
        await tickets.lock(other, ["sku:X"])
        aside = asyncio.ensure_future(step_aside(engine.pool, [a.message_id], "in_doubt"))
        await until_blocked(engine.pool)
        await engine.settle(await engine.claim(), InDoubt("absent", 0, resend=True))
    with pytest.raises(MovedError):
        await aside
    assert [message.key for message in await engine.claim()] == ["a"]


async def test_message_that_is_being_probed_keeps_its_lanes_until_the_answer(engine: Engine) -> None:
    a, _ = await engine.append(effect("a", ["X"]), effect("b", ["X"]))
    await engine.settle(await engine.claim(), InDoubt("read timeout", 0))
    engine.later(60)
    async with engine.pool.acquire() as other, other.transaction():
        await tickets.lock(other, ["sku:X"])
        aside = asyncio.ensure_future(step_aside(engine.pool, [a.message_id], "in_doubt"))
        await until_blocked(engine.pool)
        probing = await engine.claim()
    with pytest.raises(MovedError):
        await aside
    await engine.settle(probing)
    assert [message.key for message in await engine.claim()] == ["b"]


async def test_release_beside_a_cancellation_does_not_deadlock(engine: Engine) -> None:
    a, _ = await engine.append(effect("a", ["X"]), effect("n", [], kind="erp.other"))
    await engine.settle(await engine.claim(), UNMAPPED)
    notices = await engine.claim(Want("erp.other"))
    case = await engine.pool.fetchval("SELECT id FROM exception_case")
    async with engine.pool.acquire() as other, other.transaction():
        await other.execute("SELECT FROM message_state WHERE id = $1 FOR UPDATE", a.message_id)
        end = Change(a.message_id, end=Done(Result.CANCELLED))
        settling = asyncio.ensure_future(engine.settle(notices, changes=[end]))
        await until_blocked(engine.pool)
        releasing = asyncio.ensure_future(release(engine.pool, [case], actor="ann", reason="mapped"))
        await until_blocked(engine.pool, 2)
    await settling
    await releasing
    assert (await engine.states())["a"] == "cancelled"


async def test_late_success_does_not_cut_a_told_rest_short(engine: Engine) -> None:
    await engine.append(effect("a"))
    await engine.claim(Want("erp.none"))
    told = engine.now + timedelta(minutes=5)
    await failed(engine.pool, "erp:main", Failure("429", engine.now, told, 1.0, 10.0, 5), rests=True)
    await succeeded(engine.pool, "erp:main", 4, engine.now)
    engine.later(299)
    assert await engine.claim() == []
    engine.later(2)
    assert len(await engine.claim()) == 1


async def test_failure_without_a_time_does_not_cut_a_told_rest_short(engine: Engine) -> None:
    await engine.append(effect("a"))
    await engine.claim(Want("erp.none"))
    told = engine.now + timedelta(minutes=5)
    for resume in (told, None):
        failure = Failure("429", engine.now, resume, 1.0, 10.0, 5)
        await failed(engine.pool, "erp:main", failure, rests=True)
    engine.later(299)
    assert await engine.claim() == []


async def test_lost_lease_of_a_state_message_does_not_stop_younger_ones(engine: Engine) -> None:
    want = Want("shop.stock")
    await engine.append(state("stock:A", body={"level": 1}))
    await engine.claim(want)
    await engine.append(state("stock:A", body={"level": 2}))
    engine.later(91)
    await rescue(engine.pool, engine.now, settle_delay=timedelta(seconds=10))
    await engine.append(state("stock:A", body={"level": 3}))
    claimed = await engine.claim(want)
    assert [message.body for message in claimed] == [{"level": 3}]
    await engine.settle(claimed)
    assert await engine.leftovers() == (0, 0, 0)


@pytest.mark.parametrize(("wanted", "index"), [("ready", "claimable"), ("in_doubt", "doubtful")])
async def test_plan_that_an_idle_session_keeps_reads_the_index(
    engine: Engine, wanted: str, index: str
) -> None:
    """Postgres settles on one plan for all arguments after a few claims; it must do for a flood, too."""
    await engine.pool.execute(
        """
        INSERT INTO message_state (id, kind, destination, source, state, due_at, entered)
        SELECT n, 'erp.place', 'erp:main', 'uk', 'waiting', 'infinity', true FROM generate_series(1, 20000) AS n
        """
    )
    await engine.pool.execute("ANALYZE message_state")
    async with engine.pool.acquire() as conn, conn.transaction():
        await conn.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        await conn.execute(f"PREPARE take AS {_TAKE.replace('$state', repr(wanted))}")
        plan = await conn.fetch(
            "EXPLAIN EXECUTE take('erp:main', 'erp.place', now(), 50, now(), 'w1', false, '7', 1, 1, 1, 1)"
        )
        await conn.execute("DEALLOCATE take")
    text = "\n".join(row[0] for row in plan)
    assert index in text
    assert "Seq Scan on message_state" not in text


async def test_lane_whose_last_leaves_as_another_comes_keeps_its_row(engine: Engine) -> None:
    """Repair looks from the lanes: one without a row would be out of its sight."""
    want = Want("shop.stock")
    await engine.append(state("poll"))
    await engine.settle(await engine.claim(want), follow_ups=[state("poll")])
    assert await engine.leftovers() == (1, 1, 1)
    await engine.settle(await engine.claim(want))
    assert await engine.leftovers() == (0, 0, 0)


async def test_lanes_that_nobody_entered_are_not_left_behind(engine: Engine) -> None:
    """Amended and then cancelled before the next look."""
    a, *_ = await engine.append(
        effect("a", ["X"]), effect("n", kind="erp.other"), effect("o", kind="erp.other")
    )
    for change in (
        Change(a.message_id, amend=("sku:Z",)),
        Change(a.message_id, end=Done(Result.CANCELLED)),
    ):
        outcome = Outcome((await engine.claim(Want("erp.other")))[0], APPLIED)
        async with engine.pool.acquire() as conn, conn.transaction():
            await settle(conn, [outcome], [change], Rules(engine.now, engine.rng))
    assert await engine.leftovers() == (0, 0, 0)
