"""Postgres goes away under a handler: that is no fault of what it held."""

import asyncpg
import pytest

from app.domain.message import Done, Outcome, Result
from app.flows import work as engine
from app.flows.context import Context
from app.flows.flow import Batch, Flow
from app.flows.signal import Signal
from tests.flows.stage import SHOP, Stage, notice

AWAY = (
    asyncpg.ConnectionDoesNotExistError("gone"),
    ConnectionRefusedError(),
    asyncpg.CannotConnectNowError("recovers"),
)


def cut_off(error: Exception) -> Flow:
    async def handle(_ctx: Context, batch: Batch):
        raise error
        yield [Outcome(message, Done(Result.APPLIED)) for message in batch.messages]

    return Flow("order", handle, batch=200, serial=True)


@pytest.mark.parametrize("error", AWAY, ids=lambda error: type(error).__name__)
async def test_notice_that_was_cut_off_is_not_overtaken_by_younger_ones(
    stage: Stage, error: Exception
) -> None:
    [first] = await stage.append(notice("1", "a"))
    ((_, messages),) = await stage.take(SHOP)
    [second] = await stage.append(notice("2", "b"))
    await engine._run(stage.ctx, Signal(), cut_off(error), messages)
    stage.later(stage.ctx.pace.breaker_rest)
    ((_, again),) = await stage.take(SHOP)
    assert [message.id for message in again] == [first, second]
