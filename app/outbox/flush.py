"""Appends of many requests in one commit: while one transaction runs, the next batch gathers. No timer."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import asyncpg
from asyncpg.exceptions import InterfaceError, InternalClientError

from app.domain.errors import PermanentError, TransientError
from app.domain.message import Draft
from app.outbox.append import append
from app.outbox.keys import Appended

AWAY = (
    OSError,  # refused, reset, and TimeoutError
    InterfaceError,
    InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InvalidCatalogNameError,
)
REFUSED = (
    ValueError,
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
)
Append = Callable[[asyncpg.Connection, Sequence[Draft]], Awaitable[list[Appended]]]


class CannotStoreError(TransientError):
    """Nothing of this request is known to be stored; the sender must come again. `reason` is one of: overloaded,
    draining, unreachable, failed.
    """

    def __init__(self, reason: str, cause: str = "") -> None:
        super().__init__(f"{reason} {cause}".strip())
        self.reason = reason


class UnstorableError(PermanentError):
    """Postgres refuses these very drafts, whenever they come."""


@dataclass(frozen=True, slots=True)
class Measure:
    """`batch` and `waiting_most` count drafts; `seconds` bounds one transaction."""

    flushers: int = 2
    batch: int = 200
    waiting_most: int = 2000
    seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class Request:
    drafts: Sequence[Draft]
    answer: "asyncio.Future[list[Appended]]"


class Flusher:
    """`pool` should be its own, as large as `measure.flushers`: a slow query elsewhere must not hold up intake.

    Leaving the context refuses newcomers and drains what waits.
    """

    def __init__(
        self, pool: asyncpg.Pool, *, measure: Measure | None = None, append: Append = append
    ) -> None:
        self._pool = pool
        self._measure = measure or Measure()
        self._append = append
        self._queue: deque[Request] = deque()
        self._waiting = 0
        self._news = asyncio.Event()
        self._closing = False
        self._loops = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        await self._loops.__aenter__()
        for _ in range(self._measure.flushers):
            self._loops.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        await self._loops.__aexit__(None, None, None)

    def close(self) -> None:
        """Refuses newcomers from now on."""
        self._closing = True
        self._news.set()

    async def append(self, drafts: Sequence[Draft]) -> list[Appended]:
        """Returns after the commit, in the order of the drafts. Raises CannotStoreError or UnstorableError."""
        if not drafts:
            return []
        if self._closing:
            raise CannotStoreError("draining")
        if self._waiting and self._waiting + len(drafts) > self._measure.waiting_most:
            raise CannotStoreError("overloaded")
        request = Request(drafts, asyncio.get_running_loop().create_future())
        self._queue.append(request)
        self._waiting += len(drafts)
        self._news.set()
        return await request.answer

    async def _run(self) -> None:
        while True:
            if batch := self._gather():
                await self._flush(batch)
            elif self._closing:
                return
            else:
                self._news.clear()
                await self._news.wait()

    def _gather(self) -> list[Request]:
        batch: list[Request] = []
        room = self._measure.batch
        while self._queue and (not batch or len(self._queue[0].drafts) <= room):
            request = self._queue.popleft()
            batch.append(request)
            room -= len(request.drafts)
            self._waiting -= len(request.drafts)
        return batch

    async def _flush(self, batch: Sequence[Request]) -> None:
        error = await self._commit(batch)
        if error is None:
            return
        if len(batch) == 1 or unreachable(error):
            fail(batch, error)
            return
        for place, request in enumerate(batch):
            error = await self._commit([request])
            if error is None:
                continue
            if unreachable(error):
                fail(batch[place:], error)
                return
            fail([request], error)

    async def _commit(self, batch: Sequence[Request]) -> Exception | None:
        drafts = [draft for request in batch for draft in request.drafts]
        try:
            async with asyncio.timeout(self._measure.seconds), self._pool.acquire() as conn:
                async with conn.transaction():
                    stored = await self._append(conn, drafts)
                answer(batch, stored)
        except Exception as error:  # noqa: BLE001 - whatever went wrong, each sender is owed an answer
            return decide(error)
        return None


def answer(batch: Sequence[Request], stored: Sequence[Appended]) -> None:
    start = 0
    for request in batch:
        end = start + len(request.drafts)
        if not request.answer.done():
            request.answer.set_result(list(stored[start:end]))
        start = end


def fail(batch: Sequence[Request], error: Exception) -> None:
    for request in batch:
        if not request.answer.done():
            request.answer.set_exception(error)


def unreachable(error: Exception) -> bool:
    return isinstance(error, CannotStoreError) and error.reason == "unreachable"


def decide(error: Exception) -> CannotStoreError | UnstorableError:
    """Only the kind of error is told: its text may quote the row."""
    name = type(error).__name__
    if isinstance(error, REFUSED):
        return UnstorableError("E-UNREADABLE", name)
    if isinstance(error, AWAY):
        return CannotStoreError("unreachable", name)
    return CannotStoreError("failed", name)
