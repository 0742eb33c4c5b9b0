"""What a lenient imitation would let pass: each of these once answered 200, or broke."""

from decimal import Decimal

import httpx
import pytest
import simplejson

from app.sandbox.store import Call
from tests.sandbox.sage200.conftest import BASE, Sage
from tests.sandbox.sage200.test_gate import consent, spend, works


@pytest.mark.parametrize(
    "text",
    [
        "id eq 99999999999999999999",
        "id eq " + "9" * 5000,
        "id eq 9223372036854775808",
        "tax_rate eq 1E999999999",
        "tax_rate gt " + "9" * 50,
        "date_time_updated gt 2020-02-31",
        "date_time_updated gt 2020-02-31T00:00:00Z",
        "date_time_updated gt 2020-01-01T10:00Z",
        "date_time_updated gt 2020-01-01T10:00:00",
        "date_time_updated gt 2020-01-01T10:00:00+00:00",
        "date_time_updated gt 2020-01-01T10:00:00.123456789Z",
        "date_time_updated gt 2020-01-01T24:00:00Z",
        "code EQ 1",
        "code eq 1 OR code eq 2",
        "code eq 1 And code eq 2",
        "is_notional_acquisition_tax eq TRUE",
        "name eq NULL",
        "name eq 'it's'",
        'name eq "Exempt"',
        "code eq code",
        "1 eq code",
        "code eq 1.0",
    ],
)
async def test_filter_that_is_nearly_right_is_refused(sage: Sage, text: str):
    answer = await sage.call("GET", "tax_codes", filter=text)
    assert (answer.status_code, list(answer.json())) == (400, ["Message"])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("code eq 1 or code eq 2 and name eq 'Exempt'", [1]),
        ("name eq 'Exempt' and code eq 0 or code eq 9", [0, 9]),
        ("(code eq 1 or code eq 2) and name eq 'Exempt'", []),
        ("tax_rate gt -1 and code le 1", [0, 1]),
        ("name eq 'code EQ 1 OR 2'", []),
    ],
)
async def test_and_binds_closer_than_or(sage: Sage, text: str, found: list[int]):
    rows = await sage.get("tax_codes", filter=text, orderby="code")
    assert [row["code"] for row in rows] == found


@pytest.mark.parametrize("number", ["02", "٢", "+2", " 2", "7", "2.0"])
async def test_enum_number_has_one_spelling(sage: Sage, number: str):
    answer = await sage.call("GET", "sop_orders", filter=f"document_status eq '{number}'")
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("products", {"orderby": "", "skip": 1}),
        ("products", {"select": ""}),
        ("products", {"top": "9" * 5000}),
        ("products", {"top": "+1"}),
        ("products", {"top": "1.0"}),
        ("products", {"skip": 0}),
        ("products", {"skip": -1, "orderby": "id"}),
        ("products", {"count": "maybe"}),
        ("products", {"metadata": "maybe"}),
        ("products", {"orderby": "free_stock_quantity"}),
        ("products", {"filter": "free_stock_quantity gt 5"}),
        ("products", {"expand": "is_to_lock"}),
        ("products", {"expand": "available_document_discount"}),
        ("sop_orders", {"expand": "is_to_lock"}),
        ("sop_orders", {"expand": "lines,lines.product"}),
        ("sop_order_line_views", {"expand": "lines"}),
    ],
)
async def test_option_that_is_nearly_right_is_refused(sage: Sage, path: str, options: dict):
    assert (await sage.call("GET", path, **options)).status_code == 400


@pytest.mark.parametrize(
    "options",
    [
        {"select": "nonsense"},
        {"select": "lines.nonsense", "expand": "lines"},
        {"select": "lines.code"},
        {"select": "customer.name.more", "expand": "customer"},
        {"select": "customer_document_no.x"},
        {"expand": "nonsense"},
        {"orderby": "nonsense"},
        {"filter": "nonsense eq 1"},
    ],
)
async def test_unknown_field_is_refused_though_nothing_is_found(sage: Sage, options: dict):
    assert await sage.get("sop_orders") == []
    assert (await sage.call("GET", "sop_orders", **options)).status_code == 400


async def test_top_of_nothing_is_nothing_and_the_cap_itself_is_allowed(sage: Sage):
    assert await sage.get("products", top=0) == []
    assert len(await sage.get("products", top=5000)) == 20


async def test_option_given_twice_is_refused(sage: Sage):
    url = f"{BASE}/tax_codes?$filter=code eq 1&$filter=code eq 2"
    assert (await sage.sandbox.client.get(url, headers=sage.headers)).status_code == 400


