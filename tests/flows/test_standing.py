"""Two transactions at one lane, step by step: who is locked, draws and looks when."""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta

import asyncpg
import pytest

from app.domain.message import Done, Result
from app.flows.receive import Delivery, receive
from app.outbox.append import append
from app.outbox.flush import Flusher
from app.outbox.intend import Intent, intend
from app.outbox.rescue import rescue
from app.outbox.settle import Change
from app.outbox.tickets import lock
from tests.flows.stage import SHOP, Stage
from tests.flows.stage import notice as notice_of
from tests.outbox.engine import NOON, NOTICE, Engine, effect, notice


@pytest.fixture
def engine(pool: asyncpg.Pool) -> Engine:
    return Engine(pool)


async def until_stuck_or_done(pool: asyncpg.Pool, work: Coroutine) -> asyncio.Task:
    """Started, and now either through or waiting for a lock."""
    task = asyncio.ensure_future(work)
    stuck = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with asyncio.timeout(20):
        while not task.done() and not await pool.fetchval(stuck):  # noqa: ASYNC110 - Postgres tells nobody
            await asyncio.sleep(0)
    return task


async def test_settlement_sees_who_was_just_being_appended(engine: Engine) -> None:
    await engine.append(effect("a", ["X"]))
    flying = await engine.claim()
    async with engine.pool.acquire() as conn:
        async with conn.transaction():
            await append(conn, [effect("b", ["X"])])
            settling = await until_stuck_or_done(engine.pool, engine.settle(flying))
        await settling
    assert await engine.states() == {"a": "applied", "b": "ready"}


async def test_order_that_is_cancelled_as_its_lease_is_taken_back_is_not_sent(engine: Engine) -> None:
    """Whoever ends it saw it leased, and then waited for whoever took the lease back."""
    await engine.append(effect("a", ["X"]), effect("b", ["X"]), notice("n", "a"))
    (flying,) = await engine.claim(slots=1)
    engine.later(100)
    told = await engine.claim(NOTICE)
    async with engine.pool.acquire() as conn:
        async with conn.transaction():
            await rescue(conn, engine.now, settle_delay=timedelta(seconds=5))
            ending = [Change(flying.id, end=Done(Result.CANCELLED))]
            settling = await until_stuck_or_done(engine.pool, engine.settle(told, changes=ending))
        await settling
    assert [message.key for message in await engine.claim()] == ["b"]
    assert await engine.states() == {"a": "cancelled", "b": "leased", "n": "applied"}


async def test_ticket_order_is_commit_order(engine: Engine) -> None:
    async with engine.pool.acquire() as conn:
        async with conn.transaction():
            await lock(conn, ["sku:X"])
            late = await until_stuck_or_done(engine.pool, engine.append(effect("b", ["X"])))
            await append(conn, [effect("a", ["X"])])
        await late
    assert await engine.states() == {"a": "ready", "b": "waiting"}


async def test_sender_is_answered_only_after_the_commit(pool: asyncpg.Pool) -> None:
    async with Flusher(pool) as flusher:
        delivery = Delivery(b"", {}, NOON)
        channel = None
        received = await receive(channel, lambda *_: (notice_of("1", "a"),), delivery, flusher.append)
        assert await pool.fetchval("SELECT id FROM message") == received.ids[0]


async def test_claim_that_was_taken_over_begins_no_send(stage: Stage) -> None:
    """Its lease is still good by the clock: the token alone tells."""
    await stage.append(notice_of("1", "a"))
    ((_, (message,)),) = await stage.take(SHOP)
    await stage.pool.execute("UPDATE message_state SET token = token + 1")
    assert await intend(stage.pool, [Intent(message, "place", "CEN-1", b"digest")]) == set()
