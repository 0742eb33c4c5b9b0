"""A worker without vendors: appends, claims and settles on a real database."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg

from app.domain.message import Claimed, Done, Draft, MessageClass, Outcome, Result, Verdict
from app.outbox import settle as settling
from app.outbox.append import append
from app.outbox.claim import claim
from app.outbox.enter import enter_due
from app.outbox.keys import Appended
from app.outbox.room import Claim, Limits, Want
from app.outbox.verdict import Rules

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
PLACE = Want("erp.place", batch=50)
NOTICE = Want("shop.order", batch=50, serial=True)
APPLIED = Done(Result.APPLIED)


def effect(key: str, skus: Iterable[str] = (), **given: object) -> Draft:
    draft = Draft(
        kind="erp.place",
        cls=MessageClass.EFFECT,
        destination="erp:main",
        source="uk",
        key=key,
        order_ref=key,
        skus=tuple(skus),
    )
    return replace(draft, **given)


def notice(key: str, ref: str = "1", **given: object) -> Draft:
    draft = Draft(
        kind="shop.order", cls=MessageClass.NOTICE, destination="shop:uk", source="uk", key=key, order_ref=ref
    )
    return replace(draft, **given)


def state(name: str, **given: object) -> Draft:
    draft = Draft(
        kind="shop.stock", cls=MessageClass.STATE, destination="shop:uk", source="uk", coalesce_key=name
    )
    return replace(draft, **given)


class Engine:
    """`now` moves only when told."""

    def __init__(self, pool: asyncpg.Pool, seed: int = 1) -> None:
        self.pool = pool
        self.now = NOON
        self.rng = random.Random(seed)
        self.patience = 30.0

    async def append(self, *drafts: Draft) -> list[Appended]:
        async with self.pool.acquire() as conn, conn.transaction():
            return await append(conn, drafts)

    async def claim(self, want: Want = PLACE, worker: str = "w1", slots: int = 50) -> list[Claimed]:
        destination = {"erp": "erp:main", "shop": "shop:uk"}[want.kind.split(".")[0]]
        await self.pool.execute(
            "INSERT INTO destination (name, slots) VALUES ($1, 50) ON CONFLICT DO NOTHING", destination
        )
        who = Claim(destination, worker, self.now, timedelta(seconds=90))
        batches = await claim(self.pool, [want], Limits(slots, None, 5), who)
        return [message for _, batch in batches for message in batch]

    async def settle(
        self,
        messages: Sequence[Claimed],
        verdict: Verdict = APPLIED,
        *,
        follow_ups: Sequence[Draft] = (),
        changes: Sequence[settling.Change] = (),
    ) -> settling.Settled:
        outcomes = [Outcome(message, verdict, tuple(follow_ups)) for message in messages]
        rules = Rules(self.now, self.rng, self.patience)
        async with self.pool.acquire() as conn, conn.transaction():
            settled = await settling.settle(conn, outcomes, changes, rules)
        if settled.enterable:
            await self.enter()
        return settled

    async def enter(self) -> int:
        return await enter_due(self.pool, self.now)

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    async def states(self) -> dict[str, str]:
        """Key (or coalesce key) -> state; done messages by their result."""
        rows = await self.pool.fetch(
            """
            SELECT coalesce(m.key, s.coalesce_key, m.id::text) AS name, coalesce(s.state, r.result) AS state
            FROM message AS m LEFT JOIN message_state AS s USING (id) LEFT JOIN receipt AS r ON r.message_id = m.id
            """
        )
        return {row["name"]: row["state"] for row in rows}

    async def leftovers(self) -> tuple[int, int, int]:
        """Tickets, lanes and state rows that remain."""
        return tuple(
            [
                await self.pool.fetchval(f"SELECT count(*) FROM {table}")
                for table in ("ticket", "lane", "message_state")
            ]
        )
