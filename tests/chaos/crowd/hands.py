"""What one process of a crowd has in its hands, and how it settles while settling fails now and then."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import asyncpg

from app.db.session import PASSING
from app.domain.message import Claimed, Outcome
from app.outbox import settle as settling
from app.outbox.enter import enter_due
from app.outbox.tickets import MovedError
from app.outbox.verdict import Rules
from tests.chaos.crowd.fates import SHARE, InHand, Times

ROUNDS = 30


class AbortError(Exception):
    """The transaction is given up after all its work was done."""


@dataclass(slots=True)
class Hands:
    """`pool`: to the outbox; `books`: to the ERP. `seen`: what happened, counted."""

    pool: asyncpg.Pool
    books: asyncpg.Pool
    rng: random.Random
    times: Times
    worker: str
    seen: Counter[str] = field(default_factory=Counter)

    def now(self) -> datetime:
        return datetime.now(UTC)

    def hits(self, share: float = SHARE) -> bool:
        return self.rng.random() < share

    def abort_if(self, *, aborted: bool) -> None:
        if aborted:
            raise AbortError

    async def settle(self, outcomes: Sequence[Outcome], changes: Sequence[settling.Change] = ()) -> bool:
        """Together, then one by one. What is ours no more is left to whoever has it; False if anything was."""
        for _ in range(ROUNDS):
            try:
                await self._together(outcomes, changes)
            except AbortError:
                self.seen[InHand.ABORTED] += 1
            except MovedError:
                break
            except PASSING as error:
                self.seen[type(error).__name__] += 1
            else:
                return True
        if len(outcomes) == 1:
            self.seen["moved"] += 1
            return False
        return all([await self.settle([outcome]) for outcome in outcomes])

    async def _together(self, outcomes: Sequence[Outcome], changes: Sequence[settling.Change]) -> None:
        rules = Rules(self.now(), self.rng, self.times.patience, backoff=0.05, backoff_most=0.2)
        async with self.pool.acquire() as conn, conn.transaction():
            settled = await settling.settle(conn, outcomes, changes, rules)
            self.abort_if(aborted=self.hits(SHARE / 3))
        if settled.enterable:
            await self.enter()

    async def die(self, messages: Sequence[Claimed]) -> None:
        """Nothing more is heard of these; their lease is over soon."""
        soon = self.now() + timedelta(seconds=self.rng.uniform(0, self.times.patience / 6))
        await self.pool.execute(
            """
            WITH held AS (
                SELECT s.id FROM message_state AS s JOIN unnest($1::bigint[], $2::bigint[]) AS given(id, token)
                    USING (id, token) ORDER BY s.id FOR UPDATE OF s
            )
            UPDATE message_state AS s SET lease_until = $3 FROM held WHERE s.id = held.id
            """,
            [message.id for message in messages],
            [message.token for message in messages],
            soon,
        )

    async def enter(self) -> None:
        try:
            await enter_due(self.pool, self.now())
        except PASSING as error:
            self.seen[type(error).__name__] += 1
