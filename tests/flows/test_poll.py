"""Polls: the cursor, the notices and the next poll are one commit; what was read is confirmed after it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.domain.channel import Channel, Page
from app.domain.errors import DestinationError, PermanentError, TransientError
from app.flows import poll
from app.ledger import cursor
from tests.flows.stage import SHOP, Stage, notice, order_of

HORIZON = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


async def seed(stage: Stage) -> int:
    return await poll.seed(stage.pool, stage.ctx.channels.values())


async def open_kinds(stage: Stage) -> dict[str, str]:
    rows = await stage.pool.fetch("SELECT kind, state FROM message_state WHERE coalesce_key IS NOT NULL")
    return {row["kind"]: row["state"] for row in rows}


async def test_seed_makes_each_poll_once(stage: Stage) -> None:
    assert [await seed(stage) for _ in range(3)] == [1, 0, 0]


@pytest.mark.parametrize("when", ["leased", "confirming"])
async def test_seed_makes_no_second_poll_beside_one_that_is_coming_back(stage: Stage, when: str) -> None:
    stage.shop.pages = [Page((), {"id": 1}, confirm=("1",))]
    await seed(stage)
    if when == "leased":
        await stage.take(SHOP)
    else:
        await stage.turn(SHOP)
        assert await open_kinds(stage) == {"centra.confirm": "ready"}
    assert await seed(stage) == 0


async def test_page_brings_notices_cursor_and_the_next_poll(stage: Stage) -> None:
    stage.shop.pages = [Page((notice("1", "a"), notice("2", "b")), {"id": 7}, horizon=HORIZON)]
    await seed(stage)
    await stage.turn(SHOP)
    row = await stage.pool.fetchrow("SELECT cursor, horizon FROM poll_cursor")
    assert (row["cursor"], row["horizon"]) == ({"id": 7}, HORIZON)
    assert [ended for ended, _ in await stage.notices()] == ["ready", "ready"]
    assert await open_kinds(stage) == {"centra.poll": "ready"}


async def test_next_page_begins_where_the_last_one_ended(stage: Stage) -> None:
    stage.shop.pages = [Page((), {"id": 7}, more=True), Page((), {"id": 9})]
    await seed(stage)
    await stage.drain(SHOP)
    assert stage.shop.cursors == [{}, {"id": 7}]


async def test_poll_without_more_waits_its_turn(stage: Stage) -> None:
    await seed(stage)
    await stage.drain(SHOP)
    stage.later(59)
    assert await stage.turn(SHOP) == 0
    stage.later(2)
    assert await stage.turn(SHOP) == 1


async def test_sweep_goes_at_its_own_slower_pace(stage: Stage) -> None:
    channel = replace(stage.ctx.channels[SHOP], polls={"orders": stage.shop.poll})
    slow = replace(stage, ctx=replace(stage.ctx, channels={SHOP: channel}))
    await seed(slow)
    await slow.drain(SHOP)
    stage.later(61)
    assert await slow.turn(SHOP) == 0
    stage.later(240)
    assert await slow.turn(SHOP) == 1


async def test_page_that_fails_moves_nothing_and_comes_again(stage: Stage) -> None:
    stage.shop.pages = [
        Page((notice("1", "a"),), {"id": 1}, more=True),
        TransientError("502"),
        Page((notice("2", "b"),), {"id": 2}),
    ]
    await seed(stage)
    await stage.drain(SHOP)
    assert (await cursor.read(stage.pool, "uk", "events")).cursor == {"id": 1}
    stage.later(5)
    await stage.drain(SHOP)
    assert stage.shop.cursors == [{}, {"id": 1}, {"id": 1}]
    assert (await cursor.read(stage.pool, "uk", "events")).cursor == {"id": 2}


async def test_page_that_is_not_committed_is_read_again(stage: Stage) -> None:
    """The worker dies between the answer and the commit."""
    await seed(stage)
    ((flow, messages),) = await stage.take(SHOP)
    stage.shop.pages = [Page((notice("1", "a"),), {"id": 1}, confirm=("1",))] * 2
    assert messages
    assert flow.kind == "poll"
    await stage.lose()
    await stage.drain(SHOP)
    assert stage.shop.confirmed == [["1"]]


async def test_channel_forgets_only_what_is_committed(stage: Stage) -> None:
    kept = []

    async def look() -> None:
        kept.append(await stage.pool.fetchval("SELECT count(*) FROM message WHERE cls = 'notice'"))

    stage.shop.before_confirm = look
    stage.shop.pages = [Page((notice("1", "a"), notice("2", "b")), {"id": 2}, confirm=("1", "2"))]
    await seed(stage)
    await stage.drain(SHOP)
    assert (kept, stage.shop.confirmed) == ([2], [["1", "2"]])


async def test_next_page_is_not_read_before_the_last_is_confirmed(stage: Stage) -> None:
    stage.shop.pages = [Page((), {"id": 1}, more=True, confirm=("1",)), Page((), {"id": 2})]
    await seed(stage)
    await stage.turn(SHOP)
    assert (await open_kinds(stage), len(stage.shop.cursors)) == ({"centra.confirm": "ready"}, 1)
    await stage.turn(SHOP)
    await stage.turn(SHOP)
    assert (stage.shop.confirmed, len(stage.shop.cursors)) == ([["1"]], 2)


async def test_confirmation_that_fails_is_repeated_and_the_poll_waits_for_it(stage: Stage) -> None:
    failures = [DestinationError("429")]

    async def fail() -> None:
        if failures:
            raise failures.pop()

    stage.shop.before_confirm = fail
    stage.shop.pages = [Page((notice("1", "a"),), {"id": 1}, confirm=("1",))]
    await seed(stage)
    await stage.drain(SHOP)
    assert (stage.shop.confirmed, await open_kinds(stage)) == ([], {"centra.confirm": "ready"})
    stage.later(30)
    await stage.drain(SHOP)
    assert stage.shop.confirmed == [["1"]]
    assert await open_kinds(stage) == {"centra.poll": "ready"}


async def test_confirmation_that_is_refused_waits_for_a_person_and_the_poll_goes_on(stage: Stage) -> None:
    async def refuse() -> None:
        raise PermanentError("E-CENTRA-REFUSED", "no such event")

    stage.shop.pages = [Page((), {"id": 1}, confirm=("1",))]
    stage.shop.before_confirm = refuse
    await seed(stage)
    await stage.turn(SHOP)
    await stage.turn(SHOP)
    assert await open_kinds(stage) == {"centra.confirm": "parked", "centra.poll": "ready"}
    assert await stage.cases() == ["E-CENTRA-REFUSED"]


async def test_notice_that_came_by_webhook_before_is_the_same_notice(stage: Stage) -> None:
    stage.shop.orders["1"] = order_of("1")
    await stage.append(notice("1", "a"))
    stage.shop.pages = [Page((notice("1", "a"),), {"id": 1})]
    await seed(stage)
    await stage.drain()
    assert (len(await stage.notices()), stage.sent()) == (1, ["CEN-1"])


async def test_poll_that_the_channel_no_longer_has_ends(stage: Stage) -> None:
    await seed(stage)
    channel = Channel("centra", "uk", prefix="CEN", fetch_orders=stage.shop.fetch)
    changed = replace(stage, ctx=replace(stage.ctx, channels={SHOP: channel}))
    await changed.turn(SHOP)
    assert await open_kinds(stage) == {}


async def test_orders_are_served_before_polls(stage: Stage) -> None:
    await seed(stage)
    await stage.tell(order_of("1"))
    assert [flow.kind for flow, _ in await stage.take(SHOP)] == ["order", "poll"]


async def test_horizon_is_kept_when_a_page_does_not_tell_one(stage: Stage) -> None:
    stage.shop.pages = [Page((), {}, more=True, horizon=HORIZON), Page((), {})]
    await seed(stage)
    await stage.drain(SHOP)
    assert await stage.pool.fetchval("SELECT horizon FROM poll_cursor") == HORIZON
