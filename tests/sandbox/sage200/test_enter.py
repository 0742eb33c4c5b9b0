"""POST sop_orders: what is needed, what is refused, what Sage fills in."""

from decimal import Decimal

import pytest

from app.sandbox.store import Call
from tests.sandbox.sage200.conftest import Sage


async def test_order_gets_a_ten_digit_number_and_totals(sage: Sage):
    order = await sage.enter(sage.order(sage.line(0, 2, Decimal("19.95")), document_no="MINE"))
    assert order["document_no"] == "0000000001"
    assert (order["total_net_value"], order["total_tax_value"]) == (Decimal("39.90"), Decimal("7.98"))
    assert order["document_status"] == "EnumDocumentStatusLive"


async def test_decimals_are_json_numbers_with_their_scale(sage: Sage):
    text = (await sage.call("POST", "sop_orders", sage.order(sage.line(0, 1, 20)))).text
    assert '"total_net_value": 20.00' in text
    assert '"exchange_rate": 1.000000' in text


async def test_reply_leaves_children_out_unless_switched(sage: Sage):
    assert "lines" not in await sage.enter(sage.order())
    await sage.sandbox.switch(sage200__reply_includes_children=True)
    assert len((await sage.enter(sage.order()))["lines"]) == 1


async def test_document_date_loses_its_zone_and_stamps_end_in_z(sage: Sage):
    order = await sage.enter(sage.order(document_date="2026-07-01T00:00:00Z"))
    assert order["document_date"] == "2026-07-01T00:00:00"
    assert order["date_time_updated"].endswith("Z")


async def test_same_customer_document_number_is_accepted_twice(sage: Sage):
    first, second = await sage.enter(sage.order()), await sage.enter(sage.order())
    assert first["id"] != second["id"]


async def test_history_key_is_the_customer_document_number_also_when_refused(sage: Sage):
    await sage.enter(sage.order(customer_document_no="WEB-7"))
    await sage.refused(sage.order(customer_document_no="WEB-8", customer_id=1))
    rows = [
        row for row in await sage.sandbox.history() if row["method"] == "POST" and "sop_orders" in row["path"]
    ]
    assert [(row["key"], row["status"]) for row in rows] == [("WEB-7", 200), ("WEB-8", 400)]
    assert rows[0]["changed"][0]["after"]["customer_document_no"] == "WEB-7"
    assert rows[1]["changed"] == []


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"customer_document_no": "X" * 31}, "customer_document_no"),
        ({"analysis_code_2": "X" * 61}, "analysis_code_2"),
        ({"spare_text_1": "X" * 101}, "spare_text_1"),
        ({"order_priority": "AB"}, "order_priority"),
        ({"customer_document_no": "\N{PARTY POPPER}" * 16}, "customer_document_no"),
        ({"document_date": "2026-03-02"}, "document_date"),
        ({"document_date": "2026-02-30T00:00:00Z"}, "document_date"),
        ({"requested_delivery_date": None}, "requested_delivery_date"),
        ({"customer_document_no": None}, "customer_document_no"),
        ({"customer_document_no": 7}, "customer_document_no"),
        ({"customer_id": 1}, "customer"),
        ({"customer_id": "27000"}, "customer_id"),
        ({"customer_id": None}, "customer_id"),
        ({"customer_type": "Credit"}, "customer_type"),
        ({"analysis_code_1": ""}, "Project Code"),
        ({"exchange_rate": Decimal("1.1234567")}, "exchange_rate"),
        ({"document_discount_percent": 100}, "document_discount_percent"),
        ({"payment_with_order": True}, "payment_method_id"),
        ({"payment_method_id": 1}, "payment method"),
        ({"lines": []}, "line"),
        ({"lines": {}}, "lines"),
        ({"delivery_address": {"postcode": "X" * 11}}, "postcode"),
        ({"delivery_address": {"address_1": "X" * 61}}, "address_1"),
        ({"delivery_address": {"contact": "X" * 236}}, "contact"),
        ({"delivery_address": {"tax_code_id": 1}}, "tax code"),
        ({"delivery_address": None}, "object"),
    ],
)
async def test_wrong_header_is_refused_naming_the_field(sage: Sage, more: dict, said: str):
    assert said in await sage.refused(sage.order() | more)


