import asyncio
from datetime import timedelta

from app.domain.message import InDoubt, Retry
from app.outbox.append import append
from app.outbox.intend import Intent, intend, last_sent
from app.outbox.partitions import TABLES, drop, extend
from app.outbox.repair import repair
from app.outbox.replay import release, replay
from app.outbox.rescue import rescue
from app.outbox.withdraw import impatient, step_aside
from tests.outbox.engine import NOTICE, Engine, effect, notice
from tests.outbox.test_settle import UNMAPPED, keys

DELAY = timedelta(seconds=10)
SHAPE = """
SELECT pg_get_indexdef(indexrelid) AS def FROM pg_index WHERE indrelid = $1::text::regclass
UNION ALL
SELECT concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid))
FROM pg_attribute AS a LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = $1::text::regclass AND a.attnum > 0
"""


async def test_lease_that_ran_out_is_ready_again_in_its_place(engine: Engine) -> None:
    await engine.append(effect("a", ["X"]), effect("b", ["X"]))
    await engine.claim()
    engine.later(91)
    assert await rescue(engine.pool, engine.now, settle_delay=DELAY) == 1
    assert await keys(engine) == ["a"]


async def test_lease_that_ran_out_after_a_send_is_in_doubt(engine: Engine) -> None:
    await engine.append(effect("a", ["X"]))
    claimed = await engine.claim()
    await engine.pool.execute("UPDATE message_state SET lease_until = clock_timestamp() + interval '1 hour'")
    await intend(engine.pool, [Intent(claimed[0], "place", "CEN-1", b"digest")])
    await rescue(engine.pool, engine.now + timedelta(days=9999), settle_delay=DELAY)
    row = await engine.pool.fetchrow("SELECT state, doubt_since IS NOT NULL FROM message_state")
    assert tuple(row) == ("in_doubt", True)


async def test_living_lease_is_left_alone(engine: Engine) -> None:
    await engine.append(effect("a", ["X"]))
    await engine.claim()
    engine.later(89)
    assert await rescue(engine.pool, engine.now, settle_delay=DELAY) == 0


async def test_intent_of_a_lost_claim_is_refused(engine: Engine) -> None:
    await engine.append(effect("a", ["X"]))
    claimed = (await engine.claim())[0]
    await engine.pool.execute(
        "UPDATE message_state SET token = token + 1, lease_until = clock_timestamp() + interval '1 hour'"
    )
    assert await intend(engine.pool, [Intent(claimed, "place", "CEN-1", b"digest")]) == set()
    assert await last_sent(engine.pool, [claimed.id]) == {}


async def test_repair_finds_nothing_after_ordinary_work(engine: Engine) -> None:
    await engine.append(*(effect(f"k{n}", [f"S{n % 3}", f"T{n % 4}"]) for n in range(30)))
    await engine.settle((await engine.claim())[:1])
    assert await repair(engine.pool) == 0


async def test_repair_frees_a_head_that_a_counter_forgot(engine: Engine) -> None:
    await engine.append(effect("a", ["X"]))
    await engine.pool.execute("UPDATE message_state SET state = 'waiting', blockers = 1")
    assert await repair(engine.pool) == 1
    assert await keys(engine) == ["a"]


async def test_impatient_doubt_steps_aside_and_the_next_may_pass(engine: Engine) -> None:
    await engine.append(effect("a", ["X"]), effect("b", ["X"]))
    await engine.settle(await engine.claim(), InDoubt("read timeout", 60))
    engine.later(31)
    ids = await impatient(engine.pool, engine.now - timedelta(seconds=30))
    await step_aside(engine.pool, ids, "in_doubt")
    assert await keys(engine) == ["b"]
    assert (await engine.states())["a"] == "in_doubt"


async def test_adopted_after_stepping_aside_leaves_nothing_behind(engine: Engine) -> None:
    await engine.append(effect("a", ["X"]))
    await engine.settle(await engine.claim(), InDoubt("read timeout", 1))
    engine.later(31)
    await step_aside(engine.pool, await impatient(engine.pool, engine.now), "in_doubt")
    await engine.settle(await engine.claim())
    assert await engine.leftovers() == (0, 0, 0)


