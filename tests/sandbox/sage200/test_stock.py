"""Allocation and holdings."""

from decimal import Decimal

import pytest

from tests.sandbox.sage200.conftest import Sage, updated


async def holding(sage: Sage) -> dict:
    text = f"product_id eq {sage.id('product', sage.skus[0])} and warehouse_name eq 'HOME'"
    return (await sage.get("warehouse_holdings", filter=text))[0]


async def test_asked_quantity_is_allocated_and_no_longer_free(sage: Sage):
    order = await sage.enter(sage.order(sage.line(0, 3, to_allocate_quantity=2)))
    line = (await sage.get(f"sop_orders/{order['id']}", expand="lines"))["lines"][0]
    after = await holding(sage)
    assert (line["allocated_quantity"], line["allocation_status"]) == (2, "Partially")
    assert (after["quantity_allocated_sop"], after["free_stock_available"]) == (2, 998)


async def test_nothing_is_allocated_unasked(sage: Sage):
    await sage.enter(sage.order(sage.line(0, 3)))
    assert (await holding(sage))["quantity_allocated"] == 0


@pytest.mark.parametrize(("way", "taken", "free"), [("part", 5, 0), ("negative", 7, -2), ("refuse", None, 5)])
async def test_insufficient_stock(sage: Sage, way: str, taken: int | None, free: int):
    await sage.deed("change_stock", product=sage.skus[0], by=-995)
    await sage.sandbox.switch(sage200__insufficient_stock=way)
    body = sage.order(sage.line(0, 7, to_allocate_quantity=7))
    if taken is None:
        assert "free stock" in await sage.refused(body)
    else:
        order = await sage.enter(body)
        line = (await sage.get(f"sop_orders/{order['id']}", expand="lines"))["lines"][0]
        assert line["allocated_quantity"] == taken
    assert (await holding(sage))["free_stock_available"] == free


@pytest.mark.parametrize(("way", "taken"), [("nothing", 0), ("works", 1)])
async def test_allocation_with_the_setting_off(sage: Sage, way: str, taken: int):
    await sage.sandbox.switch(sage200__allocate_stock_on_order_entry=False, sage200__allocation_when_off=way)
    await sage.enter(sage.order(sage.line(0, 1, to_allocate_quantity=1)))
    assert (await holding(sage))["quantity_allocated_sop"] == taken


@pytest.mark.parametrize("moves", [True, False])
async def test_holding_stamp_moves_with_allocation_or_not(sage: Sage, moves: bool):  # noqa: FBT001 - a table's column
    before = await holding(sage)
    await sage.sandbox.switch(sage200__holding_stamp_moves=moves)
    await sage.sandbox.client.post("/_sandbox/clock", json={"advance_seconds": 60})
    await sage.enter(sage.order(sage.line(0, 1, to_allocate_quantity=1)))
    assert (updated(await holding(sage)) > updated(before)) is moves


async def test_two_lines_of_one_product_share_its_stock(sage: Sage):
    await sage.deed("change_stock", product=sage.skus[0], by=-997)
    lines = [sage.line(0, 2, to_allocate_quantity=2) for _ in range(2)]
    order = await sage.enter(sage.order(*lines))
    shown = (await sage.get(f"sop_orders/{order['id']}", expand="lines"))["lines"]
    assert [line["allocated_quantity"] for line in shown] == [2, Decimal(1)]


async def test_received_stock_is_free_stock(sage: Sage):
    await sage.deed("change_stock", product=sage.skus[0], by=5)
    assert (await holding(sage))["free_stock_available_less_reserved"] == 1005


async def test_product_shows_the_free_stock_of_all_its_warehouses(sage: Sage):
    await sage.deed("change_stock", product=sage.skus[0], warehouse="RESERVE", by=7)
    await sage.enter(sage.order(sage.line(0, 2, to_allocate_quantity=2)))
    product = await sage.get(f"products/{sage.id('product', sage.skus[0])}")
    row = (await sage.get("product_views", filter=f"code eq '{sage.skus[0]}'"))[0]
    assert (product["free_stock_quantity"], row["free_stock_quantity"]) == (1005, 1005)


async def test_cancelled_order_gives_its_stock_back(sage: Sage):
    await sage.enter(sage.order(sage.line(0, 2, to_allocate_quantity=2)))
    await sage.deed("set_status", order="WEB-1", status="Cancelled")
    assert (await holding(sage))["quantity_allocated_sop"] == 0
