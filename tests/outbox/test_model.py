"""A long walk through the outbox beside a model of it: whatever the order of verbs, lanes keep their order and end empty."""

import random
from dataclasses import dataclass, field

import asyncpg
import pytest

from app.domain.lanes import sku_lanes
from app.domain.message import Claimed, Done, InDoubt, Park, Result, Retry, Sick, Snooze, Verdict, Violation
from app.outbox.append import Appended
from app.outbox.claim import Want
from app.outbox.repair import repair
from app.outbox.replay import release, replay
from app.outbox.rescue import rescue
from app.outbox.settle import Change
from app.outbox.tickets import MovedError
from app.outbox.withdraw import impatient, step_aside
from tests.outbox.engine import APPLIED, Engine, effect, notice, state
from tests.outbox.test_rescue import DELAY

SKUS = ("A", "B", "C", "D", "E")
OTHER = Want("erp.change", batch=3)
WANTS = (Want("erp.place", batch=4), OTHER, Want("shop.order", batch=5, serial=True), Want("shop.stock"))
UNMAPPED = Park((Violation("E-CARRIER-UNMAPPED", "courier", "Owl", "map it"),))


@dataclass
class Model:
    """`accepted`: key -> message. `served`: lane -> tickets in the order in which they were done. `states`: how many."""

    accepted: dict[str, int] = field(default_factory=dict)
    flying: dict[int, Claimed] = field(default_factory=dict)
    ended: set[int] = field(default_factory=set)
    served: dict[str, list[int]] = field(default_factory=dict)
    states: int = 0