async def test_metadata_tells_what_can_be_expanded_only_when_true(sage: Sage):
    told = {flag: await sage.get("sop_orders", metadata=flag) for flag in ("true", "false")}
    assert {"name": "lines", "type": "object"} in told["true"]
    assert next(row for row in told["true"] if row not in told["false"])["type"] == "object"


@pytest.mark.parametrize("company", ["012", "+12", "12.0", " 12", "9" * 5000])
async def test_company_has_one_spelling(sage: Sage, company: str):
    answer = await sage.sandbox.client.get(f"{BASE}/products", headers=sage.headers | {"X-Company": company})
    assert (answer.status_code, answer.content) == (401, b"")


@pytest.mark.parametrize("id_", ["9" * 5000, "-1", "1.0", "%D9%A1"])
async def test_id_that_cannot_be_is_404(sage: Sage, id_: str):
    assert (await sage.call("GET", f"products/{id_}")).status_code == 404


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"document_no": None}, "document_no"),
        ({"document_no": 5}, "document_no"),
        ({"document_no": "X" * 21}, "document_no"),
        ({"document_status": None}, "document_status"),
        ({"total_net_value": "1.00"}, "total_net_value"),
        ({"is_draft": "false"}, "is_draft"),
        ({"date_time_updated": 5}, "date_time_updated"),
        ({"customer_id": 2**63}, "customer_id"),
        ({"customer_id": True}, "customer_id"),
        ({"customer_id": Decimal("1.0")}, "customer_id"),
        ({"use_invoice_address": "false"}, "use_invoice_address"),
        ({"use_invoice_address": 0}, "use_invoice_address"),
        ({"customer_type": "enumCustomerTypeCredit"}, "customer_type"),
        ({"customer_type": 0}, "customer_type"),
        ({"customer_type": "EnumCustomerTypeCash"}, "cash"),
        ({"exchange_rate": Decimal("1.5")}, "exchange_rate"),
        ({"exchange_rate": 0}, "exchange_rate"),
        ({"exchange_rate": "1"}, "exchange_rate"),
        ({"document_date": "2026-03-02T25:00:00Z"}, "document_date"),
        ({"document_date": "2026-03-02T10:00Z"}, "document_date"),
        ({"document_date": "2026-03-02 10:00:00"}, "document_date"),
        ({"document_date": "2026-03-02T10:00:00+99:00"}, "document_date"),
        ({"delivery_address": {"city": None}}, "city"),
        ({"delivery_address": {"id": None}}, "id"),
        ({"memos": None}, "memos"),
        ({"memos": [None]}, "object"),
    ],
)
async def test_header_of_the_wrong_kind_is_refused(sage: Sage, more: dict, said: str):
    assert said in await sage.refused(sage.order() | more)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"line_type": 0}, "line_type"),
        ({"line_type": []}, "line_type"),
        ({"line_type": "enumlinetypestandard"}, "line_type"),
        ({"product_id": "27000"}, "product_id"),
        ({"product_id": 2**64}, "product_id"),
        ({"line_quantity": True}, "line_quantity"),
        ({"line_quantity": 10**13}, "line_quantity"),
        ({"line_quantity": Decimal("1E+999999999")}, "line_quantity"),
        ({"line_quantity": Decimal("1E-999999999")}, "line_quantity"),
        ({"to_allocate_quantity": "1"}, "to_allocate_quantity"),
        ({"to_allocate_quantity": -1}, "to_allocate_quantity"),
        ({"selling_unit_price": "1.00"}, "selling_unit_price"),
        ({"selling_unit_price_overridden": "true"}, "selling_unit_price_overridden"),
        ({"allocated_quantity": "1"}, "allocated_quantity"),
        ({"sop_order_id": None}, "sop_order_id"),
    ],
)
async def test_line_of_the_wrong_kind_is_refused(sage: Sage, more: dict, said: str):
    assert said in await sage.refused(sage.order(sage.line() | more))


async def test_null_in_place_of_a_line_is_refused(sage: Sage):
    assert "object" in await sage.refused(sage.order() | {"lines": [None]})


@pytest.mark.parametrize("text", ["[" * 100_000, '{"customer_id": ' + "9" * 6000 + "}", b"\xff\xfe", "null"])
async def test_body_that_breaks_readers_is_refused(sage: Sage, text: str | bytes):
    headers = sage.headers | {"Content-Type": "application/json"}
    answer = await sage.sandbox.client.post(f"{BASE}/sop_orders", content=text, headers=headers)
    assert (answer.status_code, list(answer.json())) == (400, ["Message"])


