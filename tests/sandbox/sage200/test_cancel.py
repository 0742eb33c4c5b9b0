"""What is left of a line that was cancelled in part or whole."""

from typing import Any

import pytest

from tests.sandbox.sage200.conftest import Sage

CANCELLED = "sop_cancelled_lines"


async def change(sage: Sage, order: dict, status: int = 200, **line: Any) -> Any:
    body = {"lines": [{"id": order["lines"][0]["id"], **line}]}
    return await sage.write("PUT", f"sop_orders/{order['id']}", body, status)


async def test_rest_of_a_line_is_cancelled_and_its_stock_free(sage: Sage):
    order = await sage.allocated(5)
    await sage.despatch(order, 2)
    await change(sage, order, line_quantity=2, create_cancelled_line=True)
    after, (record,) = await sage.read(order), await sage.get(CANCELLED)
    assert (record["sop_order_return_id"], record["item_code"], record["cancelled_quantity"]) == (
        order["id"],
        sage.skus[0],
        3,
    )
    assert (record["user_name"], record["stock_unit_cancelled_quantity"]) == ("api.user", 3)
    assert (after["cancelled_status"], after["despatch_receipt_status"]) == ("Partially", "Fully")
    assert (await sage.holding())["quantity_allocated_sop"] == 0


async def test_cancelled_rest_completes_an_order_whose_goods_were_invoiced(sage: Sage):
    order = await sage.allocated(3)
    await sage.despatch(order, 1)
    await sage.deed("invoice", order=order["id"], only_despatched=True)
    await change(sage, order, line_quantity=1, create_cancelled_line=True)
    assert (await sage.read(order))["document_status"] == "EnumDocumentStatusComplete"


async def test_whole_line_is_cancelled(sage: Sage):
    order = await sage.allocated(2, 1)
    await change(sage, order, is_to_delete=True, create_cancelled_line=True)
    after, (record,) = await sage.read(order), await sage.get(CANCELLED)
    assert ([line["code"] for line in after["lines"]], record["cancelled_quantity"]) == ([sage.skus[1]], 2)
    assert (after["cancelled_status"], (await sage.holding())["quantity_allocated_sop"]) == ("Partially", 0)


async def test_last_line_cancelled_cancels_all(sage: Sage):
    order = await sage.allocated(2)
    await change(sage, order, is_to_delete=True, create_cancelled_line=True)
    assert (await sage.read(order))["cancelled_status"] == "Fully"


async def test_no_record_without_the_flag_or_without_a_fall(sage: Sage):
    order = await sage.allocated(3)
    await change(sage, order, line_quantity=2)
    await change(sage, order, line_quantity=2, create_cancelled_line=True)
    await change(sage, order, line_quantity=4, create_cancelled_line=True)
    await change(sage, order, line_quantity=3, create_cancelled_line=False)
    assert (await sage.get(CANCELLED), (await sage.read(order))["cancelled_status"]) == ([], None)


async def test_nothing_falls_below_what_was_despatched(sage: Sage):
    order = await sage.allocated(5)
    await sage.despatch(order, 2)
    before = await sage.read(order)
    refused = await change(sage, order, 400, line_quantity=1, create_cancelled_line=True)
    assert "below what was despatched" in refused["Message"]
    await change(sage, order, 400, is_to_delete=True, create_cancelled_line=True)
    assert (await sage.read(order))["lines"] == before["lines"]
    assert await sage.get(CANCELLED) == []
    assert (await sage.holding())["quantity_allocated_sop"] == 3


@pytest.mark.parametrize(("way", "status", "left"), [("ignore", 200, 1), ("refuse", 400, 3)])
async def test_company_that_keeps_no_record(sage: Sage, way: str, status: int, left: int):
    order = await sage.allocated(3)
    await sage.sandbox.switch(
        sage200__record_cancelled_order_lines=False, sage200__cancelled_line_when_off=way
    )
    assert (await sage.get("sop_settings"))[0]["record_cancelled_order_lines"] is False
    await change(sage, order, status, line_quantity=1, create_cancelled_line=True)
    assert (await sage.read(order))["lines"][0]["line_quantity"] == left
    assert await sage.get(CANCELLED) == []


async def test_record_can_be_read_but_not_written(sage: Sage):
    order = await sage.allocated(3)
    await change(sage, order, line_quantity=1, create_cancelled_line=True)
    (record,) = await sage.get(CANCELLED, filter=f"sop_order_return_id eq {order['id']}")
    assert await sage.get(f"{CANCELLED}/{record['id']}") == record
    found = await sage.get(CANCELLED, filter=f"date_time_updated ge {record['date_time_updated']}")
    assert found == [record]
    for method, path in (("POST", CANCELLED), ("PUT", f"{CANCELLED}/{record['id']}")):
        assert (await sage.call(method, path, {})).status_code == 404


async def test_charge_leaves_no_record(sage: Sage):
    order = await sage.enter(sage.order({"line_type": "EnumLineTypeCharge", "code": "CARRIAGE"}, sage.line()))
    await change(sage, await sage.read(order), is_to_delete=True, create_cancelled_line=True)
    assert await sage.get(CANCELLED) == []
