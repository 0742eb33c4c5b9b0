import asyncio
import random

from tests.outbox.engine import NOTICE, Engine, effect, notice, state


async def test_known_key_answers_with_the_first_message(engine: Engine) -> None:
    first = (await engine.append(notice("a")))[0]
    again = (await engine.append(notice("b"), notice("a")))[1]
    assert (again.message_id, again.duplicate, again.conflict) == (first.message_id, True, False)


async def test_known_key_with_another_body_is_kept_as_a_conflict(engine: Engine) -> None:
    await engine.append(notice("a", raw=b"one"))
    again = (await engine.append(notice("a", raw=b"two")))[0]
    assert again.conflict
    assert await engine.pool.fetchval("SELECT raw FROM key_conflict") == b"two"


async def test_key_twice_in_one_append_is_one_message(engine: Engine) -> None:
    answers = await engine.append(effect("a"), effect("a"))
    assert [answer.duplicate for answer in answers] == [False, True]
    assert await engine.pool.fetchval("SELECT count(*) FROM message") == 1


async def test_notices_of_one_append_are_stored_once_each_in_their_order(engine: Engine) -> None:
    (known,) = await engine.append(notice("b"))
    answers = await engine.append(notice("z"), notice("b"), notice("a"), notice("z"))
    assert [one.duplicate for one in answers] == [False, True, False, True]
    assert (answers[1].message_id, answers[3].message_id) == (known.message_id, answers[0].message_id)
    assert [one.key for one in await engine.claim(NOTICE)] == ["b", "z", "a"]
    assert await engine.pool.fetchval("SELECT count(*) FROM message") == 3


async def test_body_that_jsonb_can_hold_comes_back(engine: Engine) -> None:
    body = {"name": "Zoë 🧥 שלום", "sizes": [1, None, True]}
    await engine.append(notice("a", body=body))
    assert (await engine.claim(NOTICE))[0].body == body


async def test_notices_are_claimed_in_append_order(engine: Engine) -> None:
    for number in range(20):
        await engine.append(notice(f"n{number}", ref=str(number % 3)))
    assert [message.key for message in await engine.claim(NOTICE)] == [f"n{number}" for number in range(20)]


async def test_two_spellings_of_a_sku_are_one_lane(engine: Engine) -> None:
    await engine.append(effect("a", ["tee-1"]), effect("b", [" TEE-1 "]))
    assert [message.key for message in await engine.claim()] == ["a"]


async def test_message_of_500_lanes_enters_them_all(engine: Engine) -> None:
    await engine.append(effect("wide", [f"S{number}" for number in range(500)]), effect("b", ["S250"]))
    assert [message.key for message in await engine.claim()] == ["wide"]
    assert await engine.pool.fetchval("SELECT count(*) FROM ticket WHERE lane LIKE 'sku:%'") == 501


async def test_lane_keys_may_be_long_and_strange(engine: Engine) -> None:
    codes = ["x" * 2000, "a,b", "{c}", 'd"e', "f\\g", "h i"]
    await engine.append(effect("a", codes))
    await engine.settle(await engine.claim())
    assert await engine.leftovers() == (0, 0, 0)


async def test_appends_that_share_keys_in_opposite_order_do_not_deadlock(engine: Engine) -> None:
    rng = random.Random(5)
    keys = [f"k{number}" for number in range(30)]

    async def deliver() -> None:
        mine = keys.copy()
        rng.shuffle(mine)
        await engine.append(*(effect(key, [f"S{key[1:]}", "S"]) for key in mine))

    await asyncio.gather(*(deliver() for _ in range(8)))
    assert await engine.pool.fetchval("SELECT count(*) FROM message") == len(keys)


async def test_newer_state_takes_the_place_of_one_that_waits(engine: Engine) -> None:
    await engine.append(state("stock:A", body={"level": 1}))
    await engine.append(state("stock:A", body={"level": 2}))
    claimed = await engine.claim(NOTICE.__class__("shop.stock"))
    assert [message.body for message in claimed] == [{"level": 2}]
    assert await engine.pool.fetchval("SELECT result FROM receipt") == "superseded"


async def test_newest_state_of_one_append_wins(engine: Engine) -> None:
    await engine.append(*(state("stock:A", body={"level": level}) for level in range(5)))
    claimed = await engine.claim(NOTICE.__class__("shop.stock"))
    assert [message.body for message in claimed] == [{"level": 4}]


async def test_state_in_flight_lets_one_wait_and_no_more(engine: Engine) -> None:
    want = NOTICE.__class__("shop.stock", batch=9)
    await engine.append(state("stock:A", body={"level": 1}))
    flying = await engine.claim(want)
    await engine.append(state("stock:A", body={"level": 2}))
    await engine.append(state("stock:A", body={"level": 3}))
    assert await engine.claim(want) == []
    await engine.settle(flying)
    assert [message.body for message in await engine.claim(want)] == [{"level": 3}]
