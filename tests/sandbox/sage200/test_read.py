"""Lists and single reads: OData as sage200.md 6 has it."""

from decimal import Decimal

import pytest

from app.sandbox.sage200.fields import Field
from tests.sandbox.sage200.conftest import Sage, open_sage


async def test_list_is_a_bare_array_or_wrapped_by_switch(sage: Sage):
    assert isinstance(await sage.get("products"), list)
    await sage.sandbox.switch(sage200__wrapped_lists=["products"])
    assert len((await sage.get("products"))["value"]) == 20
    assert isinstance(await sage.get("customers"), list)


async def codes(sage: Sage, text: str) -> list[int]:
    return [row["code"] for row in await sage.get("tax_codes", filter=text, orderby="code")]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("code eq 1", [1]),
        ("code ne 1", [0, 2, 4, 9]),
        ("code gt 2", [4, 9]),
        ("code ge 2 and code lt 9", [2, 4]),
        ("code le 0 or code eq 9", [0, 9]),
        ("code eq 1 or code eq 2 and tax_rate gt 0", [1]),
        ("(code eq 1 or code eq 2) and tax_rate eq 0", [2]),
        ("tax_rate eq 20.00", [1]),
        ("contains(name,'rate')", [1, 2]),
        ("startswith(name,'EC')", [4]),
        ("endswith(name,'rated') eq true", [2]),
        ("endswith(name,'rated') eq false and code lt 5", [0, 1, 4]),
        ("name eq 'Zero rated'", [2]),
        ("name eq null", []),
        ("name ne null and code eq 4", [4]),
        ("date_time_updated gt 2020-01-01", [0, 1, 2, 4, 9]),
        ("date_time_updated lt 2020-01-01T00:00:00.5Z", []),
        ("is_notional_acquisition_tax eq false and code eq 0", [0]),
        ("is_notional_acquisition_tax eq true", []),
    ],
)
async def test_filter_finds(sage: Sage, text: str, found: list[int]):
    assert await codes(sage, text) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "code",
        "code eq",
        "nonsense eq 1",
        "code eq '1'",
        "name eq 1",
        "code in (1,2)",
        "not code eq 1",
        "code add 1 eq 2",
        "tolower(name) eq 'x'",
        "contains(code,'1')",
        "contains(name,1)",
        "date_time_updated gt 2020-01-01T00:00:00",
        "date_time_updated gt '2020-01-01'",
        "name/x eq 'a'",
        "customer.name eq 'a'",
        "is_notional_acquisition_tax gt true",
        "code eq 1)",
    ],
)
async def test_filter_outside_the_subset_is_refused(sage: Sage, text: str):
    answer = await sage.call("GET", "tax_codes", filter=text)
    assert (answer.status_code, list(answer.json())) == (400, ["Message"])


async def test_quote_in_a_text_is_doubled(sage: Sage):
    await sage.enter(sage.order(customer_document_no="O'Brien"))
    assert len(await sage.get("sop_orders", filter="customer_document_no eq 'O''Brien'")) == 1


@pytest.mark.parametrize("value", ["EnumDocumentStatusLive", "0"])
async def test_enum_is_compared_by_name_or_number(sage: Sage, value: str):
    await sage.enter(sage.order())
    assert len(await sage.get("sop_orders", filter=f"document_status eq '{value}'")) == 1
    assert await sage.get("sop_orders", filter="document_status eq '2'") == []


async def test_unknown_enum_value_is_refused(sage: Sage):
    assert (await sage.call("GET", "sop_orders", filter="document_status eq 'Live'")).status_code == 400


async def test_null_tests_can_be_unsupported(sage: Sage):
    await sage.sandbox.switch(sage200__null_filters=False)
    assert (await sage.call("GET", "tax_codes", filter="name eq null")).status_code == 400


async def test_spare_fields_can_be_unfilterable(sage: Sage):
    await sage.enter(sage.order(spare_text_1="trace"))
    assert len(await sage.get("sop_orders", filter="spare_text_1 eq 'trace'")) == 1
    await sage.sandbox.switch(sage200__filter_spare_fields=False)
    assert (await sage.call("GET", "sop_orders", filter="spare_text_1 eq 'trace'")).status_code == 400


