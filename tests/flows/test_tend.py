"""What keeps the outbox healthy without anyone asking."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from app.domain.channel import Articles
from app.domain.errors import InDoubtError
from app.flows import tend
from tests.flows.stage import BOOKS, SHOP, Stage, order_of


async def turn(stage: Stage) -> None:
    """Each chore once."""
    stopping = replace(stage, ctx=replace(stage.ctx, pace=replace(stage.ctx.pace, look=0.01)))
    async with asyncio.TaskGroup() as group:
        group.create_task(tend.tend(stopping.ctx, stopping.signal))
        async with asyncio.timeout(20):
            while not await stage.pool.fetchval("SELECT count(*) FROM heartbeat"):  # noqa: ASYNC110 - no event
                await asyncio.sleep(0)
        stopping.signal.stop()
    stopping.signal.stopping = False


async def test_chores_are_done_and_told(stage: Stage) -> None:
    await turn(stage)
    row = await stage.pool.fetchrow("SELECT process, role FROM heartbeat")
    assert tuple(row) == ("w1", "worker")


async def test_missing_polls_come_back(stage: Stage) -> None:
    await turn(stage)
    assert (await stage.state("centra.poll"))["state"] == "ready"


async def test_what_a_vanished_worker_held_comes_back(stage: Stage) -> None:
    await stage.tell(order_of("1"))
    await stage.take(SHOP)
    stage.later(91)
    await turn(stage)
    assert [state for state, _ in await stage.notices()] == ["ready"]


async def test_what_fell_due_enters_again(stage: Stage) -> None:
    await stage.tell(order_of("1"))
    await stage.turn(SHOP)
    await stage.pool.execute(
        "UPDATE message_state SET state = 'waiting', entered = false, ticket = NULL, due_at = $1",
        stage.clock() - timedelta(seconds=1),
    )
    await stage.pool.execute("DELETE FROM ticket WHERE lane LIKE 'sku:%'")
    await turn(stage)
    assert await stage.ends() == {"place 1": "ready"}


async def test_impatient_doubt_lets_the_next_pass(stage: Stage) -> None:
    stage.books.script = [InDoubtError("read timeout")]
    await stage.tell(order_of("1", "TEE"), order_of("2", "TEE"))
    await stage.drain()
    assert stage.sent() == []
    stage.later(31)
    await turn(stage)
    await stage.turn(BOOKS)
    assert stage.sent() == ["CEN-2"]
    assert stage.counted("sluice_lane_steps_aside_total") == 1


async def test_head_that_a_counter_forgot_is_found_and_counted(stage: Stage) -> None:
    await stage.tell(order_of("1"))
    await stage.turn(SHOP)
    await stage.pool.execute("UPDATE message_state SET state = 'waiting', blockers = 1")
    await turn(stage)
    assert (await stage.state())["state"] == "ready"
    assert stage.counted("sluice_lane_repairs_total") == 1


async def test_ordinary_work_needs_no_repair(stage: Stage) -> None:
    await stage.tell(*(order_of(str(n), ("TEE", "DRESS")[n % 2], "SHOES") for n in range(10)))
    await stage.turn(SHOP)
    await stage.turn(BOOKS)
    await turn(stage)
    assert stage.counted("sluice_lane_repairs_total") == 0


async def test_chore_that_fails_leaves_the_others_alone(stage: Stage) -> None:
    await stage.pool.execute("ALTER TABLE ticket RENAME TO ticket_gone")
    await turn(stage)
    assert await stage.pool.fetchval("SELECT count(*) FROM heartbeat") == 1


async def test_catalogues_are_walked_once_the_night_has_come(stage: Stage) -> None:
    async def empty(_cursor: dict) -> Articles:
        return Articles((), None)

    listing = replace(stage, ctx=replace(stage.ctx, erp=replace(stage.ctx.erp, catalogue=empty)))
    await turn(listing)
    assert await stage.state("sage200.articles") is None
    await stage.pool.execute("INSERT INTO article_walk VALUES ($1, now() - interval '2 days')", BOOKS)
    await stage.pool.execute("DELETE FROM heartbeat")
    await turn(listing)
    assert (await stage.state("sage200.articles"))["state"] == "ready"