async def test_resend_after_stepping_aside_enters_anew(engine: Engine) -> None:
    await engine.append(effect("a", ["X"]))
    await engine.settle(await engine.claim(), InDoubt("read timeout", 1))
    engine.later(31)
    await step_aside(engine.pool, await impatient(engine.pool, engine.now), "in_doubt")
    await engine.append(effect("b", ["X"]))
    doubtful = [message for message in await engine.claim() if message.in_doubt]
    await engine.settle(doubtful, InDoubt("absent", 0, resend=True))
    assert (await engine.states())["a"] == "waiting"


async def test_released_messages_enter_in_the_order_in_which_they_came(engine: Engine) -> None:
    for name in ("a", "b", "c"):
        await engine.append(effect(name, ["X"]))
        await engine.settle(await engine.claim(), UNMAPPED)
    parked = [row["id"] for row in await engine.pool.fetch("SELECT id FROM message_state ORDER BY random()")]
    async with engine.pool.acquire() as conn, conn.transaction():
        await release(conn, dict.fromkeys(parked))
    await engine.enter()
    order = []
    for _ in parked:
        claimed = await engine.claim()
        order += [message.key for message in claimed]
        await engine.settle(claimed)
    assert order == ["a", "b", "c"]


async def test_release_twice_is_one_release(engine: Engine) -> None:
    await engine.append(effect("a", ["X"]))
    claimed = await engine.claim()
    await engine.settle(claimed, UNMAPPED)
    for expected in ([claimed[0].id], []):
        async with engine.pool.acquire() as conn, conn.transaction():
            assert await release(conn, {claimed[0].id: None}) == expected


async def test_replayed_effect_works_again_under_its_key(engine: Engine) -> None:
    await engine.append(effect("a", ["X"]))
    claimed = await engine.claim()
    await engine.settle(claimed)
    async with engine.pool.acquire() as conn, conn.transaction():
        assert await replay(conn, {claimed[0].id: ("sku:X",)}) == [claimed[0].id]
    await engine.enter()
    assert await keys(engine) == ["a"]


async def test_open_message_is_not_replayed(engine: Engine) -> None:
    appended = await engine.append(notice("n"))
    async with engine.pool.acquire() as conn, conn.transaction():
        assert await replay(conn, {appended[0].message_id: ()}) == []


async def test_partition_with_an_open_message_is_kept(engine: Engine) -> None:
    await engine.append(notice("n"))
    assert not await drop(engine.pool, 0)
    await engine.settle(await engine.claim(NOTICE))
    assert await drop(engine.pool, 0)
    assert await engine.pool.fetchval("SELECT messages FROM message_rollup") == 1


async def test_partitions_are_made_ahead(engine: Engine) -> None:
    await engine.pool.execute("SELECT setval('message_id_seq', 6500000)")
    await extend(engine.pool)
    await engine.append(notice("n"))
    assert await engine.pool.fetchval("SELECT id FROM message") == 6500001


async def test_partitions_are_made_and_dropped_beside_those_at_work(engine: Engine) -> None:
    """Who writes receipts may append next, and who appends may write receipts: whoever locked both would be in the way."""
    await engine.append(notice("n"))
    await engine.settle(await engine.claim(NOTICE))
    await engine.pool.execute("SELECT setval('message_id_seq', 6500000)")
    async with engine.pool.acquire() as conn, conn.transaction(), asyncio.timeout(5):
        await conn.execute("INSERT INTO attempt (message_id, token, verdict) VALUES (1, 7, 'done')")
        await extend(engine.pool)
        assert not await drop(engine.pool, 0)
        await append(conn, [notice("o")])
    assert await engine.pool.fetchval("SELECT id FROM message WHERE key = 'o'") == 6500001
    assert await drop(engine.pool, 0)


async def test_partition_made_later_has_what_the_first_have(engine: Engine) -> None:
    await engine.pool.execute("SELECT setval('message_id_seq', 6500000)")
    await extend(engine.pool)
    for table in TABLES:
        first, later = [
            {
                row["def"].replace(f"_p{number}", "")
                for row in await engine.pool.fetch(SHAPE, f"{table}_p{number}")
            }
            for number in (0, 6)
        ]
        assert first == later


async def test_retry_after_rescue_starts_from_the_same_place(engine: Engine) -> None:
    await engine.append(effect("a", ["X"]), effect("b", ["X"]))
    await engine.settle(await engine.claim(), Retry("500", 1))
    engine.later(2)
    await engine.claim()
    engine.later(91)
    await rescue(engine.pool, engine.now, settle_delay=DELAY)
    assert await keys(engine) == ["a"]
