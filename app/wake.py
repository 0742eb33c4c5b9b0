"""The doorbell: tells a worker that there is something to do. Redis may lose it; workers look by themselves too."""

import asyncio
import json
from collections.abc import Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self

from arq.connections import ArqRedis
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError

QUEUE = "sluice"
JOB = "drain"
LIMIT_SECONDS = 0.1
# Rings that no worker has answered yet. More would wake nobody sooner, and pile up while workers are away.
MOST_UNANSWERED = 32


def serialise(job: dict[str, Any]) -> bytes:
    """Arq's default is pickle, which lets whoever writes to Redis run code in a worker."""
    return json.dumps(job, default=lambda value: type(value).__name__).encode()


def deserialise(raw: bytes) -> dict[str, Any]:
    job: dict[str, Any] = json.loads(raw)
    return job


class Doorbell:
    """Open it with `async with`. Rings coalesce: one is on its way, one more waits, the rest are that one.
    There is no fixed job id, since arq would drop a ring that comes while the last one is being answered.
    """

    def __init__(self, redis_url: str, lost: Callable[[], None]) -> None:
        """`lost` is called for each ring that Redis did not take in time."""
        self._redis_url = redis_url
        self._lost = lost
        self._stir = asyncio.Event()
        self._asked = False
        self._closing = False
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        pool = ConnectionPool.from_url(self._redis_url, socket_connect_timeout=LIMIT_SECONDS)
        redis = ArqRedis(pool, job_serializer=serialise, default_queue_name=QUEUE)
        self._stack.push_async_callback(pool.disconnect)
        tasks = await self._stack.enter_async_context(asyncio.TaskGroup())
        tasks.create_task(self._carry(redis))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """A ring that waits is still carried."""
        self._closing = True
        self._stir.set()
        await self._stack.__aexit__(kind, error, trace)

    async def ring(self) -> None:
        """Costs nothing and never fails: what was committed is found without it, a second later."""
        self._asked = True
        self._stir.set()

    async def _carry(self, redis: ArqRedis) -> None:
        while self._asked or not self._closing:
            await self._stir.wait()
            self._stir.clear()
            if self._asked:
                self._asked = False
                await self._tell(redis)

    async def _tell(self, redis: ArqRedis) -> None:
        try:
            async with asyncio.timeout(LIMIT_SECONDS):
                if await redis.zcard(QUEUE) < MOST_UNANSWERED:
                    await redis.enqueue_job(JOB)
        except (OSError, TimeoutError, RedisError):
            self._lost()
