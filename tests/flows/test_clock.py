"""A clock that goes back, by minutes and by hours: nothing lost, nothing doubled, nothing put off until it is here again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.erp import Document, Erp, SalesOrder
from app.domain.errors import DestinationError, InDoubtError, SnoozeError, TransientError
from app.flows.tend import tend
from app.flows.turn import in_turn
from app.outbox.breaker import Failure, failed
from app.outbox.claim import renew
from tests.flows.stage import BOOKS, SHOP, Late, Stage, order_of
from tests.flows.test_tend import turn
from tests.flows.test_turn import OTHER, both, outcome, tell

STEPS = (120, 3600, 5 * 3600)
LONGEST_REST = 301
BACK = pytest.mark.parametrize("back", STEPS, ids=["minutes", "an hour", "hours"])


@pytest.fixture
async def stage(stage: Stage) -> Stage:
    """Ahead of Postgres, so that it can go back and a lease still looks alive there."""
    stage.later(max(STEPS) + 60)
    return stage


@asynccontextmanager
async def tending(stage: Stage) -> AsyncIterator[None]:
    """One worker's chores, all the time."""
    stage = replace(stage, ctx=replace(stage.ctx, pace=replace(stage.ctx.pace, look=0.01)))
    async with asyncio.TaskGroup() as group:
        group.create_task(tend(stage.ctx, stage.signal))
        try:
            yield
        finally:
            stage.signal.stop()


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await true():  # noqa: ASYNC110 - the database tells nobody
            await asyncio.sleep(0)


async def tended(stage: Stage) -> None:
    """As a worker that has just started."""
    await stage.pool.execute("DELETE FROM heartbeat")
    await turn(stage)


async def goes_back(stage: Stage, seconds: int) -> None:
    """Under the eyes of a worker that runs."""
    await stage.pool.execute("DELETE FROM heartbeat")
    async with tending(stage):
        await until(lambda: beaten(stage))
        await stage.pool.execute("DELETE FROM heartbeat")
        stage.later(-seconds)
        await until(lambda: beaten(stage))
    stage.signal.stopping = False


async def beaten(stage: Stage) -> bool:
    """Every chore was done: the heart beats after what a step puts right."""
    return bool(await stage.pool.fetchval("SELECT count(*) FROM heartbeat"))


async def worked(stage: Stage, seconds: int, step: int = 20) -> None:
    """So much time passes, with everybody at work."""
    for _ in range(0, seconds, step):
        stage.later(step)
        await tended(stage)
        await stage.drain()


@BACK
async def test_lease_of_a_lost_worker_ends_in_its_own_time(stage: Stage, back: int) -> None:
    await stage.tell(order_of("1"))
    await stage.turn(SHOP)
    await stage.take(BOOKS)
    stage.later(-back)
    await tended(stage)
    stage.later(stage.ctx.pace.lease + 1)
    await tended(stage)
    await stage.drain()
    assert (stage.sent(), await stage.ends()) == (["CEN-1"], {"place 1": "applied"})


@BACK
async def test_lease_of_a_living_worker_is_its_own_through_the_step(stage: Stage, back: int) -> None:
    """Claimed before, sent and settled after; the others look in between."""
    await stage.tell(order_of("1"))
    await stage.turn(SHOP)
    taken = await stage.take(BOOKS)
    stage.later(-back)
    await tended(stage)
    await stage.handle(taken)
    await worked(stage, 100)
    assert (stage.sent(), await stage.ends()) == (["CEN-1"], {"place 1": "applied"})


async def test_lease_that_the_old_clock_prolonged_is_cut_again(stage: Stage) -> None:
    await stage.tell(order_of("1"))
    await stage.turn(SHOP)
    ((_, messages),) = await stage.take(BOOKS)
    stage.later(-3600)
    await tended(stage)
    await renew(stage.pool, [messages[0].token], stage.clock() + timedelta(seconds=3690))
    await tended(stage)
    until = await stage.pool.fetchval("SELECT lease_until FROM message_state WHERE id = $1", messages[0].id)
    assert until == stage.clock() + timedelta(seconds=stage.ctx.pace.lease)


RESTS = {
    "a retry": TransientError("500"),
    "a locked record": SnoozeError("locked", 60),
    "a question": InDoubtError("read timeout"),
    "a rest of the books": DestinationError("refused"),
}


@BACK
@pytest.mark.parametrize("error", RESTS.values(), ids=RESTS)
async def test_message_that_rested_goes_on_after_its_rest(stage: Stage, error: Exception, back: int) -> None:
    stage.books.script = [Late(error) if isinstance(error, InDoubtError) else error]
    await stage.accept(order_of("1"))
    await goes_back(stage, back)
    await worked(stage, LONGEST_REST, step=60)
    assert (stage.sent(), await stage.ends()) == (["CEN-1"], {"place 1": "applied"})