@pytest.mark.parametrize("kind", ["", "text/json", "application/x-www-form-urlencoded"])
async def test_body_must_say_that_it_is_json(sage: Sage, kind: str):
    headers = sage.headers | {"Content-Type": kind}
    content = simplejson.dumps(sage.order())
    answer = await sage.sandbox.client.post(f"{BASE}/sop_orders", content=content, headers=headers)
    assert answer.status_code == 400


async def test_two_wrongs_are_told_one_at_a_time(sage: Sage):
    message = await sage.refused(sage.order(customer_document_no="X" * 31, order_priority="AB"))
    assert ("customer_document_no" in message, "order_priority" in message) == (True, False)


async def test_moment_of_another_zone_is_kept_in_utc(sage: Sage):
    order = await sage.enter(sage.order(spare_date_1="2026-07-01T00:30:00+05:00"))
    assert order["spare_date_1"] == "2026-06-30T19:30:00Z"


@pytest.mark.parametrize(
    ("kind", "ok"), [("EnumAmendabilityTypeAll", True), ("EnumAmendabilityTypeNotAmendable", False)]
)
async def test_rate_can_be_given_where_the_currency_is_amendable(sage: Sage, kind: str, ok: bool):  # noqa: FBT001 - a table's column
    with sage.sandbox.world.store.record(Call("test", "PUT", "/")) as change:
        euro = change.get("sage200.currency", sage.id("currency", "EUR"))
        change.put("sage200.currency", euro["id"], euro | {"exchange_rate_amendability_type": kind})
    body = sage.order(customer_id=sage.id("customer", "WEBEUR"), exchange_rate=Decimal("1.2"))
    answer = await sage.call("POST", "sop_orders", body)
    assert (answer.status_code == 200) is ok
    assert (await sage.enter(body | {"exchange_rate": Decimal("1.16")}))["exchange_rate"] == Decimal("1.16")


async def test_closed_period_refuses_what_is_dated_in_it(sage: Sage):
    old = sage.order(document_date="2026-02-28T00:00:00Z")
    assert await sage.enter(old)
    await sage.sandbox.switch(sage200__periods_open_from="2026-03-01")
    assert "period" in await sage.refused(old)
    assert await sage.enter(sage.order(document_date="2026-03-01T00:00:00Z"))


async def test_analysis_code_that_nobody_may_write_is_refused(sage: Sage):
    await sage.sandbox.switch(sage200__amend_header_analysis_codes=False)
    assert "Project Code" in await sage.refused(sage.order())
    assert (await sage.get("sop_settings"))[0]["amend_header_analysis_codes"] is False


async def test_read_only_analysis_code_is_refused(sage: Sage):
    with sage.sandbox.world.store.record(Call("test", "PUT", "/")) as change:
        mapping = change.all("sage200.analysis_code_mapping")[0]
        change.put("sage200.analysis_code_mapping", mapping["id"], mapping | {"is_read_only": True})
    assert "Project Code" in await sage.refused(sage.order())


async def test_listed_analysis_code_takes_listed_values_alone(sage: Sage):
    with sage.sandbox.world.store.record(Call("test", "PUT", "/")) as change:
        mapping = change.all("sage200.analysis_code_mapping")[0]
        code = mapping["analysis_code"] | {"allow_overtype": False, "values": ["WEB"]}
        change.put("sage200.analysis_code_mapping", mapping["id"], mapping | {"analysis_code": code})
    assert await sage.enter(sage.order())
    assert "ELSE" in await sage.refused(sage.order(analysis_code_1="ELSE"))


async def test_warehouse_that_does_not_sell_is_refused(sage: Sage):
    line = sage.line() | {"warehouse_id": sage.id("warehouse", "RESERVE")}
    assert "RESERVE" in await sage.refused(sage.order(line))


async def test_put_allocates_no_more_than_is_left(sage: Sage):
    order = await sage.enter(sage.order(sage.line(0, 4, to_allocate_quantity=3)))
    path = f"sop_orders/{order['id']}"
    line = (await sage.get(path, expand="lines"))["lines"][0]["id"]
    refused = await sage.call("PUT", path, {"lines": [{"id": line, "to_allocate_quantity": 2}]})
    assert (refused.status_code, "to_allocate_quantity" in refused.json()["Message"]) == (400, True)
    assert (
        await sage.call("PUT", path, {"lines": [{"id": line, "to_allocate_quantity": 1}]})
    ).status_code == 200
    after = (await sage.get(path, expand="lines"))["lines"][0]
    assert (after["allocated_quantity"], after["allocation_status"]) == (4, "Fully")