@pytest.mark.parametrize("name", ["customer_id", "analysis_code_1", "lines"])
async def test_missing_header_field_is_refused(sage: Sage, name: str):
    body = sage.order()
    del body[name]
    assert await sage.refused(body)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"line_type": None}, "line_type"),
        ({"line_type": "Standard"}, "line_type"),
        ({"product_id": 1}, "product"),
        ({"warehouse_id": 1}, "warehouse"),
        ({"tax_code_id": 1}, "tax code"),
        ({"line_quantity": 0}, "line_quantity"),
        ({"line_quantity": -1}, "line_quantity"),
        ({"line_quantity": "1"}, "line_quantity"),
        ({"line_quantity": Decimal("0.000001")}, "line_quantity"),
        ({"to_allocate_quantity": 2}, "to_allocate_quantity"),
        (
            {"selling_unit_price": Decimal("-0.01"), "selling_unit_price_overridden": True},
            "selling_unit_price",
        ),
        (
            {"nominal_reference": "4000", "nominal_cost_centre": "WEB", "nominal_department": "XX"},
            "4000/WEB/XX",
        ),
        ({"nominal_reference": "4905"}, "4905"),
        ({"nominal_cost_centre": "WEBS"}, "nominal_cost_centre"),
        ({"requested_delivery_date": "2026-03-02"}, "requested_delivery_date"),
        ({"analysis_code_20": "X" * 61}, "analysis_code_20"),
    ],
)
async def test_wrong_line_is_refused_and_nothing_is_saved(sage: Sage, more: dict, said: str):
    message = await sage.refused(sage.order(sage.line(0, 1, 5, to_allocate_quantity=1), sage.line() | more))
    assert said in message
    assert await sage.get("sop_orders") == []
    assert await sage.get("warehouse_holdings", filter="quantity_allocated gt 0") == []


@pytest.mark.parametrize("name", ["line_type", "product_id", "warehouse_id", "line_quantity"])
async def test_standard_line_needs(sage: Sage, name: str):
    line = sage.line()
    del line[name]
    assert name in await sage.refused(sage.order(line))


@pytest.mark.parametrize(
    "line",
    [
        {"line_type": "EnumLineTypeFreeText", "line_quantity": 1},
        {"line_type": "EnumLineTypeFreeText", "description": "x"},
        {"line_type": "EnumLineTypeCharge"},
        {"line_type": "EnumLineTypeCharge", "code": "NOSUCH"},
        {"line_type": "EnumLineTypeComment"},
    ],
)
async def test_other_line_types_need_too(sage: Sage, line: dict):
    assert await sage.refused(sage.order(sage.line(), line))


async def test_charge_takes_tax_and_nominal_from_its_code(sage: Sage):
    order = await sage.enter(
        sage.order(
            sage.line(0, 1, 10),
            {"line_type": "EnumLineTypeCharge", "code": "CARRIAGE", "selling_unit_price": Decimal("4.13")},
        )
    )
    line = (await sage.get(f"sop_orders/{order['id']}", expand="lines"))["lines"][1]
    assert (line["line_tax_value"], line["nominal_reference"]) == (Decimal("0.83"), "4905")
    assert (order["subtotal_goods_value"], order["subtotal_charge_net_value"]) == (
        Decimal("10.00"),
        Decimal("4.13"),
    )


async def test_customer_on_hold_is_refused_until_released(sage: Sage):
    await sage.deed("hold_customer", customer="WEBGBP", on_hold=True)
    assert "on hold" in await sage.refused(sage.order(override_on_hold=True))
    await sage.sandbox.switch(sage200__override_credit_holds=True)
    assert await sage.enter(sage.order(override_on_hold=True))
    await sage.deed("hold_customer", customer="WEBGBP", on_hold=False)
    assert await sage.enter(sage.order())


