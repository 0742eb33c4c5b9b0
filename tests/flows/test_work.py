"""The whole engine in one process, on its own loops."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from app.domain.channel import Page
from app.domain.errors import InDoubtError, TransientError
from app.domain.message import Done, Outcome, Result
from app.flows import work as engine
from app.flows.context import Context, Pace
from app.flows.flow import Batch, Flow
from app.flows.signal import Signal
from app.flows.work import work
from tests.flows.stage import SHOP, Late, Stage, make_stage, notice, order_of

SWIFT = Pace(look=0.02, poll=0.05, backoff=0.02, probe=0.05, quarantine=0.3)


class Real:
    """Time that passes: the loops must see things fall due."""

    def __init__(self, stage: Stage) -> None:
        self._loop = asyncio.get_running_loop()
        self._began, self._at = self._loop.time(), stage.clock.at

    def __call__(self):
        return self._at + timedelta(seconds=self._loop.time() - self._began)


@pytest.fixture
async def swift(stage: Stage) -> Stage:
    return replace(stage, ctx=replace(stage.ctx, now=Real(stage), pace=SWIFT))


@asynccontextmanager
async def working(stage: Stage, *more: Stage) -> AsyncIterator[None]:
    """Workers that are stopped, and have finished, when this ends."""
    async with asyncio.TaskGroup() as group:
        for one in (stage, *more):
            group.create_task(work(one.ctx, one.signal))
        try:
            yield
        finally:
            for one in (stage, *more):
                one.signal.stop()


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await true():  # noqa: ASYNC110 - the database tells nobody
            await asyncio.sleep(0)


async def settled(stage: Stage, effects: int) -> bool:
    ends = await stage.ends()
    return len(ends) == effects and set(ends.values()) <= {"applied", "parked", "no_effect", "cancelled"}


async def test_orders_go_from_notice_to_document(swift: Stage) -> None:
    async with working(swift):
        await swift.tell(*(order_of(str(n), ("TEE", "DRESS")[n % 2]) for n in range(20)))
        swift.signal.ring()
        await until(lambda: settled(swift, 20))
    assert sorted(swift.sent()) == sorted(f"CEN-{n}" for n in range(20))


async def test_orders_of_one_sku_are_sent_in_notice_order(swift: Stage) -> None:
    refs = [str(n) for n in range(12)]
    async with working(swift):
        for ref in refs:
            await swift.tell(order_of(ref, "TEE"))
        await until(lambda: settled(swift, 12))
    assert swift.sent() == [f"CEN-{ref}" for ref in refs]


async def test_two_workers_share_the_work_and_double_nothing(swift: Stage, pool: asyncpg.Pool) -> None:
    other = make_stage(pool, worker="w2")
    ctx = replace(swift.ctx, worker="w2", metrics=other.ctx.metrics)
    other = replace(other, ctx=ctx)
    swift.books.script = [Late(InDoubtError("read timeout")) if n % 3 == 0 else None for n in range(30)]
    async with working(swift, other):
        await swift.tell(*(order_of(str(n), ("TEE", "DRESS", "SHOES")[n % 3]) for n in range(30)))
        await until(lambda: settled(swift, 30))
    assert sorted(swift.sent()) == sorted(f"CEN-{n}" for n in range(30))


async def test_polls_go_round_by_themselves(swift: Stage) -> None:
    swift.shop.pages = [Page((), {"id": n}) for n in range(3)]

    async def read_on() -> bool:
        return len(swift.shop.cursors) > 4

    async with working(swift):
        await until(read_on)
    assert swift.shop.cursors[:4] == [{}, {"id": 0}, {"id": 1}, {"id": 2}]


async def test_doubt_is_answered_and_a_lost_send_repeated(swift: Stage) -> None:
    swift.books.script = [InDoubtError("read timeout"), Late(InDoubtError("read timeout"))]
    async with working(swift):
        await swift.tell(order_of("1"), order_of("2"))
        await until(lambda: settled(swift, 2))
    assert sorted(swift.sent()) == ["CEN-1", "CEN-2"]


async def test_stop_finishes_what_is_in_hand_and_takes_nothing_new(swift: Stage) -> None:
    swift.books.gate = asyncio.Event()
    await swift.tell(order_of("1"))
    await swift.turn(SHOP)
    async with asyncio.TaskGroup() as group:
        worker = group.create_task(work(swift.ctx, swift.signal))

        async def sending() -> bool:
            return bool(swift.books.placed)

        await until(sending)
        swift.signal.stop()
        await swift.pool.fetchval("SELECT pg_sleep(0.3)")  # a claim that was under way comes back
        await swift.tell(order_of("2"))
        swift.books.gate.set()
        await worker
    assert await swift.ends() == {"place 1": "applied"}
    assert [state for state, _ in await swift.notices()] == ["applied", "ready"]


async def test_defect_in_a_handler_stops_no_other(swift: Stage) -> None:
    swift.shop.fails = [KeyError("defect")] * 3
    await swift.tell(order_of("1"))
    swift.shop.pages = [Page((notice("2", "poll"),), {"id": 1})]
    swift.shop.orders["2"] = order_of("2")
    async with working(swift):
        await until(lambda: settled(swift, 2))
    assert sorted(swift.sent()) == ["CEN-1", "CEN-2"]


async def test_attempts_without_end_are_given_to_a_person(swift: Stage) -> None:
    tired = replace(swift, ctx=replace(swift.ctx, pace=replace(SWIFT, attempts_most=3)))
    swift.books.script = [TransientError("500")] * 9
    async with working(tired):
        await tired.tell(order_of("1"))
        await until(lambda: settled(tired, 1))
    assert (await tired.cases(), len(swift.books.script)) == (["E-RETRIES-EXHAUSTED"], 6)


async def test_work_goes_on_when_postgres_comes_back(swift: Stage) -> None:
    flaky = Flaky(swift.pool)
    broken = replace(swift, ctx=replace(swift.ctx, pool=flaky))
    async with working(broken):
        flaky.away = True
        await until(flaky.was_asked)
        flaky.away = False
        await swift.tell(order_of("1"))
        await until(lambda: settled(swift, 1))
    assert swift.sent() == ["CEN-1"]


class Flaky:
    """A pool that refuses connections while `away`."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool, self.away, self.refused = pool, False, 0

    async def was_asked(self) -> bool:
        return self.refused > 3

    def __getattr__(self, name: str) -> object:
        if self.away:
            self.refused += 1
            raise ConnectionRefusedError
        return getattr(self._pool, name)


