"""Two connections, one SKU: who was accepted first stands first, unless the other connection fares ill."""

import asyncio
from dataclasses import replace

from app.domain.message import Claimed, Done, Draft, MessageClass, Outcome, Result
from app.flows.turn import in_turn
from tests.flows.stage import SHOP, Stage

OTHER = "centra:eu"


def both(stage: Stage) -> Stage:
    channel = stage.ctx.channels[SHOP]
    channels = {SHOP: channel, OTHER: replace(channel, connection="eu")}
    return replace(stage, ctx=replace(stage.ctx, channels=channels))


async def tell(stage: Stage, *destinations: str) -> list[int]:
    """A notice at each, in this order."""
    await stage.pool.execute("INSERT INTO destination (name) VALUES ($1) ON CONFLICT DO NOTHING", OTHER)
    drafts = [
        Draft("centra.order", MessageClass.NOTICE, name, name[-2:], key=f"n{place}", order_ref=str(place))
        for place, name in enumerate(destinations)
    ]
    return await stage.append(*drafts)


def outcome(stage: Stage, number: int, *, moves: bool = True) -> Outcome:
    now = stage.clock()
    message = Claimed(number, "centra.order", None, SHOP, "uk", "1", {}, 1, now, 1, False, None, 0, now)
    effect = Draft(
        "sage200.sales_order.place", MessageClass.EFFECT, "sage200:main", "uk", key=f"place/{number}"
    )
    return Outcome(message, Done(Result.APPLIED), (effect,) if moves else ())


async def settle(stage: Stage, number: int) -> None:
    await stage.pool.execute("DELETE FROM message_state WHERE id = $1", number)


async def test_effect_waits_for_an_older_notice_of_another_connection(stage: Stage) -> None:
    stage = both(stage)
    older, mine = await tell(stage, OTHER, SHOP)
    groups = in_turn(stage.ctx, SHOP, [outcome(stage, mine)])
    waiting = asyncio.ensure_future(anext(groups))
    done, _ = await asyncio.wait([waiting], timeout=0.2)
    assert not done
    await settle(stage, older)
    assert [one.message.id for one in await waiting] == [mine]
    await groups.aclose()


async def test_effects_before_and_after_another_connections_notice_go_apart(stage: Stage) -> None:
    stage = both(stage)
    first, between, last = await tell(stage, SHOP, OTHER, SHOP)
    groups = in_turn(stage.ctx, SHOP, [outcome(stage, last), outcome(stage, first)])
    assert [one.message.id for one in await anext(groups)] == [first]
    await settle(stage, between)
    assert [one.message.id for one in await anext(groups)] == [last]
    await groups.aclose()


async def test_what_moves_no_lane_does_not_wait(stage: Stage) -> None:
    stage = both(stage)
    _, mine = await tell(stage, OTHER, SHOP)
    groups = in_turn(stage.ctx, SHOP, [outcome(stage, mine, moves=False)])
    assert [one.message.id for one in await anext(groups)] == [mine]
    await groups.aclose()


async def test_connection_that_fares_ill_is_not_waited_for(stage: Stage) -> None:
    stage = both(stage)
    _, mine = await tell(stage, OTHER, SHOP)
    await stage.pool.execute("UPDATE destination SET failures = 1 WHERE name = $1", OTHER)
    groups = in_turn(stage.ctx, SHOP, [outcome(stage, mine)])
    assert [one.message.id for one in await anext(groups)] == [mine]
    await groups.aclose()


async def test_nobody_is_waited_for_for_ever(stage: Stage) -> None:
    stage = both(stage)
    _, mine = await tell(stage, OTHER, SHOP)
    groups = in_turn(stage.ctx, SHOP, [outcome(stage, mine)])
    waiting = asyncio.ensure_future(anext(groups))
    done, _ = await asyncio.wait([waiting], timeout=0.1)
    assert not done
    stage.later(stage.ctx.lease_at(OTHER) + stage.ctx.pace.patience + 1)
    assert [one.message.id for one in await waiting] == [mine]
    await groups.aclose()


async def test_notice_that_rests_until_later_is_not_waited_for(stage: Stage) -> None:
    stage = both(stage)
    older, mine = await tell(stage, OTHER, SHOP)
    await stage.pool.execute(
        "UPDATE message_state SET due_at = now() + interval '1 hour' WHERE id = $1", older
    )
    groups = in_turn(stage.ctx, SHOP, [outcome(stage, mine)])
    assert [one.message.id for one in await anext(groups)] == [mine]
    await groups.aclose()


async def test_page_on_its_way_elsewhere_is_waited_for(stage: Stage) -> None:
    stage = both(stage)
    await stage.append(
        Draft("centra.poll", MessageClass.STATE, OTHER, "eu", coalesce_key="poll:eu", body={"poll": "events"})
    )
    (mine,) = await tell(stage, SHOP)
    await stage.pool.execute("UPDATE message_state SET state = 'leased' WHERE kind = 'centra.poll'")
    groups = in_turn(stage.ctx, SHOP, [outcome(stage, mine)])
    waiting = asyncio.ensure_future(anext(groups))
    done, _ = await asyncio.wait([waiting], timeout=0.2)
    assert not done
    await stage.pool.execute("DELETE FROM message_state WHERE kind = 'centra.poll'")
    assert [one.message.id for one in await waiting] == [mine]
    await groups.aclose()


async def test_notices_wait_for_a_page_on_its_way_at_their_own_connection(stage: Stage) -> None:
    await stage.append(
        Draft("centra.poll", MessageClass.STATE, SHOP, "uk", coalesce_key="poll:uk", body={"poll": "events"})
    )
    poll = await stage.take(SHOP)
    await tell(stage, SHOP)
    assert await stage.take(SHOP) == []
    await stage.handle(poll)
    assert [flow.kind for flow, _ in await stage.take(SHOP)] == ["order"]
