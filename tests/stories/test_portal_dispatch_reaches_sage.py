"""Somebody dispatches a retailer's order in Virtualstock's own pages, where despatches begin there: Sage has it, once."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.stories.test_retailers_order_is_acknowledged import acknowledged
from tests.stories.town import SECRET, until


@pytest.fixture
async def edge(build_town):
    async with build_town(
        edge=True, POLL_SECONDS="0.2", VIRTUALSTOCK__edge__DISPATCH_ORIGIN="channel"
    ) as town:
        yield town


async def document(town, order) -> dict:
    end = f"-{order['order_reference']}"
    return next(one for one in await town.documents() if one["customer_document_no"].endswith(end))


async def sell(town, *lines: dict) -> dict:
    """An order that Sage has and that was acknowledged, of a retailer that takes parts."""
    order = await town.order_at("JLW", lines=list(lines))

    async def in_hand() -> bool:
        now = await town.at_edge(order)
        return {line["status"] for line in now["lines"]} == {"ORDER_ACK"} and not await town.busy()

    await until(in_hand)
    return order


async def dispatch(town, order, *places: int) -> None:
    lines = (await town.at_edge(order))["lines"]
    items = [
        {
            "part_number": lines[place]["part_number"],
            "line_ref": lines[place]["line_reference"],
            "quantity": lines[place]["quantity"],
            "supplier_dispatch_date": datetime.now(UTC).date().isoformat(),
            "carrier": "dpd",
            "tracking_number": "01550123456789",
        }
        for place in places
    ]
    await town.people(f"virtualstock/orders/{order['id']}/act", action="dispatch", items=items)


async def confirmed(town, order, *units: int) -> None:
    """Of each line of the sales order."""

    async def done() -> bool:
        known = await town.pool.fetchrow("SELECT count(*) AS n, count(confirmed_at) AS done FROM shipped")
        return known["n"] == known["done"] > 0 and not await town.busy()

    await until(done)
    lines = (await document(town, order))["lines"]
    assert [Decimal(line["despatch_receipt_quantity"]) for line in lines] == list(units)


@pytest.mark.requirement("R-51")
async def test_what_is_dispatched_in_the_portal_is_despatched_in_sage_line_by_line(edge):
    order = await sell(edge, {"sku": edge.skus[0], "quantity": 2}, {"sku": edge.skus[1], "quantity": 3})
    await dispatch(edge, order, 1)
    await confirmed(edge, order, 0, 3)
    await dispatch(edge, order, 0)

    async def both() -> bool:
        return await edge.pool.fetchval("SELECT count(*) FROM shipped WHERE confirmed_at IS NOT NULL") == 2

    await until(both)
    await confirmed(edge, order, 2, 3)
    assert await edge.calls("POST", "/dispatch/") == []
    assert await edge.cases() == []


@pytest.mark.requirement("RC-22")
async def test_what_is_dispatched_before_sage_has_the_order_waits_without_troubling_anybody(edge):
    await edge.sandbox.switch(virtualstock__dispatch_unacknowledged=True)
    await edge.people("sage200/tunnel", up=False)
    order = await edge.order_at("ARG", edge.skus[0])

    async def read() -> bool:
        return bool(await edge.pool.fetchval("SELECT count(*) FROM order_snapshot"))

    await until(read)
    await dispatch(edge, order, 0)

    async def seen() -> bool:
        return bool(await edge.pool.fetchval("SELECT count(*) FROM shipped"))

    await until(seen)
    await edge.people("sage200/tunnel", up=True)
    await confirmed(edge, order, 1)
    assert await edge.pool.fetchval("SELECT count(*) FROM exception_case") == 0


async def test_an_order_that_was_taken_in_hand_before_our_time_is_not_posted_again(edge):
    """People entered such orders in Sage themselves."""
    lines = [{"sku": edge.skus[0], "status": "ORDER_ACK"}]
    await edge.order_at("ARG", lines=lines, placed_at="2026-01-05T10:00:00+00:00")

    async def read() -> bool:
        rows = await edge.pool.fetch("SELECT note FROM receipt WHERE kind = 'virtualstock.order'")
        return "somebody else has it in hand" in [row["note"] for row in rows]

    await until(read)
    assert await edge.documents() == []


async def hint(town, event: str) -> None:
    """Something happened: look."""
    body = {"event_id": event, "event": "order.created", "order_url": "", "order_reference": "x"}
    user = ("virtualstock", SECRET)
    assert (await town.api.post("/webhooks/virtualstock/edge", json=body, auth=user)).status_code == 202


@pytest.mark.requirement("R-51")
async def test_what_is_dispatched_before_the_acknowledged_ones_are_listed_again_reaches_sage(build_town):
    """Nobody looked between the acknowledgement and the dispatch."""
    async with build_town(edge=True, VIRTUALSTOCK__edge__DISPATCH_ORIGIN="channel") as town:
        order = await town.order_at("ARG", town.skus[0])
        await hint(town, "1")
        await acknowledged(town, order)
        await town.heard()
        await dispatch(town, order, 0)
        await hint(town, "2")
        await confirmed(town, order, 1)
