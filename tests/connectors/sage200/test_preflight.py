import httpx
import pytest

from tests.connectors.sage200.stage import SITE, reply


async def test_a_company_that_is_in_order_has_no_problems(erp):
    assert await erp.preflight() == ()


@pytest.mark.parametrize(
    ("table", "row", "words"),
    [
        ("sop_settings", {"auto_generate_order_return_numbers": False}, "order numbers"),
        ("sop_settings", {"amend_nominal_codes": False}, "amend_nominal_codes"),
        ("sop_settings", {"allocate_stock_on_order_entry": False}, "SLUICE_SAGE200__ALLOCATE"),
        ("sop_settings", {"amend_header_analysis_codes": False}, "analysis code 1"),
        ("analysis_code_mappings", {"is_read_only": True}, "analysis code 1"),
        (
            "current_user_sop_user_permissions",
            {"override_prices_discounts": False},
            "override_prices_discounts",
        ),
        ("currencies", {"currency_iso_code": None}, "currency 1"),
        ("sites", {"company_id": 13}, "company 13"),
    ],
)
async def test_each_thing_in_the_way_is_a_sentence(erp, sage, table, row, words):
    sage.tables[table][0] |= row
    (problem,) = await erp.preflight()
    assert words in problem
    assert problem.startswith("Sage: ")
    assert problem.endswith(".")


async def test_an_empty_list_of_sites_is_a_broken_tunnel(erp, sage):
    sage.tables["sites"] = []
    (problem,) = await erp.preflight()
    assert "tunnel" in problem


async def test_sites_are_asked_without_a_site(erp, sage):
    await erp.preflight()
    (request,) = [each for each in sage.requests if each.url.path.endswith("/sites")]
    assert "X-Site" not in request.headers


async def test_a_wrong_company_is_named_beside_the_right_one(opened, sage):
    erp = await opened(company=99)
    problems = await erp.preflight()
    assert f"(site {SITE} company 12)" in problems[0]


async def test_allocation_that_is_not_asked_for_may_be_off(opened, sage):
    erp = await opened(allocate=False)
    sage.tables["sop_settings"][0]["allocate_stock_on_order_entry"] = False
    assert await erp.preflight() == ()


async def test_a_module_without_licence_is_named(erp, sage):
    sage.on_read = lambda request: (
        reply({"is_sales_orders_enabled": False}) if request.url.path.endswith("/licence") else None
    )
    (problem,) = await erp.preflight()
    assert "Sales Order Processing" in problem


async def test_a_filter_that_this_release_refuses_is_a_problem(erp, sage):
    sage.on_read = lambda request: (
        reply({"Message": "Could not find a property named 'spare_text_1'."}, 400)
        if request.url.path.endswith("/sop_orders")
        else None
    )
    (problem,) = await erp.preflight()
    assert "spare_text_1" in problem


async def test_a_look_that_fails_hides_no_other(erp, sage):
    sage.tables["current_user_sop_user_permissions"][0]["override_prices_discounts"] = False
    sage.on_read = lambda request: httpx.Response(403) if request.url.path.endswith("/licence") else None
    problems = await erp.preflight()
    assert len(problems) == 2
    assert "licence" in problems[0]


async def test_a_dead_consent_is_told_and_not_raised(opened):
    erp = await opened(refresh_token="DEAD")
    problems = await erp.preflight()
    assert all("consent" in problem for problem in problems)