async def test_put_cannot_change_the_number(sage: Sage):
    order = await sage.enter(sage.order())
    await sage.call("PUT", f"sop_orders/{order['id']}", {"document_no": "MINE"})
    assert (await sage.get(f"sop_orders/{order['id']}"))["document_no"] == order["document_no"]


async def test_lock_that_ran_out_is_no_lock_to_send_back(sage: Sage):
    path = f"sop_orders/{(await sage.enter(sage.order()))['id']}"
    await sage.sandbox.switch(sage200__api_lock_seconds=5)
    lock = (await sage.get(path, expand="is_to_lock"))["lock_id"]
    await sage.sandbox.client.post("/_sandbox/clock", json={"advance_seconds": 6})
    assert (await sage.call("PUT", path, {"order_priority": "A", "lock_id": lock})).status_code == 400


async def test_lock_id_of_a_new_order_is_nothing(sage: Sage):
    assert (await sage.enter(sage.order(lock_id=900_001)))["lock_id"] is None


async def test_access_token_of_a_withdrawn_consent_is_401_in_mid_run(sage: Sage):
    assert await sage.enter(sage.order())
    await sage.deed("revoke_tokens", kinds=["access"])
    answer = await sage.call("POST", "sop_orders", sage.order())
    assert (answer.status_code, answer.content) == (401, b"")


async def test_reuse_revokes_its_own_consent_alone(sage: Sage):
    await sage.sandbox.switch(sage200__refresh_reuse="revoke")
    first, other = await consent(sage), await consent(sage)
    renewed = (await spend(sage, first["refresh_token"])).json()
    assert (await spend(sage, first["refresh_token"])).status_code == 400
    alive = [await works(sage, one["access_token"]) for one in (first, renewed, other)]
    assert alive == [False, False, True]
    assert (await spend(sage, other["refresh_token"])).status_code == 200


async def test_consent_ends_when_its_lifetime_says(sage: Sage):
    await sage.sandbox.switch(sage200__refresh_lifetime_seconds=60)
    token = (await consent(sage))["refresh_token"]
    await sage.sandbox.client.post("/_sandbox/clock", json={"advance_seconds": 61})
    assert (await spend(sage, token)).status_code == 400


async def test_grace_ends_when_its_switch_says(sage: Sage):
    await sage.sandbox.switch(sage200__refresh_reuse="grace", sage200__refresh_grace_seconds=5)
    token = (await consent(sage))["refresh_token"]
    await spend(sage, token)
    await sage.sandbox.client.post("/_sandbox/clock", json={"advance_seconds": 6})
    assert (await spend(sage, token)).status_code == 400


@pytest.mark.parametrize(
    ("kind", "secret", "status"),
    [
        ("application/json", None, 400),
        ("", None, 400),
        ("application/x-www-form-urlencoded", "%C3%A9", 401),
        ("application/x-www-form-urlencoded", "", 401),
    ],
)
async def test_token_request_is_a_form_with_the_right_secret(
    sage: Sage, kind: str, secret: str | None, status: int
):
    secret = sage.seeded["client_secret"] if secret is None else secret
    form = f"grant_type=refresh_token&refresh_token=x&client_id={sage.seeded['client_id']}&client_secret={secret}"
    answer = await sage.sandbox.client.post(
        "/sage200/oauth/token", content=form, headers={"Content-Type": kind}
    )
    assert answer.status_code == status


async def test_code_is_good_for_the_address_that_asked_for_it(sage: Sage):
    asked = {"client_id": sage.seeded["client_id"], "redirect_uri": "http://us/back"}
    back = await sage.sandbox.client.get("/sage200/authorize", params=asked)
    form = asked | {
        "client_secret": sage.seeded["client_secret"],
        "grant_type": "authorization_code",
        "code": httpx.URL(back.headers["location"]).params["code"],
        "redirect_uri": "http://them/back",
    }
    assert (await sage.sandbox.client.post("/sage200/oauth/token", data=form)).status_code == 400


@pytest.mark.parametrize("status", [400, 500, 503])
async def test_ghost_is_left_behind_whatever_the_answer(sage: Sage, status: int):
    await sage.sandbox.switch(sage200__ghost_draft_status=status)
    await sage.sandbox.faults({"kind": "ghost_draft", "times": 1})
    assert (await sage.call("POST", "sop_orders", sage.order())).status_code == status
    assert len(await sage.get("sop_orders", filter="is_draft eq true")) == 1
