"""Permanent races: many workers, transactions held open after their tickets were drawn."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import asyncpg

from app.domain.message import InDoubt, Outcome, Retry, Snooze
from app.outbox import append as appending
from app.outbox import settle as settling
from app.outbox.repair import repair
from app.outbox.tickets import MovedError
from app.outbox.verdict import Rules
from tests.outbox.engine import APPLIED, Engine, effect


@dataclass
class Log:
    """What was applied, and what was in flight at the same time."""

    applied: list[str] = field(default_factory=list)
    flying: dict[str, str] = field(default_factory=dict)
    clashes: list[tuple[str, str]] = field(default_factory=list)

    def take_off(self, key: str, skus: Sequence[str]) -> None:
        for sku in skus:
            if sku in self.flying:
                self.clashes.append((key, self.flying[sku]))
            self.flying[sku] = key

    def land(self, key: str, skus: Sequence[str]) -> None:
        self.applied.append(key)
        for sku in skus:
            self.flying.pop(sku, None)


def baskets(rng: random.Random, count: int) -> dict[str, tuple[str, ...]]:
    """Few SKUs and wide baskets: everything is in everything's way."""
    return {
        f"k{number:04d}": tuple({f"S{int(rng.paretovariate(1.0))}" for _ in range(rng.choice([1, 2, 3, 5]))})
        for number in range(count)
    }


async def deliver(engine: Engine, work: dict[str, tuple[str, ...]], rng: random.Random) -> None:
    keys = list(work)
    while keys:
        batch = [keys.pop(0) for _ in range(min(len(keys), rng.randint(1, 6)))]
        async with engine.pool.acquire() as conn, conn.transaction():
            await appending.append(conn, [effect(key, work[key]) for key in batch])
            await conn.execute("SELECT pg_sleep($1)", rng.uniform(0.001, 0.005))


async def toil(engine: Engine, work: dict[str, tuple[str, ...]], log: Log, rng: random.Random) -> None:
    idle = 0
    while len(log.applied) < len(work) and idle < 400:
        claimed = await engine.claim(worker=f"w{rng.random()}", slots=50)
        idle = 0 if claimed else idle + 1
        for message in claimed:
            log.take_off(str(message.key), work[str(message.key)])
        await engine.pool.execute("SELECT pg_sleep($1)", rng.uniform(0, 0.003))
        for message in claimed:
            log.land(str(message.key), work[str(message.key)])
        rules = Rules(engine.now, rng)
        async with engine.pool.acquire() as conn, conn.transaction():
            await settling.settle(conn, [Outcome(message, APPLIED) for message in claimed], [], rules)


async def tickets_of(pool: asyncpg.Pool) -> dict[str, int]:
    rows = await pool.fetch(
        "SELECT m.key, i.message_id FROM idempotency_key AS i JOIN message AS m ON m.id = i.message_id"
    )
    return {row["key"]: row["message_id"] for row in rows}


async def test_every_sku_is_served_in_order_and_nothing_is_stranded(engine: Engine) -> None:
    rng = random.Random(11)
    await engine.pool.execute("CREATE TABLE seen (message_id bigint, lane text, ticket bigint)")
    await engine.pool.execute(
        """
        CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO seen VALUES (new.message_id, new.lane, new.ticket); RETURN new; END $$
        """
    )
    await engine.pool.execute(
        "CREATE TRIGGER keep AFTER INSERT ON ticket FOR EACH ROW EXECUTE FUNCTION keep()"
    )
    work, log = baskets(rng, 300), Log()
    parts = [dict(list(work.items())[start::3]) for start in range(3)]
    async with asyncio.TaskGroup() as group:
        for number, part in enumerate(parts):
            group.create_task(deliver(engine, part, random.Random(number)))
        for number in range(3):
            group.create_task(toil(engine, work, log, random.Random(100 + number)))
    assert sorted(log.applied) == sorted(work)
    assert log.clashes == []
    assert await repair(engine.pool) == 0
    rows = await engine.pool.fetch(
        "SELECT m.key, s.lane, s.ticket FROM seen AS s JOIN message AS m ON m.id = s.message_id WHERE lane LIKE 'sku:%'"
    )
    place = {key: number for number, key in enumerate(log.applied)}
    lanes: dict[str, list[tuple[int, int]]] = {}
    for row in rows:
        lanes.setdefault(row["lane"], []).append((row["ticket"], place[row["key"]]))
    for queue in lanes.values():
        served = [applied for _, applied in sorted(queue)]
        assert served == sorted(served)


async def test_settling_with_follow_ups_beside_appends_neither_deadlocks_nor_strands(engine: Engine) -> None:
    rng = random.Random(3)
    await engine.append(*(effect(f"seed{n}", [f"S{n % 4}", f"T{n % 3}"]) for n in range(30)))

    async def settle_some() -> None:
        for turn in range(40):
            claimed = await engine.claim(worker=f"w{turn}")
            drafts = [effect(f"f{n}", [f"S{n % 4}", f"T{n % 5}"]) for n in rng.sample(range(60), 3)]
            outcomes = [Outcome(m, APPLIED, tuple(drafts) if n == 0 else ()) for n, m in enumerate(claimed)]
            async with engine.pool.acquire() as conn, conn.transaction():
                await settling.settle(conn, outcomes, [], Rules(engine.now, rng))

    async def append_some() -> None:
        for _ in range(40):
            numbers = rng.sample(range(60), 5)
            await engine.append(*(effect(f"f{n}", [f"T{n % 5}", f"S{n % 4}"]) for n in numbers))

    await asyncio.gather(settle_some(), settle_some(), append_some(), append_some())
    while claimed := await engine.claim():
        await engine.settle(claimed)
    assert await repair(engine.pool) == 0
    assert await engine.leftovers() == (0, 0, 0)


async def test_leaving_in_mid_lane_beside_settling_strands_nobody(engine: Engine) -> None:
    rng = random.Random(8)
    await engine.append(
        *(
            effect(f"k{n}", [f"S{n % 3}", f"T{n % 4}", "ALL"] if n % 5 == 0 else [f"S{n % 3}"])
            for n in range(80)
        )
    )
    verdicts = (
        APPLIED,
        APPLIED,
        Snooze("locked", 0, aside=True),
        Retry("500", 40),
        InDoubt("read timeout", 0),
    )

    async def muddle(worker: str) -> None:
        for _ in range(60):
            for message in await engine.claim(worker=worker):
                verdict = APPLIED if message.in_doubt else rng.choice(verdicts)
                try:
                    await engine.settle([message], verdict)
                except MovedError:
                    await engine.settle([message], Snooze("moved", 0))
            await engine.enter()

    await asyncio.gather(muddle("w1"), muddle("w2"), muddle("w3"))
    engine.later(3600)
    for _ in range(200):
        await engine.enter()
        claimed = await engine.claim()
        if not claimed and await engine.leftovers() == (0, 0, 0):
            break
        await engine.settle(claimed)
    assert await repair(engine.pool) == 0
    assert await engine.leftovers() == (0, 0, 0)
