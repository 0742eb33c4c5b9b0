import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import asyncpg
import pytest

from app.domain.channel import Budget
from app.domain.message import Snooze
from app.outbox.breaker import Failure, failed, succeeded
from app.outbox.claim import claim, renew
from app.outbox.room import Claim, Limits, Want
from tests.outbox.engine import NOON, NOTICE, PLACE, Engine, effect, notice, state

BUDGET = Budget(rate=1.0, burst=10.0)
POLL = Want("shop.stock", spare=True)


async def ask(engine: Engine, wants: list[Want], limits: Limits, destination: str = "shop:uk") -> list[str]:
    await engine.pool.execute(
        "INSERT INTO destination (name, slots, tokens, refilled_at) VALUES ($1, 50, 10, $2) ON CONFLICT DO NOTHING",
        destination,
        NOON,
    )
    who = Claim(destination, "w1", engine.now, timedelta(seconds=90))
    batches = await claim(engine.pool, wants, limits, who)
    return [message.key or message.body["n"] for _, batch in batches for message in batch]


async def test_serial_kind_has_one_batch_in_flight(engine: Engine) -> None:
    await engine.append(*(notice(f"n{number}") for number in range(3)))
    want = Want("shop.order", batch=2, serial=True)
    first = await engine.claim(want)
    assert await engine.claim(want, worker="w2") == []
    await engine.settle(first)
    assert [message.key for message in await engine.claim(want)] == ["n2"]


async def test_batch_of_a_vanished_worker_still_holds_its_kind(engine: Engine) -> None:
    await engine.append(notice("n1"), notice("n2"))
    await engine.claim(Want("shop.order", serial=True))
    engine.later(3600)
    assert await engine.claim(Want("shop.order", serial=True), worker="w2") == []


async def test_single_kind_takes_no_more_than_free_slots(engine: Engine) -> None:
    await engine.append(*(effect(f"k{number}", [f"S{number}"]) for number in range(9)))
    want = Want("erp.place", single=True)
    assert len(await engine.claim(want, slots=4)) == 4
    assert await engine.claim(want, slots=4, worker="w2") == []


async def test_budget_is_drawn_and_refills_with_time(engine: Engine) -> None:
    await engine.append(*(notice(f"n{number}") for number in range(30)))
    want, limits = Want("shop.order", single=True), Limits(50, BUDGET, 5)
    assert len(await ask(engine, [want], limits)) == 10
    engine.later(3)
    assert len(await ask(engine, [want], limits)) == 3


async def test_spare_kind_leaves_a_share_of_the_budget_to_orders(engine: Engine) -> None:
    await engine.append(*(state(f"s{number}", body={"n": number}) for number in range(20)))
    await engine.append(*(notice(f"n{number}") for number in range(20)))
    limits = Limits(50, BUDGET, 5)
    taken = [await ask(engine, [POLL], limits) for _ in range(20)]
    assert sum(map(len, taken)) == 7
    assert len(await ask(engine, [Want("shop.order", single=True)], limits)) == 3


async def pages(engine: Engine, *, seconds: int, orders: Want) -> tuple[int, int]:
    """How many polls and how many of the others went, one claim each tenth of a second; a poll is always due."""
    limits, polls, others = Limits(50, BUDGET, 5), 0, 0
    for _ in range(seconds * 10):
        taken = await ask(engine, [POLL, orders], limits)
        went = sum(isinstance(one, int) for one in taken)
        polls, others = polls + went, others + len(taken) - went
        await engine.pool.execute("DELETE FROM message_state WHERE state = 'leased'")
        engine.later(0.1)
    return polls, others


async def test_polls_and_orders_that_never_end_share_what_comes_in(engine: Engine) -> None:
    """Neither starves: 70 % and 30 % of a request a second, after the ten that were there."""
    await engine.append(*(state(f"s{number}", body={"n": number}) for number in range(60)))
    await engine.append(*(notice(f"n{number}") for number in range(60)))
    polls, orders = await pages(engine, seconds=20, orders=Want("shop.order", single=True))
    assert (polls, orders) == (pytest.approx(7 + 14, abs=1), pytest.approx(3 + 6, abs=1))


async def test_orders_may_have_everything_while_no_poll_is_due(engine: Engine) -> None:
    await engine.append(*(notice(f"n{number}") for number in range(60)))
    polls, orders = await pages(engine, seconds=20, orders=Want("shop.order", single=True))
    assert (polls, orders) == (0, pytest.approx(10 + 20, abs=1))