async def test_one_request_probes_many_keys(sage: Sage):
    for number in range(6):
        await sage.enter(sage.order(customer_document_no=f"WEB-{number}", spare_text_1=f"gw:{number}"))
    text = " or ".join(
        f"customer_document_no eq 'WEB-{n}' or spare_text_1 eq 'gw:{n + 1}'" for n in (0, 1, 9)
    )
    found = await sage.get("sop_orders", filter=text, expand="lines")
    assert [row["customer_document_no"] for row in found] == ["WEB-0", "WEB-1", "WEB-2"]


async def test_order_and_pages(sage: Sage):
    all_codes = [row["code"] for row in await sage.get("products", orderby="code desc")]
    page = await sage.get("products", orderby="code desc,id asc", top=5, skip=5)
    assert all_codes == sorted(sage.skus, reverse=True)
    assert [row["code"] for row in page] == all_codes[5:10]


@pytest.mark.parametrize(
    "options",
    [
        {"skip": 1},
        {"top": 5001},
        {"top": -1},
        {"top": "x"},
        {"orderby": "nonsense"},
        {"orderby": "code sideways"},
        {"select": "nonsense"},
        {"select": "tax_code.rate", "expand": "tax_code"},
        {"select": "tax_code.tax_rate"},
        {"expand": "nonsense"},
        {"apply": "x"},
    ],
)
async def test_wrong_option_is_refused(sage: Sage, options: dict):
    assert (await sage.call("GET", "products", **options)).status_code == 400


async def test_top_over_the_cap_can_be_cut_instead(sage: Sage):
    await sage.sandbox.switch(sage200__top_over_cap="cap")
    assert len(await sage.get("products", top=6000)) == 20


async def test_five_hundred_rows_unless_asked(sandbox):
    await sandbox.client.post("/_sandbox/seed", json={"catalogue": {"skus": 510}})
    sage = await open_sage(sandbox)
    assert (len(await sage.get("products")), len(await sage.get("products", top=5000))) == (500, 510)


async def test_select_is_dotted_and_children_need_expanding(sage: Sage):
    rows = await sage.get("products", select="id,code,tax_code.code", expand="tax_code", top=1)
    assert list(rows[0]) == ["id", "code", "tax_code"]
    assert list(rows[0]["tax_code"]) == ["code"]
    assert "tax_code" not in (await sage.get("products", top=1))[0]


async def test_select_reaches_into_lines(sage: Sage):
    order = await sage.enter(sage.order(sage.line(0), sage.line(1)))
    shown = await sage.get(
        f"sop_orders/{order['id']}", expand="lines", select="id,lines.code,lines.line_quantity"
    )
    assert shown["lines"] == [{"code": sku, "line_quantity": Decimal("1.00000")} for sku in sage.skus[:2]]


async def test_order_expands_its_children(sage: Sage):
    order = await sage.enter(sage.order(delivery_address={"postal_name": "A Shopper", "postcode": "LS1 1AA"}))
    shown = await sage.get(f"sop_orders/{order['id']}", expand="lines,customer,currency,delivery_address")
    assert shown["customer"]["reference"] == "WEBGBP"
    assert shown["currency"]["symbol"] == "£"
    assert shown["delivery_address"]["postcode"] == "LS1 1AA"


async def test_count_is_a_number_and_metadata_names_fields(sage: Sage):
    assert await sage.get("products", count="true") == 20
    assert {"name": "tax_rate", "type": "dec"} in await sage.get("tax_codes", metadata="true")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "nonsense"),
        ("GET", ""),
        ("GET", "products/1"),
        ("GET", "products/x"),
        ("GET", "sop_order_line_views/1"),
        ("GET", "sop_orders/1/nonsense"),
        ("POST", "product_groups"),
        ("POST", "products"),
        ("PATCH", "sop_orders"),
        ("PUT", "sop_orders"),
        ("DELETE", "sop_orders"),
        ("GET", "sales_invoices"),
        ("GET", "sop_returns"),
    ],
)
async def test_unknown_path_id_or_verb_is_404_with_a_message(sage: Sage, method: str, path: str):
    answer = await sage.call(method, path, {} if method != "GET" else None)
    assert (answer.status_code, list(answer.json())) == (404, ["Message"])