@BACK
async def test_question_is_never_answered_too_early(stage: Stage, back: int) -> None:
    """It may take the quarantine again, not less and not much more; what was sent is sent again once."""
    stage.books.script = [InDoubtError("read timeout")]
    await stage.accept(order_of("1"))
    await worked(stage, 100)
    stage.later(-back)
    await worked(stage, 180)
    assert stage.sent() == []
    await worked(stage, 400)
    assert stage.sent() == ["CEN-1"]


@BACK
async def test_head_that_fails_gives_up_its_lane_in_its_own_time(stage: Stage, back: int) -> None:
    stage.books.script = [TransientError("500")] * 40
    await stage.accept(order_of("1", "TEE"), order_of("2", "TEE"))
    stage.books.script = []
    stage = replace(stage, ctx=replace(stage.ctx, erp=failing(stage, "CEN-1")))
    stage.later(-back)
    await worked(stage, int(stage.ctx.pace.patience) + 60, step=10)
    assert "CEN-2" in stage.sent()


def failing(stage: Stage, key: str) -> Erp:
    """Books that never take this order."""
    place = stage.books.place

    async def refuse(order: SalesOrder, last_check: Callable[[], None]) -> Document:
        if order.key == key:
            raise TransientError("500")
        return await place(order, last_check)

    return replace(stage.ctx.erp, place=refuse)


@BACK
async def test_polls_go_on(stage: Stage, back: int) -> None:
    await tended(stage)
    await stage.drain(SHOP)
    before = len(stage.shop.cursors)
    stage.later(-back)
    await worked(stage, LONGEST_REST, step=100)
    assert len(stage.shop.cursors) > before


@BACK
async def test_destination_rests_no_longer_than_an_hour_more(stage: Stage, back: int) -> None:
    await stage.tell(order_of("1"))
    await stage.turn(SHOP)
    told = stage.clock() + timedelta(minutes=30)
    await failed(stage.pool, BOOKS, Failure("429", stage.clock(), told, 1.0, 10.0, 5), rests=True)
    stage.later(-back)
    await tended(stage)
    stage.later(3601)
    await stage.drain()
    assert stage.sent() == ["CEN-1"]


async def test_budget_is_not_given_twice_and_fills_again(stage: Stage) -> None:
    await stage.accept(order_of("1"))
    before = await stage.pool.fetchval("SELECT tokens FROM destination WHERE name = $1", SHOP)
    stage.later(-3600)
    await stage.tell(order_of("2", "DRESS"))
    await stage.drain()
    after = await stage.pool.fetchval("SELECT tokens FROM destination WHERE name = $1", SHOP)
    assert (after <= before, sorted(stage.sent())) == (True, ["CEN-1", "CEN-2"])


@BACK
async def test_chores_of_a_running_worker_go_on(stage: Stage, back: int) -> None:
    """Its own times are of the old clock, too."""

    async def rescued() -> bool:
        stage.later(0.02)
        return [state for state, _ in await stage.notices()] == ["ready"]

    async with tending(stage):
        await until(lambda: beaten(stage))
        stage.later(-back)
        await stage.tell("1")
        await stage.take(SHOP)
        await stage.pool.execute("UPDATE message_state SET lease_until = '-infinity' WHERE state = 'leased'")
        await until(rescued)


async def test_turn_is_not_waited_for_until_the_clock_is_here_again(stage: Stage) -> None:
    stage = both(stage)
    _, mine = await tell(stage, OTHER, SHOP)
    groups = in_turn(stage.ctx, SHOP, [outcome(stage, mine)])
    waiting = asyncio.ensure_future(anext(groups))
    done, _ = await asyncio.wait([waiting], timeout=0.1)
    assert not done
    stage.later(-3600)
    async with asyncio.timeout(20):
        assert [one.message.id for one in await waiting] == [mine]
    await groups.aclose()


async def test_nothing_that_is_in_order_is_touched(stage: Stage) -> None:
    """Every kind of rest, lease and question of ordinary work, as a worker finds it that starts beside it."""
    stage.books.script = [InDoubtError("read timeout"), SnoozeError("locked", 60), TransientError("500")]
    await tended(stage)
    await stage.accept(*(order_of(str(n), ("TEE", "DRESS", "SHOES", "GIFT")[n % 4]) for n in range(8)))
    await stage.tell(order_of("9", "OLD"))
    await stage.take(SHOP)
    rows = "SELECT * FROM message_state ORDER BY id"
    before = await stage.pool.fetch(rows)
    await tended(stage)
    assert (len(before) > 4, await stage.pool.fetch(rows) == before) == (True, True)
