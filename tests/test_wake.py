import asyncio
import json

import pytest
from arq.connections import ArqRedis, RedisSettings
from arq.worker import Worker, func

from app.wake import JOB, MOST_UNANSWERED, QUEUE, Doorbell, deserialise, serialise


class Lost:
    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


@pytest.fixture
def lost() -> Lost:
    return Lost()


async def jobs(redis_url: str) -> list[dict]:
    async with ArqRedis.from_url(redis_url) as redis:
        keys = await redis.keys("arq:job:*")
        return [json.loads(await redis.get(key)) for key in keys]


async def fill(redis_url: str, count: int) -> None:
    async with ArqRedis.from_url(redis_url) as redis:
        await redis.zadd(QUEUE, {f"unanswered-{number}": number for number in range(count)})


async def test_ring_asks_for_one_drain_without_data(redis_url: str, lost: Lost) -> None:
    async with Doorbell(redis_url, lost) as doorbell:
        await doorbell.ring()
    [job] = await jobs(redis_url)
    assert (job["f"], job["a"], job["k"]) == (JOB, [], {})
    assert lost.count == 0


async def test_rings_of_one_moment_are_one(redis_url: str, lost: Lost) -> None:
    async with Doorbell(redis_url, lost) as doorbell:
        for _ in range(1000):
            await doorbell.ring()
    assert len(await jobs(redis_url)) == 1


async def test_ring_while_one_is_on_its_way_is_not_lost(redis_url: str, lost: Lost) -> None:
    async with Doorbell(redis_url, lost) as doorbell:
        await doorbell.ring()
        while not await jobs(redis_url):  # noqa: ASYNC110 - Redis sets no event
            await asyncio.sleep(0)
        await doorbell.ring()
    assert len(await jobs(redis_url)) == 2


async def test_unanswered_rings_do_not_pile_up(redis_url: str, lost: Lost) -> None:
    await fill(redis_url, MOST_UNANSWERED)
    async with Doorbell(redis_url, lost) as doorbell:
        await doorbell.ring()
    assert await jobs(redis_url) == []
    assert lost.count == 0


async def test_absent_redis_is_counted_and_harms_nobody(lost: Lost, unused_port: int) -> None:
    async with Doorbell(f"redis://127.0.0.1:{unused_port}/0", lost) as doorbell:
        await doorbell.ring()
    assert lost.count == 1


async def test_redis_that_does_not_answer_is_given_up(lost: Lost) -> None:
    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await released.wait()
        writer.close()

    released = asyncio.Event()
    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server, asyncio.timeout(5):
        port = server.sockets[0].getsockname()[1]
        async with Doorbell(f"redis://127.0.0.1:{port}/0", lost) as doorbell:
            await doorbell.ring()
        released.set()
    assert lost.count == 1


@pytest.mark.filterwarnings(
    "ignore:Call to deprecated close:DeprecationWarning"
)  # arq 0.28's own call to redis-py
async def test_worker_answers_what_the_doorbell_sent(redis_url: str, lost: Lost) -> None:
    answered = []

    async def drain(_context: dict) -> None:
        answered.append(1)

    async with Doorbell(redis_url, lost) as doorbell:
        await doorbell.ring()
    worker = Worker(
        [func(drain, name=JOB)],
        queue_name=QUEUE,
        redis_settings=RedisSettings.from_dsn(redis_url),
        burst=True,
        keep_result=0,
        handle_signals=False,
        poll_delay=0.01,
        job_serializer=serialise,
        job_deserializer=deserialise,
    )
    await worker.async_run()
    await worker.close()
    assert answered == [1]


@pytest.fixture
async def unused_port() -> int:
    """Nobody listens there: it was taken and given back."""
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0) as server:
        return server.sockets[0].getsockname()[1]


def test_failed_drain_leaves_only_the_class_of_its_error() -> None:
    """Arq hands its serialiser the exception itself, whose text may quote an order."""
    assert deserialise(serialise({"r": ValueError("Jane Doe")})) == {"r": "ValueError"}
