"""Orders that wait too long for their acknowledgement."""

from dataclasses import replace
from datetime import timedelta

from app.domain.order import Order
from app.flows import late
from app.flows.release import release
from tests.flows.stage import SHOP, Stage, order_of
from tests.flows.test_release import case_ids


async def looked(stage: Stage, order: Order) -> Stage:
    """For late orders, of a shop that waits for a second."""
    channel = replace(stage.ctx.channels[SHOP], patience={order.store: timedelta(seconds=1)})
    stage = replace(stage, ctx=replace(stage.ctx, channels={SHOP: channel}))
    await stage.accept(order)
    await stage.append(late.draft(channel))
    await stage.drain(SHOP)
    return stage


async def test_an_order_that_somebody_acknowledged_in_the_channel_is_not_late(stage: Stage) -> None:
    """Sage has it not yet, but the retailer waits no more."""
    stage = await looked(stage, order_of("1", "GHOST", at=stage.clock()))
    assert await stage.cases() == ["E-SKU-UNKNOWN"]


async def test_a_late_order_that_a_person_has_seen_is_not_flagged_again(stage: Stage) -> None:
    stage = await looked(stage, replace(order_of("1", "GHOST", at=stage.clock()), unacknowledged=True))
    assert sorted(await stage.cases()) == ["E-ACK-LATE", "E-SKU-UNKNOWN"]
    flag = [case for case in await case_ids(stage) if case != min(await case_ids(stage))]
    await release(stage.pool, flag, actor="ann", reason="known")
    stage.later(stage.ctx.pace.sweep + 1)
    await stage.drain(SHOP)
    assert await stage.cases() == ["E-SKU-UNKNOWN"]
