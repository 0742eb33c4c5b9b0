"""Everybody in everybody's way: few SKUs, wide baskets, transactions held open after their tickets were drawn, and all
verbs that leave a lane in its middle beside all that enter or settle.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

from app.domain.lanes import sku_lanes
from app.domain.message import (
    Claimed,
    Done,
    Draft,
    InDoubt,
    MessageClass,
    Outcome,
    Park,
    Result,
    Retry,
    Snooze,
    Violation,
)
from app.outbox.append import append
from app.outbox.intend import Intent, intend
from app.outbox.replay import release, replay
from app.outbox.room import Want
from app.outbox.settle import Change
from tests.chaos.crowd import books
from tests.chaos.crowd.facts import Fact
from tests.chaos.crowd.hands import Hands
from tests.chaos.crowd.serve import APPLIED, ERP, effect, take, tend

DESK = "desk:main"
NUDGE = Want("desk.nudge", batch=4)
STATE = Want("desk.state", batch=4)
PLACE = Want("erp.place", batch=8)
UNMAPPED = Park((Violation("E-CARRIER-UNMAPPED", "courier", "Owl", "map it"),))
KEYS = 12
"""Keys a round that all processes share."""
CROWDED = 80
"""Open messages above which nobody appends."""


class Jostler:
    """`size`: SKUs. `open`: whether anything new may still begin. Rounds are by time, so that all processes append the
    same keys at the same moment.
    """

    def __init__(self, hands: Hands, size: int) -> None:
        self.hands = hands
        self._skus = [f"S{number}" for number in range(size)]
        self.open = True

    def basket(self) -> tuple[str, ...]:
        return tuple(self.hands.rng.sample(self._skus, self.hands.rng.choice((1, 1, 2, 3, len(self._skus)))))

    def drafts(self) -> list[Draft]:
        """Of keys that others append now, too, in any order; and of lanes that never meet in the same order."""
        rng, turn = self.hands.rng, int(self.hands.now().timestamp() * 4)
        refs = rng.sample(range(KEYS), rng.randint(1, 6))
        facts = [Fact("uk", f"{turn}-{ref}", 0, self.basket()) for ref in refs]
        drafts = [replace(effect(fact), body={"number": 0}) for fact in facts]
        drafts += [nudge(f"nudge/{self.hands.worker}/{rng.random()}")] * rng.choice((0, 1))
        drafts += [state(rng.choice(("stock", "price"))) for _ in range(rng.choice((0, 1)))]
        return drafts

    async def append(self) -> None:
        """Held open for a while after the tickets were drawn."""
        await asyncio.sleep(self.hands.rng.uniform(0, 0.05))
        if await self.hands.pool.fetchval("SELECT count(*) FROM message_state") > CROWDED:
            return
        async with self.hands.pool.acquire() as conn, conn.transaction():
            nudges = [nudge(f"nudge/{self.hands.rng.random()}") for _ in range(3)]
            answers = await append(conn, [*self.drafts(), *nudges])
            await conn.execute("SELECT pg_sleep($1)", self.hands.rng.uniform(0.001, 0.005))
        self.hands.seen["appended"] += sum(not answer.duplicate for answer in answers)
        self.hands.seen["duplicates"] += sum(answer.duplicate for answer in answers)

    async def nudge(self) -> None:
        """Settles with follow-ups, and with changes to messages in the middle of their lanes."""
        await self.pause()
        for messages in await take(self.hands, NUDGE, DESK):
            changes = await self._changes()
            follow_ups = self.drafts() if self.open and self.hands.hits(0.6) else []
            outcomes = [Outcome(messages[0], APPLIED, tuple(follow_ups))]
            outcomes += [Outcome(message, APPLIED) for message in messages[1:]]
            self.hands.seen.update(f"wanted {_word(change)}" for change in changes)
            await self.hands.settle(outcomes, changes)

    async def _changes(self) -> list[Change]:
        rows = await self.hands.pool.fetch(
            """
            SELECT id FROM message_state WHERE kind = 'erp.place' AND NOT send_begun
            AND state IN ('waiting', 'ready', 'parked') AND doubt_since IS NULL ORDER BY id LIMIT 30
            """
        )
        if not rows or not self.hands.hits(0.7):
            return []
        number = self.hands.rng.choice(rows)["id"]
        ends = (Done(Result.CANCELLED), Done(Result.SUPERSEDED))
        amended = Change(number, amend=sku_lanes(self.basket()))
        return [self.hands.rng.choice((amended, *(Change(number, end=end) for end in ends), Change(number)))]

    async def place(self) -> None:
        await self.pause()
        for messages in await take(self.hands, PLACE, ERP):
            if messages[0].in_doubt:
                await self._answer(messages)
            else:
                await self._send(messages)

    async def _send(self, messages: Sequence[Claimed]) -> None:
        """What is in the books already, since it was replayed or sent anew, is found there."""
        hands = self.hands
        ours = await intend(hands.pool, [Intent(m, "place", str(m.key), b"") for m in messages])
        mine = [message for message in messages if message.id in ours]
        there = await books.seek(hands.books, [str(message.key) for message in mine])
        outcomes = []
        for message in mine:
            if str(message.key) in there or hands.hits(0.6 if self.open else 0.95):
                outcomes.append(Outcome(message, APPLIED))
                continue
            aside, doubt = Snooze("locked", 0.0, aside=True), InDoubt("read timeout", 0.0)
            late = Retry("500", 2 * hands.times.patience)
            verdict = hands.rng.choice((Retry("500", 0.0), late, aside, doubt, UNMAPPED))
            outcomes.append(Outcome(message, verdict))
        applied = {one.message.id for one in outcomes if one.verdict is APPLIED}
        fresh = [m for m in mine if m.id in applied and str(m.key) not in there]
        await books.write(hands.books, await self._documents(fresh), hands.now() + timedelta(hours=1))
        if hands.hits(0.1):
            await hands.die(mine)
        elif outcomes:
            await hands.settle(outcomes)

    async def _documents(self, messages: Sequence[Claimed]) -> list[books.Document]:
        rows = await self.hands.pool.fetch(
            "SELECT id, ticket FROM message_state WHERE id = ANY($1::bigint[])", [m.id for m in messages]
        )
        tickets = {row["id"]: row["ticket"] for row in rows}
        return [
            books.Document(
                str(m.key), str(m.order_ref), 0, tuple(lane[4:] for lane in m.lanes), tickets.get(m.id)
            )
            for m in messages
        ]

    async def _answer(self, messages: Sequence[Claimed]) -> None:
        there = await books.seek(self.hands.books, [str(message.key) for message in messages])
        again = InDoubt("not there", 0.0, resend=True)
        await self.hands.settle([Outcome(m, APPLIED if str(m.key) in there else again) for m in messages])

    async def put(self) -> None:
        """State messages: the newest body wins, whoever is just being worked."""
        await self.pause()
        for messages in await take(self.hands, STATE, DESK):
            await self.hands.settle(
                [Outcome(m, self.hands.rng.choice((APPLIED, Retry("500", 0.0)))) for m in messages]
            )

    async def bring_back(self) -> None:
        """Parked and done messages come back, some into other lanes, while others are cancelled."""
        pool, rng = self.hands.pool, self.hands.rng
        parked = await pool.fetch("SELECT id FROM message_state WHERE state = 'parked' LIMIT 20")
        done = await pool.fetch(
            """
            SELECT message_id AS id FROM receipt JOIN message AS m ON m.id = message_id
            WHERE result = 'applied' AND m.kind = 'erp.place' ORDER BY message_id DESC LIMIT 20
            """
        )
        lanes = rng.choice((None, sku_lanes(self.basket())))
        async with pool.acquire() as conn, conn.transaction():
            some = rng.sample(parked, -(-len(parked) // 2))
            back = await release(conn, {row["id"]: lanes for row in some})
            self.hands.seen["released"] += len(back)
        if self.open and done and self.hands.hits(0.03):
            async with pool.acquire() as conn, conn.transaction():
                again = await replay(conn, {rng.choice(done)["id"]: sku_lanes(self.basket())})
                await conn.execute(
                    "INSERT INTO replayed SELECT key FROM message WHERE id = ANY($1::bigint[])", again
                )
                self.hands.seen["replayed"] += len(again)
        await asyncio.sleep(rng.uniform(0.01, 0.05))

    async def pause(self) -> None:
        await asyncio.sleep(self.hands.rng.uniform(0.005, 0.03))

    def deeds(self) -> list[Callable[[], Awaitable[None]]]:
        hands = self.hands
        return [self.nudge, self.place, self.place, self.put, self.bring_back, partial(tend, hands)]


def _word(change: Change) -> str:
    if change.end is not None:
        return change.end.result.value
    return "amended" if change.amend is not None else "guarded"


def nudge(key: str) -> Draft:
    return Draft(kind="desk.nudge", cls=MessageClass.NOTICE, destination=DESK, source="uk", key=key)


def state(name: str) -> Draft:
    return Draft(kind="desk.state", cls=MessageClass.STATE, destination=DESK, source="uk", coalesce_key=name)
