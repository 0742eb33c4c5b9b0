"""One request to an outside system, timed under what became of it."""

from collections.abc import Awaitable
from time import perf_counter
from typing import TypeVar

from app.domain.errors import (
    DestinationError,
    InDoubtError,
    PermanentError,
    SluiceError,
    SnoozeError,
)
from app.flows.context import Context
from app.telemetry.words import UpstreamOutcome

T = TypeVar("T")


def outcome_of(error: SluiceError) -> UpstreamOutcome:
    if isinstance(error, PermanentError):
        return UpstreamOutcome.CLIENT_ERROR
    if isinstance(error, SnoozeError):
        return UpstreamOutcome.LOCKED
    if isinstance(error, InDoubtError):
        return UpstreamOutcome.TIMEOUT
    if isinstance(error, DestinationError):
        return UpstreamOutcome.THROTTLED if error.resume_at else UpstreamOutcome.CONNECT_ERROR
    return UpstreamOutcome.SERVER_ERROR


async def timed(ctx: Context, system: str, operation: str, call: Awaitable[T]) -> T:
    started = perf_counter()
    outcome = UpstreamOutcome.SUCCESS
    try:
        return await call
    except SluiceError as error:
        outcome = outcome_of(error)
        raise
    finally:
        seconds = perf_counter() - started
        ctx.metrics.upstream_request_seconds.labels(system, operation, outcome.value).observe(seconds)