async def test_polls_come_again_at_once_after_orders_had_everything(engine: Engine) -> None:
    await engine.append(*(notice(f"n{number}") for number in range(60)))
    orders = Want("shop.order", single=True)
    assert (await pages(engine, seconds=1, orders=orders))[1] >= 10
    await engine.append(*(state(f"s{number}", body={"n": number}) for number in range(60)))
    assert (await pages(engine, seconds=10, orders=orders))[0] == pytest.approx(7, abs=1)


async def test_what_was_asked_beside_is_drawn_with_the_next_claim_and_what_was_not_given_back(
    engine: Engine,
) -> None:
    await engine.append(*(notice(f"n{number}") for number in range(30)))
    want = Want("shop.order")
    assert len(await ask(engine, [want], Limits(50, BUDGET, 5, owed=9))) == 1
    assert await ask(engine, [want], Limits(50, BUDGET, 5)) == []
    assert len(await ask(engine, [want], Limits(50, BUDGET, 5, owed=-2))) == 1
    assert await engine.pool.fetchval("SELECT tokens FROM destination") == pytest.approx(1)
    assert len(await ask(engine, [want], Limits(50, BUDGET, 5, owed=-200))) == 1
    assert await engine.pool.fetchval("SELECT tokens FROM destination") == pytest.approx(BUDGET.burst - 1)


async def test_a_claim_that_gets_nothing_draws_nothing(engine: Engine) -> None:
    """What was due is in somebody else's hands just now; what was owed is still owed."""
    await engine.append(notice("1"))
    want = Want("shop.order", single=True)
    assert await ask(engine, [POLL], Limits(50, BUDGET, 5)) == []
    before = await engine.pool.fetchval("SELECT tokens FROM destination")
    async with engine.pool.acquire() as conn, conn.transaction():
        await conn.execute("SELECT FROM message_state FOR UPDATE")
        assert await ask(engine, [want], Limits(50, BUDGET, 5, owed=4)) == []
    assert await engine.pool.fetchval("SELECT tokens FROM destination") == before


async def test_two_claimers_share_one_budget(engine: Engine) -> None:
    await engine.append(*(notice(f"n{number}") for number in range(30)))
    want, limits = Want("shop.order", single=True), Limits(50, BUDGET, 5)
    await ask(engine, [], limits)
    taken = await asyncio.gather(*(ask(engine, [want], limits) for _ in range(4)))
    assert sum(map(len, taken)) == 10


async def test_resting_destination_gives_nothing(engine: Engine) -> None:
    await engine.append(effect("a"))
    await engine.claim(Want("erp.none"))
    failure = Failure("refused", engine.now, None, 1.0, 10.0, 5)
    await failed(engine.pool, "erp:main", failure, rests=True)
    assert await engine.claim() == []
    engine.later(1.1)
    assert len(await engine.claim()) == 1


async def test_breaker_opens_after_failures_in_a_row_and_tries_one(engine: Engine) -> None:
    await engine.append(*(effect(f"k{number}") for number in range(9)))
    await engine.claim(Want("erp.none"))
    failure = Failure("timeout", engine.now, None, 1.0, 10.0, 5)
    for _ in range(5):
        await failed(engine.pool, "erp:main", failure, rests=False)
    single = Want("erp.place", single=True)
    assert await engine.claim(single) == []
    engine.later(10.1)
    assert len(await engine.claim(single)) == 1
    await succeeded(engine.pool, "erp:main", 4, engine.now)
    assert len(await engine.claim(single, slots=4)) >= 1


async def test_told_time_to_resume_is_kept(engine: Engine) -> None:
    await engine.append(effect("a"))
    await engine.claim(Want("erp.none"))
    told = engine.now + timedelta(minutes=40)
    await failed(engine.pool, "erp:main", Failure("429", engine.now, told, 1.0, 10.0, 5), rests=True)
    engine.later(39 * 60)
    assert await engine.claim() == []
    engine.later(61)
    assert len(await engine.claim()) == 1


async def test_lease_is_renewed_only_for_its_own_token(engine: Engine) -> None:
    await engine.append(effect("a"))
    mine = (await engine.claim())[0]
    until = engine.now + timedelta(seconds=500)
    assert await renew(engine.pool, [mine.token, mine.token + 1], until) == {mine.token}
    assert await engine.pool.fetchval("SELECT lease_until FROM message_state") == until


