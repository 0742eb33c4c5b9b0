"""What stands still costs what moves nothing: lanes, kinds, classes."""

from collections.abc import Sequence
from datetime import timedelta
from statistics import median

import asyncpg
import pytest

from app.domain.message import InDoubt, Retry, Snooze, Verdict
from app.outbox.claim import claim
from app.outbox.room import Claim, Limits, Want
from app.outbox.withdraw import impatient, step_aside
from tests.outbox.engine import NOON, Engine, effect, notice, state
from tests.outbox.test_settle import UNMAPPED

ORDERS = Want("shop.order", batch=200, serial=True)
STOCK = Want("shop.stock", spare=True)
TABLES = ("message_state", "ticket", "lane")


async def pages(pool: asyncpg.Pool) -> int:
    """Of the hot tables and their indexes, looked at since the database was made."""
    async with pool.acquire() as conn:
        await conn.execute("SELECT pg_stat_force_next_flush()")
        count: int = await conn.fetchval(
            """
            SELECT sum(heap_blks_read + heap_blks_hit + idx_blks_read + idx_blks_hit)::bigint
            FROM pg_statio_user_tables WHERE relname = ANY($1::text[])
            """,
            list(TABLES),
        )
    return count


async def crowd(engine: Engine, count: int, name: str = "one") -> None:
    """So many orders behind one another."""
    for start in range(0, count, 500):
        await engine.append(*(effect(f"{name} {n}", ["BEST"]) for n in range(start, min(start + 500, count))))
    for table in TABLES:
        # An analysis of its own accord would keep dead rows in the way of those that are counted here.
        await engine.pool.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = false)")
    await engine.pool.execute(f"VACUUM ANALYZE {', '.join(TABLES)}")


async def step(engine: Engine) -> int:
    """One claim and its settlement; answers the pages that both took."""
    before = await pages(engine.pool)
    await engine.settle(await engine.claim())
    return await pages(engine.pool) - before


async def enter_one(engine: Engine, key: str) -> int:
    before = await pages(engine.pool)
    await engine.append(effect(key, ["BEST"]))
    return await pages(engine.pool) - before


async def test_blocked_lane_of_ten_thousand_starves_no_claim(engine: Engine) -> None:
    await crowd(engine, 10_000)
    (head,) = await engine.claim()
    await engine.append(effect("free", ["OTHER"]))
    before = await pages(engine.pool)
    claimed = await engine.claim(worker="w2")
    assert ([message.key for message in claimed], head.key) == (["free"], "one 0")
    assert await pages(engine.pool) - before < 100


async def test_ten_thousand_in_one_lane_cost_no_more_a_step_than_fifty(engine: Engine) -> None:
    await crowd(engine, 50)
    few = median([await step(engine) for _ in range(10)])
    entered = median([await enter_one(engine, f"few {n}") for n in range(5)])
    await crowd(engine, 10_000, "many")
    many = [await step(engine) for _ in range(200)]
    after = [await enter_one(engine, f"last {n}") for n in range(5)]
    assert median(many) < 2 * few
    assert median(after) < 2 * entered


VERDICTS: dict[str, Verdict] = {
    "backs off": Retry("500"),
    "comes soon": Retry("500", 3.0),
    "comes after the patience": Retry("500", 31.0),
    "snoozes": Snooze("not there yet", 7.0),
    "is locked": Snooze("locked", 5.0, aside=True),
    "is in doubt": InDoubt("read timeout", 20.0),
    "is parked": UNMAPPED,
}


@pytest.mark.parametrize("verdict", VERDICTS.values(), ids=VERDICTS)
async def test_head_that_never_succeeds_holds_its_lane_no_longer_than_the_patience(
    engine: Engine, verdict: Verdict
) -> None:
    """Every second somebody looks, as workers do; a step more for the look that finds it."""
    await engine.append(effect("stuck", ["BEST", "OTHER"]), effect("next", ["BEST"]))
    began = engine.now
    while engine.now - began < timedelta(seconds=3 * engine.patience):
        claimed = await engine.claim()
        if any(message.key == "next" for message in claimed):
            break
        await engine.settle(claimed, verdict)
        await look(engine)
    assert engine.now - began <= timedelta(seconds=engine.patience + 1)


async def look(engine: Engine) -> None:
    engine.later(1)
    if ids := await impatient(engine.pool, engine.now - timedelta(seconds=engine.patience)):
        await step_aside(engine.pool, ids, "in_doubt")
    await engine.enter()


async def test_parked_best_seller_blocks_none_of_a_thousand(engine: Engine) -> None:
    """Every second order holds the SKU of the one that is parked."""
    await engine.append(effect("stuck", ["BEST", "OTHER"]))
    await engine.settle(await engine.claim(), UNMAPPED)
    await engine.append(*(effect(f"k{n}", ["BEST"] if n % 2 else [f"S{n}", "OTHER"]) for n in range(1000)))
    applied = 0
    while claimed := await engine.claim():
        await engine.settle(claimed)
        applied += len(claimed)
    assert (applied, (await engine.states())["stuck"]) == (1000, "parked")


async def take(engine: Engine, want: Want, limits: Limits) -> Sequence[str | None]:
    who = Claim("shop:uk", "w1", engine.now, timedelta(seconds=90))
    batches = await claim(engine.pool, [want], limits, who)
    return [message.key for _, batch in batches for message in batch]


async def open_shop(engine: Engine, slots: float = 3.0) -> None:
    await engine.pool.execute(
        "INSERT INTO destination (name, slots, tokens, refilled_at) VALUES ('shop:uk', $1, 10, $2)",
        slots,
        NOON,
    )


async def test_flood_of_stock_leaves_a_slot_to_orders(engine: Engine) -> None:
    """Its requests may hang as long as they like (RC-36)."""
    await open_shop(engine)
    limits = Limits(3, None, 5)
    await engine.append(*(state(f"s{n}") for n in range(50)))
    for _ in range(5):
        await take(engine, STOCK, limits)
    await engine.append(notice("n1"))
    assert await take(engine, ORDERS, limits) == ["n1"]


@pytest.mark.parametrize("slots", [1.0, 2.0, 3.0])
async def test_stock_goes_on_where_there_are_no_orders(engine: Engine, slots: float) -> None:
    await open_shop(engine, slots)
    await engine.append(*(state(f"s{n}") for n in range(50)))
    assert len(await take(engine, STOCK, Limits(3, None, 5))) == 1


async def test_orders_that_fill_their_slots_do_not_shut_stock_out(engine: Engine) -> None:
    await open_shop(engine)
    limits = Limits(3, None, 5)
    await engine.append(notice("n1"), notice("n2"), *(state(f"s{n}") for n in range(50)))
    await take(engine, ORDERS, limits)
    assert [len(await take(engine, STOCK, limits)) for _ in range(3)] == [1, 1, 0]
