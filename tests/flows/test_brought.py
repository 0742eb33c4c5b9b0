"""Orders that a notice brought along are believed once; whatever is not newer than what is known is asked for anew."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.domain.message import Owner, Violation
from app.domain.order import Order, Standing, Unreadable
from app.flows.replay import replay
from tests.flows.stage import SHOP, Stage, notice, order_of

FIRST = datetime(2026, 11, 20, 10, tzinfo=UTC)


@pytest.fixture
def brought(stage: Stage) -> Stage:
    """`body["order"]` names one of `bodies`; the shop itself shows what it has now."""

    def unpack(_: str, body: Mapping[str, Any]) -> Order | Unreadable | None:
        return BODIES.get(body.get("order", ""))

    channel = replace(stage.ctx.channels[SHOP], unpack=unpack, stamped=False)
    return replace(stage, ctx=replace(stage.ctx, channels={SHOP: channel}))


WRONG = Unreadable("1", (Violation("E-PRICE-MISSING", "price", "", "", Owner.FINANCE),))
BODIES: Mapping[str, Order | Unreadable] = {
    "first": order_of("1", at=FIRST),
    "later": order_of("1", "TEE", "DRESS", at=FIRST + timedelta(minutes=1)),
    "wrong": WRONG,
}


def carrying(name: str, key: str) -> Any:
    return replace(notice("1", key), body={"order": name})


async def test_a_new_order_needs_no_second_read(brought):
    await brought.append(carrying("first", "a"))
    await brought.drain()
    assert (brought.shop.asked, brought.sent()) == ([], ["CEN-1"])


async def test_an_old_row_never_revives_a_cancelled_order(brought):
    await brought.append(carrying("later", "a"))
    await brought.turn(SHOP)
    gone = replace(order_of("1", at=FIRST + timedelta(minutes=2)), standing=Standing.CANCELLED)
    brought.shop.orders["1"] = gone
    await brought.append(notice("1", "b"))
    await brought.turn(SHOP)
    await brought.append(carrying("first", "c"))
    await brought.drain()
    assert (brought.shop.asked, brought.sent()) == ([["1"], ["1"]], [])


async def test_a_replayed_notice_is_asked_for_anew(brought):
    (number,) = await brought.append(carrying("first", "a"))
    await brought.drain()
    brought.shop.orders["1"] = order_of("1", at=FIRST + timedelta(minutes=5))
    await replay(brought.pool, [number], actor="ann", reason="look again")
    await brought.drain()
    assert brought.shop.asked == [["1"]]


async def test_a_row_that_was_parked_and_corrected_since_goes_with_a_retry(brought):
    await brought.append(carrying("wrong", "a"))
    await brought.drain()
    assert await brought.cases() == ["E-PRICE-MISSING"]
    brought.shop.orders["1"] = order_of("1")
    await brought.retry_all()
    assert (await brought.cases(), brought.sent()) == ([], ["CEN-1"])


async def test_a_clock_that_went_back_hides_no_edit(brought):
    await brought.append(carrying("later", "a"))
    await brought.turn(SHOP)
    brought.shop.orders["1"] = order_of("1", "SHOES", at=FIRST)
    await brought.append(carrying("first", "b"))
    await brought.drain()
    assert [entry.code for entry in brought.books.placed[0].entries] == ["SHOES"]
