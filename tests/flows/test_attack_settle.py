"""Postgres in trouble while answers are being settled."""

from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import asyncpg
import pytest

from app.domain.order import Standing
from app.flows.release import release
from tests.flows.stage import BOOKS, SHOP, Stage, order_of


@dataclass
class Flaky:
    """A pool whose transactions fail at their end, in turn."""

    pool: asyncpg.Pool
    fails: list[Exception] = field(default_factory=list)

    @asynccontextmanager
    async def acquire(self):
        async with self.pool.acquire() as conn:
            yield conn
            if self.fails:
                raise self.fails.pop(0)

    def __getattr__(self, name):
        return getattr(self.pool, name)


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.AdminShutdownError("terminating connection"),
        asyncpg.DeadlockDetectedError("deadlock detected"),
        asyncpg.LockNotAvailableError("lock timeout"),
        asyncpg.TooManyConnectionsError("too many clients"),
    ],
)
async def test_answers_survive_trouble_that_passes(stage: Stage, error: Exception) -> None:
    """The claim and the intent commit; the settlement fails once before its commit."""
    pool, fails = stage.pool, [error]

    class Failing(Flaky):
        @asynccontextmanager
        async def acquire(self):
            async with self.pool.acquire() as conn:
                yield Doomed(conn) if stage.sent() else conn

    class Doomed:
        def __init__(self, conn):
            self.conn = conn

        def __getattr__(self, name):
            return getattr(self.conn, name)

        @asynccontextmanager
        async def transaction(self):
            async with self.conn.transaction():
                yield
                if fails:
                    raise fails.pop()

    await stage.tell(order_of("1"))
    await stage.turn(SHOP)
    stage.ctx = replace(stage.ctx, pool=Failing(pool))
    await stage.turn(BOOKS)
    assert fails == []
    assert await stage.ends() == {"place 1": "applied"}
    assert not await pool.fetchval("SELECT adopted FROM binding")


async def test_commit_whose_answer_was_lost_is_not_settled_twice(stage: Stage) -> None:
    await stage.tell(order_of("1"))
    await stage.turn(SHOP)
    taken = await stage.take(BOOKS)
    pool = stage.pool

    class Deaf(Flaky):
        @asynccontextmanager
        async def acquire(self):
            async with self.pool.acquire() as conn:
                yield conn
            if stage.sent() and self.fails:
                raise self.fails.pop(0)

    stage.ctx = replace(stage.ctx, pool=Deaf(pool, [ConnectionResetError()]))
    await stage.handle(taken)
    assert await stage.ends() == {"place 1": "applied"}
    assert await pool.fetchval("SELECT count(*) FROM attempt WHERE verdict = 'done'") == 2


async def test_order_that_cannot_be_written_does_not_take_others_with_it(stage: Stage) -> None:
    orders = [order_of(str(number)) for number in range(5)]
    bad = orders[2]
    orders[2] = replace(bad, delivery=replace(bad.delivery, name="\ud83d"))
    await stage.accept(*orders)
    assert sorted(stage.sent()) == ["CEN-0", "CEN-1", "CEN-3", "CEN-4"]
    ended = [ended for ended, _ in await stage.notices()]
    assert ended == ["applied", "applied", "ready", "applied", "applied"]


async def test_documents_that_are_there_keep_a_cancellation_behind_a_released_effect(stage: Stage) -> None:
    """Between the press of a button and the next look, the effect is still not unsent."""
    await stage.accept(order_of("1"))
    made = stage.books.documents["CEN-1"][0]
    await stage.pool.execute("DELETE FROM binding")
    stage.books.documents["CEN-2"] = (made, replace(made, id=77, number="SO77"))
    await stage.accept(order_of("2"))
    assert await stage.cases() == ["E-DUP-EXISTING"]
    case = await stage.pool.fetchval("SELECT id FROM exception_case WHERE closed_at IS NULL")
    await release(stage.pool, [case], actor="ann", reason="looked")
    await stage.tell(replace(order_of("2"), standing=Standing.CANCELLED))
    await stage.turn(SHOP)
    assert (await stage.ends())["place 2"] == "ready"


async def test_order_of_a_connection_that_is_gone_holds_no_other_up(stage: Stage) -> None:
    await stage.tell(order_of("1"), order_of("2", "DRESS"))
    await stage.turn(SHOP)
    await stage.pool.execute("UPDATE message_state SET source = 'gone' WHERE order_ref = '1'")
    await stage.pool.execute("UPDATE order_snapshot SET connection = 'gone' WHERE ref = '1'")
    await stage.turn(BOOKS)
    assert await stage.ends() == {"place 1": "waiting", "place 2": "applied"}