@dataclass
class Walk:
    engine: Engine
    rng: random.Random
    model: Model = field(default_factory=Model)
    count: int = 0

    @property
    def pool(self) -> asyncpg.Pool:
        return self.engine.pool

    def basket(self) -> list[str]:
        return self.rng.sample(SKUS, self.rng.choice([0, 1, 1, 2, 3]))

    async def append(self) -> None:
        drafts = []
        for _ in range(self.rng.randint(1, 4)):
            self.count += 1
            ref = str(self.rng.randint(1, 8))
            drafts.append(
                self.rng.choice(
                    [
                        effect(f"k{self.count}", self.basket(), order_ref=ref),
                        effect(f"k{self.count}", self.basket(), order_ref=ref, kind="erp.change"),
                        effect(f"k{self.rng.randint(1, self.count)}", self.basket(), order_ref=ref),
                        notice(f"k{self.count}", ref),
                        state(self.rng.choice(["poll", "stock"])),
                    ]
                )
            )
        self.accept(drafts, await self.engine.append(*drafts))

    def accept(self, drafts: list, answers: list[Appended]) -> None:
        for draft, answer in zip(drafts, answers, strict=True):
            if draft.key is None:
                self.model.states += 1
            else:
                known = self.model.accepted.setdefault(draft.key, answer.message_id)
                assert known == answer.message_id

    async def claim(self) -> None:
        for message in await self.engine.claim(self.rng.choice(WANTS)):
            assert message.id not in self.model.flying
            self.model.flying[message.id] = message

    def verdict(self, message: Claimed) -> Verdict:
        wait = self.rng.choice([0, 5, 40])
        if message.in_doubt:
            return self.rng.choice(
                [
                    APPLIED,
                    InDoubt("absent", 0, resend=True),
                    InDoubt("not there", wait),
                    Retry("504"),
                    UNMAPPED,
                ]
            )
        return self.rng.choice(
            [
                APPLIED,
                APPLIED,
                Done(Result.NO_EFFECT),
                Retry("500", wait),
                Retry("500"),
                Snooze("closed", wait),
                Snooze("locked", wait, aside=True),
                Sick("refused"),
                UNMAPPED,
                *([InDoubt("read timeout", wait)] if message.kind.startswith("erp") else []),
            ]
        )

    async def settle(self) -> None:
        flying = list(self.model.flying.values())
        if not flying:
            return
        kind = self.rng.choice(flying).kind
        batch = [m for m in flying if m.kind == kind][: self.rng.randint(1, 3)]
        verdict = self.verdict(batch[0]) if len({m.in_doubt for m in batch}) == 1 else APPLIED
        changes = await self.changes() if kind == "shop.order" else []
        rows = await self.pool.fetch(
            "SELECT id, ticket, lanes FROM message_state WHERE id = ANY($1::bigint[]) ORDER BY ticket",
            [m.id for m in batch],
        )
        try:
            await self.engine.settle(batch, verdict, changes=changes)
        except MovedError:
            assert changes
            return
        for message in batch:
            del self.model.flying[message.id]
        if isinstance(verdict, Done):
            self.end(rows)
        for change in changes:
            self.model.ended |= {change.message_id} if change.end else set()

    def end(self, rows: list[asyncpg.Record]) -> None:
        for row in rows:
            self.model.ended.add(row["id"])
            if row["ticket"] is not None:
                for lane in row["lanes"]:
                    self.model.served.setdefault(lane, []).append(row["ticket"])

    async def changes(self) -> list[Change]:
        """Amends, ends or guards some effect that seems to be unsent."""
        open_ = await self.pool.fetch(
            "SELECT id FROM message_state WHERE kind LIKE 'erp.%' AND NOT send_begun AND state <> 'leased'"
        )
        if not open_ or self.rng.random() < 0.3:
            return []
        number = self.rng.choice(open_)["id"]
        amended = Change(number, amend=sku_lanes(self.basket()))
        return [self.rng.choice([amended, Change(number, end=Done(Result.CANCELLED)), Change(number)])]

    async def release(self) -> None:
        rows = await self.pool.fetch("SELECT id FROM message_state WHERE state = 'parked'")
        some = self.rng.sample(rows, min(len(rows), 2))
        others = await self.no_effects()
        lanes = self.rng.choice([None, sku_lanes(self.basket())])
        async with self.pool.acquire() as conn, conn.transaction():
            await release(conn, {row["id"]: None if row["id"] in others else lanes for row in some})

    async def no_effects(self) -> set[int]:
        rows = await self.pool.fetch("SELECT id FROM message WHERE cls <> 'effect'")
        return {row["id"] for row in rows}

    async def replay(self) -> None:
        if not self.model.ended:
            return
        number = self.rng.choice(sorted(self.model.ended))
        lanes = () if number in await self.no_effects() else sku_lanes(self.basket())
        async with self.pool.acquire() as conn, conn.transaction():
            self.model.ended -= set(await replay(conn, {number: lanes}))

    async def rescue(self) -> None:
        """All that is in flight is lost; some of it had begun to be sent."""
        if self.rng.random() < 0.7:
            return
        await self.pool.execute(
            "UPDATE message_state SET send_begun = true WHERE state = 'leased' AND kind LIKE 'erp.%' AND id % 2 = 0"
        )
        lost = list(self.model.flying.values())
        self.engine.later(91)
        assert await rescue(self.pool, self.engine.now, settle_delay=DELAY) == len(lost)
        self.model.flying.clear()
        for message in lost[:2]:
            with pytest.raises(MovedError):
                await self.engine.settle([message])

    async def aside(self) -> None:
        before = self.engine.now
        await step_aside(self.pool, await impatient(self.pool, before), "in_doubt")

    async def enter(self) -> None:
        self.engine.later(self.rng.choice([0, 1, 20]))
        await self.engine.enter()

    async def step(self) -> None:
        verbs = [self.append] * 3 + [self.claim] * 5 + [self.settle] * 6
        verbs += [self.release, self.replay, self.rescue, self.aside, self.enter, self.enter]
        await self.rng.choice(verbs)()
        await self.check()

    async def check(self) -> None:
        flying = await self.pool.fetch(
            """
            SELECT held.lane FROM message_state AS s, unnest(s.lanes || s.order_lane) AS held(lane)
            WHERE s.state = 'leased' AND s.doubt_since IS NULL AND held.lane IS NOT NULL
            """
        )
        lanes = [row["lane"] for row in flying]
        assert len(lanes) == len(set(lanes))
        wrong = await self.pool.fetch(
            """
            SELECT s.* FROM message_state AS s WHERE s.blockers < 0 OR (s.state IN ('ready', 'leased') AND EXISTS (
                SELECT FROM unnest(s.lanes) AS held(lane) WHERE s.doubt_since IS NULL AND NOT EXISTS (
                    SELECT FROM ticket AS t WHERE t.lane = held.lane AND t.ticket = s.ticket)))
               OR (s.state = 'waiting' AND s.entered AND s.blockers <> (
                SELECT count(*) FROM unnest(s.lanes) AS held(lane) WHERE EXISTS (
                    SELECT FROM ticket AS t WHERE t.lane = held.lane AND t.ticket < s.ticket)))
               OR (s.state = 'waiting' AND s.due_at = 'infinity' AND NOT EXISTS (
                    SELECT FROM ticket AS t WHERE t.lane = s.order_lane AND t.ticket < s.order_ticket))
               OR (s.state = 'ready' AND s.due_at = 'infinity')
            """
        )
        assert wrong == []
        assert await repair(self.pool) == 0

    async def balance(self) -> None:
        ids = set(self.model.accepted.values())
        receipts = {
            row["message_id"] for row in await self.pool.fetch("SELECT message_id FROM receipt WHERE keyed")
        }
        open_ = {
            row["id"]
            for row in await self.pool.fetch("SELECT id FROM message_state WHERE coalesce_key IS NULL")
        }
        assert receipts | open_ == ids
        assert not receipts & open_
        assert await self.pool.fetchval("SELECT count(*) FROM message") == len(ids) + self.model.states

    async def drain(self) -> None:
        """Everything goes well from now on: then nothing is left."""
        for _ in range(400):
            self.engine.later(400)
            rows = await self.pool.fetch("SELECT id FROM message_state WHERE state = 'parked'")
            async with self.pool.acquire() as conn, conn.transaction():
                await release(conn, {row["id"]: None for row in rows})
            await self.engine.enter()
            for want in WANTS:
                for message in await self.engine.claim(want):
                    self.model.flying[message.id] = message
            for message in list(self.model.flying.values()):
                row = await self.pool.fetch(
                    "SELECT id, ticket, lanes FROM message_state WHERE id = $1", message.id
                )
                await self.engine.settle([message])
                self.end(row)
            self.model.flying.clear()
            if await self.engine.leftovers() == (0, 0, 0):
                break
            await self.check()


@pytest.mark.parametrize("seed", range(5))
async def test_walk_through_every_verb_strands_and_reorders_nothing(engine: Engine, seed: int) -> None:
    walk = Walk(engine, random.Random(seed))
    for number in range(240):
        await walk.step()
        if number % 60 == 0:
            await walk.balance()
    await walk.drain()
    assert await engine.leftovers() == (0, 0, 0)
    await walk.balance()
    for tickets in walk.model.served.values():
        assert tickets == sorted(tickets)
