"""Many workers at once: each appends, claims, settles and tends at random, and holds its appends open after the tickets.

No model can say what comes of it; what must hold all the same is looked up afterwards.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import asyncpg

from app.domain.lanes import sku_lanes
from app.domain.message import (
    Claimed,
    Done,
    Draft,
    InDoubt,
    Outcome,
    Park,
    Result,
    Retry,
    Sick,
    Snooze,
    Verdict,
)
from app.outbox import settle as settling
from app.outbox.append import append
from app.outbox.repair import repair
from app.outbox.replay import release, replay
from app.outbox.rescue import rescue
from app.outbox.tickets import MovedError
from app.outbox.verdict import Rules
from app.outbox.withdraw import impatient, step_aside
from tests.outbox.draws import UNMAPPED
from tests.outbox.engine import APPLIED, Engine, effect, notice, state
from tests.outbox.walk import DELAY, START, WANTS

SKUS = "ABCDEFGH"
KINDS = ("erp.place", "erp.place", "erp.change", "shop.order", "shop.stock")
# Tickets drawn and lanes held are seen when they are written, not when their transaction is over.
WATCH = """
CREATE TABLE IF NOT EXISTS drawn (number bigserial, lane text, ticket bigint);
CREATE TABLE IF NOT EXISTS flown (number bigserial, id bigint, token bigint, lane text);
CREATE OR REPLACE FUNCTION watch_ticket() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO drawn (lane, ticket) VALUES (new.lane, new.ticket); RETURN new; END $$;
CREATE OR REPLACE TRIGGER watch AFTER INSERT ON ticket FOR EACH ROW EXECUTE FUNCTION watch_ticket();
CREATE OR REPLACE FUNCTION watch_flight() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO flown (id, token, lane) SELECT new.id, new.token, lane FROM unnest(new.lanes || new.order_lane) AS held(lane)
    WHERE lane IS NOT NULL AND EXISTS (
        SELECT FROM message_state AS other WHERE other.id <> new.id AND other.state = 'leased'
        AND other.doubt_since IS NULL AND lane = ANY(other.lanes || other.order_lane));
    RETURN new;
END $$;
CREATE OR REPLACE TRIGGER watch AFTER UPDATE ON message_state FOR EACH ROW
    WHEN (new.state = 'leased' AND old.state <> 'leased' AND new.doubt_since IS NULL) EXECUTE FUNCTION watch_flight();
