"""Somebody dispatches an order in Virtualstock's own pages before Sage has it, where despatches begin in Sage: people are told,
and nothing is sent twice.
"""

import pytest

from tests.stories.test_despatch_reaches_the_retailer import GOOD, despatch
from tests.stories.test_lost_acknowledgements_are_made_good import by_hand
from tests.stories.test_order_posted_by_hand import said
from tests.stories.test_portal_dispatch_reaches_sage import dispatch
from tests.stories.test_retailers_order_is_acknowledged import acknowledged
from tests.stories.town import parked, until


@pytest.fixture
async def edge(build_town):
    async with build_town(edge=True, POLL_SECONDS="0.3", SWEEP_SECONDS="0.3") as town:
        yield town


async def overtaken(town) -> dict:
    """While Sage is away, an order is acknowledged in the portal, and dispatched there some time later."""
    await town.people("sage200/tunnel", up=False)
    order = await town.order_at("ARG", town.skus[0])

    async def waits() -> bool:
        return bool(await town.pool.fetchval("SELECT count(*) FROM message_state WHERE kind LIKE '%.place'"))

    await until(waits)
    await by_hand(town, order)

    async def settled() -> bool:
        """It is listed among the acknowledged ones only, and was read as one of them."""
        rows = await town.pool.fetch("SELECT split_part(item, '/', 1) AS list FROM channel_listing")
        status = await town.pool.fetchval("SELECT snapshot ->> 'channel_status' FROM order_snapshot")
        _, open_ = await town.notices()
        return ([row["list"] for row in rows], status, open_) == (["ORDER_ACK"], "ORDER_ACK", 0)

    await until(settled)
    await dispatch(town, order, 0)

    async def read() -> bool:
        return await town.pool.fetchval("SELECT standing FROM order_snapshot") == "held"

    await until(read)
    await town.people("sage200/tunnel", up=True)
    return order


@pytest.mark.requirement("R-51")
async def test_people_post_it_by_hand_and_the_retailer_hears_nothing_twice(edge):
    town = edge
    order = await overtaken(town)
    await parked(town, "E-DESPATCHED-ELSEWHERE")
    assert await town.documents() == []
    lines = [{"sku": town.skus[0], "quantity": 1}]
    document = await town.people("sage200/phone_order", customer="ARGOSY", lines=lines)
    await town.people("sage200/despatch", order=document["document_no"], **GOOD)
    await said(town, document["document_no"])

    async def told() -> bool:
        rows = await town.pool.fetch("SELECT kind FROM receipt WHERE kind LIKE 'virtualstock.%'")
        done = {row["kind"] for row in rows}
        return {"virtualstock.acknowledge", "virtualstock.ship"} <= done and not await town.busy()

    await until(told)
    (line,) = (await town.at_edge(order))["lines"]
    assert [one["action"] for one in line["sent"]] == ["acknowledge", "dispatch"]
    assert await town.calls("POST", "/restapi/v4/orders/") == []
    assert len(await town.documents()) == 1
    assert await town.cases() == ["E-TOTAL-MISMATCH"]  # a flag: Sage's own price


@pytest.mark.requirement("R-51")
async def test_an_order_of_which_a_line_was_dispatched_is_not_picked_whole(edge):
    town = edge
    there = zip(town.skus, ("DISPATCH", "ORDER_ACK"), strict=False)
    order = await town.order_at("ARG", lines=[{"sku": sku, "status": status} for sku, status in there])
    await parked(town, "E-DESPATCHED-ELSEWHERE")
    assert await town.documents() == []
    await town.people(f"virtualstock/orders/{order['id']}/status", status="ORDER_ACK")
    await parked(town)
    await until(town.documents)
    assert len(await town.documents()) == 1


@pytest.mark.requirement("R-51")
async def test_a_dispatch_that_the_channel_takes_back_lets_the_order_go_by_itself(edge):
    town = edge
    order = await overtaken(town)
    await parked(town, "E-DESPATCHED-ELSEWHERE")
    await town.people(f"virtualstock/orders/{order['id']}/status", status="ORDER_ACK")

    async def posted() -> bool:
        return len(await town.documents()) == 1 and not await town.busy()

    await until(posted)
    assert await town.cases() == []


@pytest.mark.requirement("RC-23")
async def test_a_dispatch_in_the_portal_that_sage_repeats_is_told_to_people_and_not_to_the_retailer(edge):
    """Somebody was quicker than the warehouse: two parcels may be on their way."""
    town = edge
    order = await town.order_at("ARG", town.skus[0])
    await acknowledged(town, order)
    await dispatch(town, order, 0)
    await despatch(town, order)
    await parked(town, "E-DESPATCHED-ELSEWHERE")
    await town.heard()
    (line,) = (await town.at_edge(order))["lines"]
    assert [one["action"] for one in line["sent"]] == ["acknowledge", "dispatch"]
    assert await town.calls("POST", "/dispatch/") == []
    assert await town.pool.fetchval("SELECT flag FROM exception_case WHERE code = 'E-DESPATCHED-ELSEWHERE'")
