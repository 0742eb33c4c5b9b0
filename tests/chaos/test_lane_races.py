"""Everybody in everybody's way, in short; the long form is an attack."""

import asyncio

import asyncpg

from app.domain.message import Done, Outcome, Result, Snooze
from app.outbox.room import Want
from app.outbox.settle import Change, settle
from app.outbox.verdict import Rules
from tests.chaos.attacks.races import Crush, jostle_all
from tests.outbox.engine import APPLIED, Engine, effect
from tests.outbox.test_attack_lanes import until_blocked


async def test_whoever_comes_leaves_or_comes_back_nobody_is_stranded_or_deadlocked(database_url: str) -> None:
    figures, wrong = await jostle_all(database_url, Crush(busy=3.0, seed=1, processes=2))
    assert wrong == []
    assert min(figures[deed] for deed in ("appended", "documents")) > 0


async def test_lanes_of_what_is_gone_before_it_could_enter_are_not_left_behind(pool: asyncpg.Pool) -> None:
    """No message would come to an order's lane again, so that its row would stay for ever."""
    engine = Engine(pool)
    rules = Rules(engine.now, engine.rng)
    a, _ = await engine.append(effect("a", ["X"]), effect("n", kind="erp.other"))
    aside = [Outcome(message, Snooze("locked", 0.0, aside=True)) for message in await engine.claim()]
    [notice] = await engine.claim(Want("erp.other"))
    async with pool.acquire() as conn, conn.transaction():
        await settle(conn, aside, [], rules)
    async with pool.acquire() as other, other.transaction():
        end = Change(a.message_id, end=Done(Result.CANCELLED))
        await settle(other, [Outcome(notice, APPLIED)], [end], rules)
        entering = asyncio.ensure_future(engine.enter())
        await until_blocked(pool)
    assert await entering == 0
    assert await engine.leftovers() == (0, 0, 0)