async def test_one_kind_behind_another_costs_nothing(engine: Engine) -> None:
    """The plan of a claim reads its own kind and nothing else, whatever the backlog."""
    await engine.pool.execute(
        """
        INSERT INTO message_state (id, kind, destination, source, state, due_at, entered)
        SELECT n, CASE WHEN n % 50000 = 0 THEN 'shop.rare' ELSE 'shop.order' END, 'shop:uk', 'uk', 'ready',
               '-infinity', true FROM generate_series(1, 50000) AS n
        """
    )
    await engine.pool.execute("ANALYZE message_state")
    plan = await engine.pool.fetch(
        """
        EXPLAIN (FORMAT TEXT) SELECT id FROM message_state
        WHERE destination = 'shop:uk' AND kind = 'shop.order' AND state = 'ready' AND due_at <= now()
        ORDER BY due_at, id LIMIT 100 FOR UPDATE SKIP LOCKED
        """
    )
    text = "\n".join(row[0] for row in plan)
    assert "claimable" in text
    assert "Sort" not in text


async def test_snoozed_notice_lets_younger_ones_pass(engine: Engine) -> None:
    await engine.append(notice("n1"), notice("n2"))
    first = await engine.claim(Want("shop.order", serial=True))
    await engine.settle(first, Snooze("not readable yet", 5))
    assert [message.key for message in await engine.claim(NOTICE)] == ["n2"]


async def test_unready_messages_are_not_claimed(engine: Engine) -> None:
    await engine.append(effect("a", ["X"]), effect("b", ["X"]))
    await engine.claim(PLACE)
    assert await engine.claim(PLACE, worker="w2") == []


@dataclass
class Hurried:
    """A pool and its connection. `before`: number of a statement -> what happens just before it."""

    pool: asyncpg.Pool
    before: dict[int, Callable[[], Awaitable[object]]]
    asked: int = 0

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator["Hurried"]:
        yield self

    async def fetch(self, *question: object) -> list[asyncpg.Record]:
        self.asked += 1
        await self.before.get(self.asked, self._nothing)()
        return await self.pool.fetch(*question)

    async def execute(self, *question: object) -> str:
        return await self.pool.execute(*question)

    async def _nothing(self) -> None:
        pass


async def hurry(
    engine: Engine, wants: list[Want], before: dict[int, Callable[[], Awaitable[object]]]
) -> list[str]:
    who = Claim("shop:uk", "late", engine.now, timedelta(seconds=90))
    batches = await claim(Hurried(engine.pool, before), wants, Limits(50, None, 5), who)
    return [message.key or message.body["n"] for _, batch in batches for message in batch]


async def test_workers_whose_clocks_differ_share_one_budget(engine: Engine) -> None:
    await engine.append(*(notice(f"n{number}") for number in range(60)))
    want, limits = Want("shop.order", single=True), Limits(50, BUDGET, 5)
    taken = 0
    for _ in range(20):
        for skew in (3, -3):
            engine.later(skew)
            taken += len(await ask(engine, [want], limits))
    assert taken <= 13


async def test_claimer_that_is_overtaken_looks_again(engine: Engine) -> None:
    await engine.append(notice("n1"), notice("n2"))
    want = Want("shop.order", serial=True)
    await engine.claim(Want("shop.other"))
    assert await hurry(engine, [want], {2: lambda: engine.claim(want, worker="first")}) == []
    rows = await engine.pool.fetch("SELECT worker, state FROM message_state ORDER BY id")
    assert [(row["worker"], row["state"]) for row in rows] == [("first", "leased"), (None, "ready")]


async def test_destination_that_is_sent_to_rest_after_the_look_gives_nothing(engine: Engine) -> None:
    await engine.append(notice("n1"))
    await engine.claim(Want("shop.other"))
    rest = Failure("429", engine.now, engine.now + timedelta(seconds=60), 1.0, 10.0, 5)
    assert (
        await hurry(
            engine, [Want("shop.order")], {2: lambda: failed(engine.pool, "shop:uk", rest, rests=True)}
        )
        == []
    )


async def test_what_was_taken_before_postgres_went_away_is_worked(engine: Engine) -> None:
    await engine.append(notice("n1"), state("s", body={"n": "s"}))
    await engine.claim(Want("shop.other"))

    async def break_off() -> None:
        raise ConnectionResetError

    assert await hurry(engine, [Want("shop.order"), Want("shop.stock")], {3: break_off}) == ["n1"]
    with pytest.raises(ConnectionResetError):
        await hurry(engine, [Want("shop.stock")], {2: break_off})
