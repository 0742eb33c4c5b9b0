"""GET sop_confirm_despatch and sop_despatch_discrete_orders: what can be despatched now."""

import pytest

from tests.sandbox.sage200.conftest import Sage

CONFIRM, ORDERS = "sop_confirm_despatch", "sop_despatch_discrete_orders"
TEXT = {"line_type": "EnumLineTypeFreeText", "description": "Engraving", "line_quantity": 1}


async def test_order_is_ready_with_what_of_it_is_allocated(sage: Sage):
    lines = [sage.line(0, 5, 10, to_allocate_quantity=3), sage.line(1, 1, 10)]
    order = await sage.enter(sage.order(*lines))
    (group,) = await sage.get(CONFIRM)
    (item,) = group["items"]
    assert (group["sop_order_return_id"], item["document_no"]) == (order["id"], order["document_no"])
    quantities = ("line_quantity", "available_quantity", "quantity", "outstanding_quantity")
    assert [item[name] for name in quantities] == [5, 3, 3, 5]
    assert (item["item_code"], item["warehouse_name"], item["customer_reference"]) == (
        sage.skus[0],
        "HOME",
        "WEBGBP",
    )


async def test_what_was_read_can_be_sent_back(sage: Sage):
    await sage.allocated(2, 1)
    (group,) = await sage.get(CONFIRM)
    group = {name: value for name, value in group.items() if value is not None}
    group["items"] = [{"id": item["id"], "quantity": item["quantity"]} for item in group["items"]]
    await sage.write("POST", CONFIRM, group)
    assert await sage.get(CONFIRM) == []
    assert await sage.get(ORDERS) == []


@pytest.mark.parametrize("status", ["OnHold", "Cancelled"])
async def test_order_that_is_not_live_is_not_ready(sage: Sage, status: str):
    order = await sage.allocated(1)
    assert len(await sage.get(ORDERS)) == 1
    await sage.deed("set_status", order=order["id"], status=status)
    assert (await sage.get(CONFIRM), await sage.get(ORDERS)) == ([], [])


async def test_draft_is_not_ready(sage: Sage):
    await sage.sandbox.switch(sage200__drafts_visible="always")
    await sage.allocated(1, is_editing=True)
    assert await sage.get(CONFIRM) == []


async def test_discrete_order_tells_value_and_customer(sage: Sage):
    order = await sage.allocated(2)
    (row,) = await sage.get(ORDERS)
    assert row == {
        "id": order["id"],
        "trader_reference": "WEBGBP",
        "trader_name": "Web shop GBP",
        "document_no": order["document_no"],
        "document_value": order["total_gross_value"],
        "document_date": order["document_date"],
    }


@pytest.mark.parametrize("path", [CONFIRM, ORDERS])
async def test_filters_on_its_five_fields(sage: Sage, path: str):
    order = await sage.allocated(1, document_date="2026-03-02T00:00:00Z")
    await sage.allocated(1, customer_id=sage.id("customer", "PHONE"), document_date="2026-03-09T00:00:00Z")
    found = {
        text: len(await sage.get(path, filter=text))
        for text in (
            f"document_no eq '{order['document_no']}'",
            f"trader_id eq {order['customer_id']}",
            "document_date lt 2026-03-05",
            f"warehouse_id eq {sage.id('warehouse', 'HOME')}",
            f"warehouse_id eq {sage.id('warehouse', 'RESERVE')}",
            "confirmation_intent_type eq 'ConfirmOnDespatch'",
            "confirmation_intent_type eq '0'",
            f"trader_id eq {order['customer_id']} or document_date gt 2026-03-05",
        )
    }
    assert list(found.values()) == [1, 1, 1, 2, 0, 2, 2, 2]


@pytest.mark.parametrize("path", [CONFIRM, ORDERS])
@pytest.mark.parametrize(
    "options",
    [
        {"filter": "id eq 5"},
        {"filter": "sop_order_return_id eq 5"},
        {"filter": "customer_id eq 5"},
        {"filter": "trader_reference eq 'WEBGBP'"},
        {"filter": "document_value gt 1"},
        {"filter": "confirmation_intent_type eq 'Never'"},
        {"filter": "confirmation_intent_type gt 'Confirm'"},
        {"filter": "items eq 5"},
        {"orderby": "trader_id"},
        {"orderby": "items"},
        {"skip": 1},
        {"expand": "items"},
    ],
)
async def test_any_other_option_is_refused(sage: Sage, path: str, options: dict):
    await sage.allocated(1)
    assert (await sage.call("GET", path, **options)).status_code == 400


async def test_services_are_listed_only_when_asked_for(sage: Sage):
    await sage.sandbox.switch(sage200__default_free_text_confirm_intent_type="Confirm")
    await sage.enter(sage.order(sage.line(0, 1, 10, to_allocate_quantity=1), TEXT))
    (goods,) = await sage.get(CONFIRM)
    (services,) = await sage.get(CONFIRM, filter="confirmation_intent_type eq 'Confirm'")
    assert (goods["confirmation_intent_type"], services["confirmation_intent_type"]) == (
        "ConfirmOnDespatch",
        "Confirm",
    )
    assert [item["item_code"] for item in services["items"]] == ["Engraving"]


async def test_pages_are_of_orders_not_lines(sage: Sage):
    orders = [await sage.allocated(1, 1) for _ in range(3)]
    page = await sage.get(CONFIRM, orderby="sop_order_return_id desc", top=2, skip=1)
    assert [group["sop_order_return_id"] for group in page] == [orders[1]["id"], orders[0]["id"]]
    assert [len(group["items"]) for group in page] == [2, 2]
    assert await sage.get(ORDERS, count="true") == 3


@pytest.mark.parametrize("path", [CONFIRM, ORDERS])
async def test_neither_has_single_records(sage: Sage, path: str):
    order = await sage.allocated(1)
    assert (await sage.call("GET", f"{path}/{order['id']}")).status_code == 404
