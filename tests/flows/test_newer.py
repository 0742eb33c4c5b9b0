"""Of two reads of an order the newer one counts, whichever came first; where their stamps are equal, it is read again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.domain.order import Standing
from tests.flows.stage import SHOP, Stage, order_of

FIRST = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


async def known(stage: Stage) -> list[str]:
    """SKUs of the order as the ledger has it."""
    kept = await stage.pool.fetchval("SELECT snapshot FROM order_snapshot")
    return [line["sku"] for line in kept["lines"]]


@pytest.mark.requirement("RC-16")
async def test_an_older_snapshot_that_arrives_later_is_ignored(stage: Stage) -> None:
    await stage.accept(order_of("1", "DRESS", at=FIRST + timedelta(minutes=1)))
    await stage.accept(order_of("1", "TEE", at=FIRST))
    assert (await known(stage), await stage.cases()) == (["DRESS"], [])
    assert (await stage.notices())[-1][1] == "older than what we know"


@pytest.mark.requirement("RC-16")
async def test_another_content_under_the_same_stamp_is_read_again_before_it_counts(stage: Stage) -> None:
    await stage.accept(order_of("1", "TEE", at=FIRST))
    await stage.tell(order_of("1", "DRESS", at=FIRST))
    await stage.turn(SHOP)
    assert await known(stage) == ["TEE"]
    stage.shop.orders["1"] = order_of("1", "TEE", at=FIRST)  # the slow answer was the older one
    stage.later(10)
    await stage.drain()
    assert (await known(stage), await stage.cases()) == (["TEE"], [])


@pytest.mark.requirement("RC-16")
async def test_what_is_read_twice_under_the_same_stamp_counts(stage: Stage) -> None:
    await stage.accept(order_of("1", "TEE", at=FIRST))
    await stage.tell(order_of("1", "TEE", at=FIRST, standing=Standing.CANCELLED))
    await stage.turn(SHOP)
    stage.later(10)
    await stage.drain()
    assert await stage.cases() == ["E-CANCEL-AFTER-POST"]


async def test_the_same_content_under_the_same_stamp_is_read_once(stage: Stage) -> None:
    await stage.accept(order_of("1", "TEE", at=FIRST))
    await stage.accept(replace(order_of("1", "TEE", at=FIRST), payment_method="card"))
    assert len(stage.shop.asked) == 2