async def test_single_read_takes_no_list_options(sage: Sage):
    path = f"products/{sage.id('product', sage.skus[0])}"
    assert (await sage.get(path, select="code"))["code"] == sage.skus[0]
    assert (await sage.call("GET", path, filter="id eq 1")).status_code == 400


async def test_nested_lists(sage: Sage):
    await sage.enter(sage.order())
    product = sage.id("product", sage.skus[0])
    assert len(await sage.get(f"products/{product}/warehouse_holdings")) == 2
    assert len(await sage.get(f"customers/{sage.id('customer', 'WEBGBP')}/sop_orders")) == 1
    assert await sage.get(f"customers/{sage.id('customer', 'WEBEUR')}/sop_orders") == []


async def test_reference_data_names_what_an_order_needs(sage: Sage):
    customers = await sage.get("customers", filter="reference eq 'WEBEUR'", expand="currency")
    iso = await sage.get(f"currency_iso_codes/{customers[0]['currency']['currency_iso_code_id']}")
    charge = (await sage.get("sop_additional_charges", expand="tax_code,nominal_code"))[0]
    assert iso["code"] == "EUR"
    assert (charge["code"], charge["tax_code"]["code"], charge["nominal_code"]["reference"]) == (
        "CARRIAGE",
        1,
        "4905",
    )


async def test_customer_view_carries_the_iso_code_and_hold(sage: Sage):
    await sage.deed("hold_customer", customer="WEBEUR")
    row = (
        await sage.get("customer_views", filter="currency_iso_code eq 'EUR' and account_is_on_hold eq true")
    )[0]
    assert row["reference"] == "WEBEUR"


async def test_line_view_joins_order_line_customer_and_product(sage: Sage):
    order = await sage.enter(sage.order(sage.line(0, 3, Decimal("9.99"), to_allocate_quantity=2)))
    row = (await sage.get("sop_order_line_views", filter="sop_order_customer_document_no eq 'WEB-1'"))[0]
    assert (row["sop_order_document_no"], row["customer_reference"]) == (order["document_no"], "WEBGBP")
    assert (row["product_code"], row["warehouse_name"], row["tax_code_code"]) == (sage.skus[0], "HOME", 1)
    assert (row["sop_order_line_quantity"], row["sop_order_line_allocated_quantity"]) == (3, 2)
    assert row["sop_order_line_total_value"] == Decimal("29.97")


async def test_lookup_cuts_the_customer_document_number_to_twenty(sage: Sage):
    await sage.enter(sage.order(customer_document_no="X" * 25))
    row = (await sage.get("lookup_sop_orders"))[0]
    assert (row["customer_document_no"], row["document_status_id"]) == ("X" * 20, 0)
    assert await sage.get("lookup_sop_orders", filter=f"customer_document_no eq '{'X' * 25}'") == []


async def test_settings_and_permissions_show_the_switches(sage: Sage):
    await sage.sandbox.switch(
        sage200__are_prices_tax_inclusive=True, sage200__override_prices_discounts=False
    )
    settings = (await sage.get("sop_settings"))[0]
    permissions = (await sage.get("current_user_sop_user_permissions"))[0]
    assert (settings["are_prices_tax_inclusive"], permissions["override_prices_discounts"]) == (True, False)


async def test_licence_and_current_user_are_single_objects(sage: Sage):
    assert (await sage.get("licence"))["is_sales_orders_enabled"] is True
    assert (await sage.get("current_user"))["logon_name"] == "api.user"


async def test_mandatory_analysis_code_is_in_the_mappings(sage: Sage):
    mapping = (await sage.get("analysis_code_mappings", expand="analysis_code"))[0]
    assert (mapping["slot"], mapping["is_mandatory"], mapping["analysis_code"]["name"]) == (
        1,
        True,
        "Project Code",
    )


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("2026-03-02T10:15:30.000000", "2026-03-02T10:15:30Z"),
        ("2026-03-02T10:15:31.400000", "2026-03-02T10:15:31.4Z"),
        ("2026-03-02T10:15:31.270000", "2026-03-02T10:15:31.27Z"),
        ("2026-03-02T10:15:31.123000", "2026-03-02T10:15:31.123Z"),
    ],
)
def test_stamp_has_no_more_digits_than_it_needs(stored: str, shown: str):
    assert Field("stamp").show(stored) == shown