async def test_inactive_product_is_refused(sage: Sage):
    await sage.deed("change_product", product=sage.skus[0], active=False)
    assert sage.skus[0] in await sage.refused(sage.order())


async def test_currency_and_rate_come_from_the_customer(sage: Sage):
    order = await sage.enter(sage.order(customer_id=sage.id("customer", "WEBEUR")))
    assert (order["currency_id"], order["exchange_rate"]) == (sage.id("currency", "EUR"), Decimal("1.160000"))


async def test_unknown_and_read_only_fields_are_ignored_or_refused_by_switch(sage: Sage):
    body = sage.order(total_net_value=1, nonsense=True, id=5)
    assert (await sage.enter(body))["id"] != 5
    await sage.sandbox.switch(sage200__unknown_fields="refuse")
    assert "cannot be written" in await sage.refused(body)


async def test_misplaced_line_field_is_ignored_or_refused_by_switch(sage: Sage):
    charge = {
        "line_type": "EnumLineTypeCharge",
        "code": "CARRIAGE",
        "line_quantity": 3,
        "selling_unit_price": 2,
    }
    assert (await sage.enter(sage.order(sage.line(0, 1, 1), charge)))["subtotal_charge_net_value"] == 2
    await sage.sandbox.switch(sage200__unknown_fields="refuse")
    assert "line_quantity" in await sage.refused(sage.order(sage.line(0, 1, 1), charge))


async def test_number_is_the_callers_when_auto_numbering_is_off(sage: Sage):
    await sage.sandbox.switch(sage200__auto_generate_order_return_numbers=False)
    assert "document_no" in await sage.refused(sage.order())
    assert (await sage.enter(sage.order(document_no="SO-1")))["document_no"] == "SO-1"
    assert "SO-1" in await sage.refused(sage.order(document_no="SO-1"))


async def test_credit_limit_counts_open_orders(sandbox, sage: Sage):
    with sandbox.world.store.record(Call("test", "PUT", "/")) as change:
        customer = change.get("sage200.customer", sage.id("customer", "WEBGBP"))
        change.put("sage200.customer", customer["id"], {**customer, "credit_limit": "200"})
    line = sage.line(0, 1, 100)
    await sage.enter(sage.order(line))
    assert "credit limit" in await sage.refused(sage.order(line))


@pytest.mark.parametrize("text", ["", "{", "[]", "1", '{"customer_id": NaN}'])
async def test_unreadable_body_is_refused_with_a_message(sage: Sage, text: str):
    answer = await sage.sandbox.client.post(
        "/sage200/uk/sage200extra/accounts/v1/sop_orders",
        content=text,
        headers=sage.headers | {"Content-Type": "application/json"},
    )
    assert answer.status_code == 400
    assert answer.json()["Message"]


@pytest.mark.parametrize(("way", "outcome"), [("refuse", None), ("list_price", "list")])
async def test_prices_without_permission(sage: Sage, way: str, outcome: str | None):
    await sage.sandbox.switch(
        sage200__override_prices_discounts=False, sage200__prices_without_permission=way
    )
    body = sage.order(sage.line(0, 1, Decimal("1.23")))
    if outcome is None:
        assert "permission" in await sage.refused(body)
    else:
        assert (await sage.enter(body))["total_net_value"] != Decimal("1.23")


async def test_price_without_the_overridden_flag_is_the_list_price(sage: Sage):
    line = sage.line(0, 1, selling_unit_price=Decimal("1.23"))
    assert (await sage.enter(sage.order(line)))["total_net_value"] != Decimal("1.23")
    await sage.sandbox.switch(sage200__price_needs_overridden_flag=False)
    assert (await sage.enter(sage.order(line)))["total_net_value"] == Decimal("1.23")


async def test_nominal_codes_cannot_be_amended_when_the_setting_forbids(sage: Sage):
    await sage.sandbox.switch(sage200__amend_nominal_codes=False)
    assert "Nominal" in await sage.refused(sage.order(sage.line(nominal_reference="4000")))