"""


@dataclass
class Tally:
    """`names`: keys that were accepted. `states`: how many messages had none."""

    did: Counter[str] = field(default_factory=Counter)
    names: set[str] = field(default_factory=set)
    states: int = 0


@dataclass
class Worker:
    engine: Engine
    rng: random.Random
    name: str
    tally: Tally
    held: list[Claimed] = field(default_factory=list)

    @property
    def pool(self) -> asyncpg.Pool:
        return self.engine.pool

    async def work(self, turns: int) -> None:
        verbs = [self.append] * 4 + [self.claim] * 6 + [self.settle] * 8
        verbs += [self.enter, self.enter, self.tend, self.release, self.replay]
        for _ in range(turns):
            self.engine.later(self.rng.choice([0, 0.1, 1]))
            verb = self.rng.choice(verbs)
            await verb()
            self.tally.did[verb.__name__] += 1

    def draft(self) -> Draft:
        kind, ref = self.rng.choice(KINDS), str(self.rng.randint(1, 20))
        if kind == "shop.stock":
            return state(f"stock{self.rng.randint(1, 3)}")
        key = f"k{self.rng.randint(1, 10 ** self.rng.choice([2, 9]))}"
        if kind == "shop.order":
            return notice(f"{key} notice", ref)
        return effect(key, self.basket(), kind=kind, order_ref=ref)

    def basket(self) -> list[str]:
        return self.rng.sample(SKUS, self.rng.choice([0, 1, 1, 2, 3, 5]))

    def accept(self, drafts: Sequence[Draft]) -> None:
        self.tally.names |= {draft.key for draft in drafts if draft.key is not None}
        self.tally.states += sum(draft.key is None for draft in drafts)

    async def append(self) -> None:
        drafts = [self.draft() for _ in range(self.rng.randint(1, 5))]
        async with self.pool.acquire() as conn, conn.transaction():
            await append(conn, drafts)
            await conn.execute("SELECT pg_sleep($1)", self.rng.uniform(0.001, 0.005))
        self.accept(drafts)

    async def claim(self) -> None:
        self.held += await self.engine.claim(self.rng.choice(WANTS), worker=self.name)

    def verdict(self, message: Claimed) -> Verdict:
        wait = self.rng.choice([0.0, 2.0, 40.0])
        some: list[Verdict] = [APPLIED] * 4
        if message.in_doubt:
            some = [APPLIED, InDoubt("absent", 0, resend=True), InDoubt("not there", wait), Retry("504")]
        elif message.kind.startswith("erp"):
            some += [InDoubt("read timeout", wait), Snooze("grown", wait, lanes=sku_lanes(self.basket()))]
        some += [
            Done(Result.NO_EFFECT),
            Retry("500", self.rng.choice([None, wait]), blind=self.rng.random() < 0.5),
            Snooze("locked", wait, aside=self.rng.random() < 0.5),
            Sick("refused"),
            Park(UNMAPPED),
        ]
        return self.rng.choice(some)

    async def settle(self) -> None:
        """A few together; some are lost on the way, as a worker that is killed loses them."""
        self.rng.shuffle(self.held)
        some, self.held = self.held[:3], self.held[3:]
        if not some or self.rng.random() < 0.05:
            return
        drafts = [self.draft() for _ in range(self.rng.choice([0, 0, 1, 3]))]
        outcomes = [Outcome(m, self.verdict(m), tuple(drafts) if m is some[0] else ()) for m in some]
        changes = await self.changes({m.id for m in some})
        try:
            async with self.pool.acquire() as conn, conn.transaction():
                await settling.settle(conn, outcomes, changes, Rules(self.engine.now, self.rng))
        except MovedError:
            self.tally.did["moved"] += 1
            return
        self.accept(drafts)

    async def changes(self, mine: set[int]) -> list[settling.Change]:
        rows = await self.pool.fetch(
            "SELECT id FROM message_state WHERE kind LIKE 'erp.%' AND NOT send_begun AND state <> 'leased'"
        )
        others = [row["id"] for row in rows if row["id"] not in mine]
        if not others or self.rng.random() < 0.8:
            return []
        number = self.rng.choice(others)
        amended = settling.Change(number, amend=sku_lanes(self.basket()))
        return [self.rng.choice([amended, settling.Change(number, end=Done(Result.CANCELLED))])]

    async def enter(self) -> None:
        await self.engine.enter()

    async def tend(self) -> None:
        await self.pool.execute(
            "UPDATE message_state SET send_begun = true WHERE state = 'leased' AND kind LIKE 'erp.%' AND id % 7 = 0"
        )
        await rescue(self.pool, self.engine.now, settle_delay=DELAY)
        try:
            await step_aside(self.pool, await impatient(self.pool, self.engine.now), "in_doubt")
        except MovedError:
            self.tally.did["moved"] += 1
        self.tally.did["repaired"] += await repair(self.pool)

    async def release(self) -> None:
        rows = await self.pool.fetch("SELECT id, kind FROM message_state WHERE state = 'parked'")
        some = {row["id"]: row["kind"] for row in self.rng.sample(rows, min(len(rows), 2))}
        new = sku_lanes(self.basket())
        lanes = {
            n: self.rng.choice([None, new]) if kind.startswith("erp") else None for n, kind in some.items()
        }
        async with self.pool.acquire() as conn, conn.transaction():
            await release(conn, lanes)

    async def replay(self) -> None:
        number = await self.pool.fetchval("SELECT message_id FROM receipt ORDER BY random() LIMIT 1")
        if number is None:
            return
        kind = await self.pool.fetchval("SELECT kind FROM message WHERE id = $1", number)
        lanes = sku_lanes(self.basket()) if kind.startswith("erp") else ()
        async with self.pool.acquire() as conn, conn.transaction():
            await replay(conn, {number: lanes})


@dataclass(frozen=True, slots=True)
class Crowd:
    seed: int
    workers: int = 4
    turns: int = 250


async def muddle(pool: asyncpg.Pool, crowd: Crowd, tally: Tally) -> list[str]:
    """Answers which promises were broken; errors of Postgres, deadlocks among them, are raised. The database is empty, or
    was left empty by crowds of the same tally.
    """
    await pool.execute(WATCH)
    engine = Engine(pool)
    engine.now = START
    async with asyncio.TaskGroup() as group:
        for place in range(crowd.workers):
            rng = random.Random(f"{crowd.seed} {place}")
            group.create_task(Worker(engine, rng, f"w{place}", tally).work(crowd.turns))
    faults = await wrongs(pool, tally)
    return faults + await drain(engine) + await balance(pool, tally)


async def wrongs(pool: asyncpg.Pool, tally: Tally) -> list[str]:
    found = {
        "tickets drawn out of the order of their lane": """
            SELECT count(*) FROM (SELECT ticket < max(ticket) OVER (PARTITION BY lane ORDER BY number) AS late FROM drawn)
            AS places WHERE late""",
        "two in flight share a lane": "SELECT count(*) FROM flown",
        "ready or in flight and not at the head": """
            SELECT count(*) FROM message_state AS s WHERE state IN ('ready', 'leased') AND doubt_since IS NULL
            AND EXISTS (SELECT FROM unnest(s.lanes) AS held(lane) WHERE s.ticket IS DISTINCT FROM (
                SELECT min(ticket) FROM ticket AS t WHERE t.lane = held.lane))""",
        "holds a lane while it waits for its order": """
            SELECT count(*) FROM message_state AS s JOIN ticket AS t ON t.lane = s.order_lane AND t.ticket < s.order_ticket
            WHERE s.ticket IS NOT NULL""",
        "counts other blockers than it has": """
            SELECT count(*) FROM message_state AS s WHERE state = 'waiting' AND entered AND blockers <> (
                SELECT count(*) FROM unnest(s.lanes) AS held(lane) WHERE EXISTS (
                    SELECT FROM ticket AS t WHERE t.lane = held.lane AND t.ticket < s.ticket))""",
        "stands where it does not belong": """
            SELECT count(*) FROM ticket AS t LEFT JOIN message_state AS s ON s.id = t.message_id
            WHERE s.id IS NULL OR NOT ((t.ticket = s.ticket AND t.lane = ANY(s.lanes))
                                       OR (t.lane = s.order_lane AND t.ticket = s.order_ticket))""",
        "more than one state waits": """
            SELECT count(*) FROM (SELECT FROM message_state WHERE coalesce_key IS NOT NULL AND state = 'waiting'
                                  GROUP BY coalesce_key HAVING count(*) > 1) AS crowded""",
        "lanes that nobody can lock": "SELECT count(*) FROM ticket LEFT JOIN lane ON key = lane WHERE key IS NULL",
    }
    counts = {fault: await pool.fetchval(query) for fault, query in found.items()}
    counts["had to be repaired"] = tally.did["repaired"] + await repair(pool)
    return [f"{count} x {fault}" for fault, count in counts.items() if count]


async def drain(engine: Engine, turns: int = 300) -> list[str]:
    """Everything goes well from now on; then nothing may be left."""
    for _ in range(turns):
        engine.later(400)
        rows = await engine.pool.fetch("SELECT id FROM message_state WHERE state = 'parked'")
        async with engine.pool.acquire() as conn, conn.transaction():
            await release(conn, {row["id"]: None for row in rows})
        await rescue(engine.pool, engine.now, settle_delay=timedelta(seconds=0))
        await engine.enter()
        for want in WANTS:
            if claimed := await engine.claim(want):
                await engine.settle(claimed)
        if not await engine.pool.fetchval("SELECT count(*) FROM message_state"):
            break
    tickets, _, messages = await engine.leftovers()
    return [f"{messages} messages and {tickets} tickets are stranded"] if tickets or messages else []


async def balance(pool: asyncpg.Pool, tally: Tally) -> list[str]:
    receipts = await pool.fetch("SELECT m.key FROM receipt JOIN message AS m ON m.id = message_id")
    keys = [row["key"] for row in receipts if row["key"] is not None]
    if set(keys) == tally.names and len(keys) == len(set(keys)) and len(receipts) == len(keys) + tally.states:
        return []
    lost, extra = tally.names - set(keys), set(keys) - tally.names
    return [
        f"{len(lost)} lost, {len(extra)} unexpected, {len(receipts) - len(keys)} of {tally.states} states"
    ]