def handing_back(count: int) -> Flow:
    async def handle(_ctx: Context, batch: Batch):
        """Answers for the first `count` messages, then breaks."""
        yield [Outcome(message, Done(Result.APPLIED)) for message in batch.messages[:count]]
        raise KeyError("defect")

    return Flow("order", handle, batch=200)


async def test_answers_before_a_defect_stand(stage: Stage) -> None:
    await stage.append(*(notice(str(n), f"n{n}") for n in range(3)))
    ((_, messages),) = await stage.take(SHOP)
    await engine._run(stage.ctx, Signal(), handing_back(2), messages)
    assert [state for state, _ in await stage.notices()] == ["applied", "applied", "ready"]


async def test_lease_is_prolonged_while_the_handler_works(stage: Stage) -> None:
    leases = []

    async def slow(_ctx: Context, batch: Batch):
        leases.append(batch.lease.until)
        async with asyncio.timeout(20):
            while batch.lease.until == leases[0]:
                stage.clock.later(0.01)
                await asyncio.sleep(0)
        yield [Outcome(message, Done(Result.APPLIED)) for message in batch.messages]

    short = replace(stage, ctx=replace(stage.ctx, pace=Pace(lease=0.3)))
    await stage.append(notice("1", "a"))
    ((_, messages),) = await short.take(SHOP)
    await engine._run(short.ctx, Signal(), Flow("order", slow), messages)
    assert [state for state, _ in await stage.notices()] == ["applied"]


async def test_ring_between_a_look_and_the_wait_is_not_lost() -> None:
    signal = Signal()
    mark = signal.mark()
    signal.ring()
    async with asyncio.timeout(5):
        await signal.wait(mark, 60)


async def test_pause_sleeps_through_rings_and_not_through_the_stop() -> None:
    signal = Signal()
    loop = asyncio.get_running_loop()
    began = loop.time()
    for delay in (0.01, 0.02):
        loop.call_later(delay, signal.ring)
    await signal.pause(0.05)
    assert loop.time() - began >= 0.05
    loop.call_later(0.01, signal.stop)
    async with asyncio.timeout(5):
        await signal.pause(60)
