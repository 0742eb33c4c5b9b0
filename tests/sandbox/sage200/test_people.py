"""What people do at their desks reaches the API and history."""

import pytest

from tests.sandbox.sage200.conftest import Sage


async def test_retyped_reference_is_found_no_more(sage: Sage):
    await sage.enter(sage.order(spare_text_1="gw:1"))
    await sage.deed("retype", order="WEB-1", customer_document_no="see email")
    assert await sage.get("sop_orders", filter="customer_document_no eq 'WEB-1'") == []
    assert len(await sage.get("sop_orders", filter="spare_text_1 eq 'gw:1'")) == 1


async def test_phone_order_is_a_real_order(sage: Sage):
    made = await sage.deed("phone_order", lines=[{"sku": sage.skus[0], "quantity": 2}], user="mary")
    order = await sage.get(f"sop_orders/{made['id']}", expand="customer")
    assert (order["customer"]["reference"], order["document_created_by"]) == ("PHONE", "mary")
    assert order["total_net_value"] > 0


async def test_order_put_on_hold(sage: Sage):
    await sage.enter(sage.order())
    await sage.deed("set_status", order="WEB-1", status="OnHold")
    assert (await sage.get("sop_orders"))[0]["document_status"] == "EnumDocumentStatusOnHold"


async def test_deleted_order_leaves_no_trace_but_in_history(sage: Sage):
    order = await sage.enter(sage.order())
    await sage.deed("delete_order", order=order["id"])
    assert (await sage.call("GET", f"sop_orders/{order['id']}")).status_code == 404
    rows = [row for row in await sage.sandbox.history() if row["path"].startswith("/_sandbox/people")]
    assert rows[0]["changed"][0]["after"] is None


async def test_barcode_and_code_can_be_changed(sage: Sage):
    await sage.deed("change_product", product=sage.skus[0], barcode="123", code="NEW")
    assert (await sage.get("products", filter="barcode eq '123'"))[0]["code"] == "NEW"


@pytest.mark.parametrize(
    ("deed", "wish", "status"),
    [
        ("lock", {"order": "nowhere"}, 404),
        ("lock", {}, 400),
        ("hold_customer", {"customer": "NOBODY"}, 404),
        ("change_stock", {"product": "NOTHING", "by": 1}, 404),
        ("phone_order", {"lines": [{"sku": "NOTHING", "quantity": 1}]}, 404),
        ("phone_order", {"lines": []}, 400),
        ("nonsense", {}, 404),
    ],
)
async def test_deed_that_cannot_be_is_refused(sage: Sage, deed: str, wish: dict, status: int):
    answer = await sage.sandbox.client.post(f"/_sandbox/people/sage200/{deed}", json=wish)
    assert answer.status_code == status
