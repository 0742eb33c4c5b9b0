"""Of state messages the newest body wins, whatever became of the older ones."""

from datetime import timedelta

from app.domain.message import Draft, Retry, Snooze
from app.outbox.room import Want
from tests.outbox.engine import Engine, effect, state
from tests.outbox.test_settle import UNMAPPED

STOCK = Want("shop.stock")


def stock(number: int, **given: object) -> Draft:
    return state("stock", body={"n": number}, **given)


async def test_newer_state_ends_a_parked_one_and_its_case(engine: Engine) -> None:
    await engine.append(stock(1))
    await engine.settle(await engine.claim(STOCK), UNMAPPED)
    await engine.append(stock(2))
    open_ = await engine.pool.fetchval("SELECT count(*) FROM exception_case WHERE closed_at IS NULL")
    assert open_ == 0
    assert sorted((await engine.states()).values()) == ["ready", "superseded"]


async def test_state_that_was_overtaken_leaves_no_case(engine: Engine) -> None:
    await engine.append(stock(1))
    claimed = await engine.claim(STOCK)
    await engine.append(stock(2))
    await engine.settle(claimed, UNMAPPED)
    assert await engine.pool.fetchval("SELECT count(*) FROM exception_case WHERE closed_at IS NULL") == 0


async def test_state_that_is_parked_beside_its_successor_leaves_no_case(engine: Engine) -> None:
    await engine.append(stock(1))
    await engine.settle(await engine.claim(STOCK), UNMAPPED, follow_ups=[stock(2)])
    assert await engine.pool.fetchval("SELECT count(*) FROM exception_case WHERE closed_at IS NULL") == 0


async def test_failing_state_is_not_overtaken_by_an_older_one(engine: Engine) -> None:
    """However the older came to be there: it was parked while the newer was already on its way in."""
    await engine.append(stock(1))
    await engine.settle(await engine.claim(STOCK), UNMAPPED)
    await engine.pool.execute("UPDATE message_state SET state = 'leased'")
    await engine.append(stock(2))
    await engine.pool.execute("UPDATE message_state SET state = 'parked' WHERE state = 'leased'")
    await engine.settle(await engine.claim(STOCK), Retry("500", 0.0))
    assert [message.body["n"] for message in await engine.claim(STOCK)] == [2]


async def test_newest_of_one_append_is_due_when_the_first_of_them_was(engine: Engine) -> None:
    """Two in one append mean what two appends mean."""
    late = engine.now + timedelta(seconds=60)
    await engine.append(stock(1, due_at=late))
    await engine.append(stock(2), stock(3, due_at=late))
    assert [message.body["n"] for message in await engine.claim(STOCK)] == [3]


async def test_newest_of_a_first_append_is_due_when_the_first_of_them_was(engine: Engine) -> None:
    await engine.append(stock(1), stock(2, due_at=engine.now + timedelta(seconds=60)))
    assert [message.body["n"] for message in await engine.claim(STOCK)] == [2]


async def test_skus_that_were_left_for_others_are_dirty(engine: Engine) -> None:
    await engine.append(effect("a", ["X"]))
    await engine.settle(await engine.claim(), Snooze("the order grew", 0.0, lanes=("sku:Y",)))
    assert await engine.pool.fetchval("SELECT array_agg(sku) FROM dirty_sku") == ["X"]
