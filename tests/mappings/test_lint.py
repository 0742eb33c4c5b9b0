from dataclasses import replace
from decimal import Decimal

from app.domain.erp import Customer, Product, TaxCode
from app.mappings.lint import lint, lint_carriers, wanted
from tests.domain.shop import FACTS, make_mappings


def findings(mappings, facts) -> list[tuple[str, str | None]]:
    return [(finding.code, finding.need) for finding in lint(mappings, facts)]


def test_sound_mappings_have_no_findings():
    assert lint(make_mappings(), FACTS) == []


def test_lint_wants_every_account_and_both_ends_of_an_alias():
    asked = wanted(make_mappings())
    assert (asked.customers, asked.products) == ({"WEBGBP", "WEBEUR"}, {"OLD-TEE", "TEE"})


def test_code_of_another_rate_is_found():
    facts = replace(FACTS, tax_codes={**FACTS.tax_codes, "1": TaxCode("1", Decimal("17.5"))})
    assert findings(make_mappings(), facts) == [("E-VAT-MISMATCH", "tax_codes")]


def test_rounding_code_that_bears_vat_is_found():
    facts = replace(FACTS, tax_codes={**FACTS.tax_codes, "9": TaxCode("9", Decimal(20))})
    assert set(findings(make_mappings(), facts)) == {
        ("E-VAT-MISMATCH", "tax_codes"),
        ("E-VAT-MISMATCH", "charges"),
    }


def test_unknown_account_currency_and_hold_are_found():
    facts = replace(FACTS, customers={"WEBEUR": Customer("WEBEUR", "USD", on_hold=True)})
    assert [code for code, _ in findings(make_mappings(), facts)] == [
        "E-CUST-UNKNOWN",
        "E-CUST-CURRENCY",
        "E-CUST-ONHOLD",
    ]


def test_nominal_warehouse_charge_and_field_that_the_company_lacks_are_found():
    facts = replace(
        FACTS,
        nominals=FACTS.nominals - {("81900", "", "")},
        warehouses=frozenset(),
        charges=frozenset(),
        required_analysis=frozenset({1, 4}),
    )
    assert [code for code, _ in findings(make_mappings(), facts)] == [
        "E-WAREHOUSE-UNKNOWN",
        "E-CHARGE-UNKNOWN",
        "E-NOMINAL-UNKNOWN",
        "E-REQFIELD",
    ]


def test_alias_of_nothing_and_alias_behind_a_product_are_found():
    facts = replace(FACTS, products={"OLD-TEE": Product("OLD-TEE", "", active=True)})
    assert findings(make_mappings(), facts) == [
        ("E-SKU-UNKNOWN", "sku_aliases"),
        ("E-ALIAS-HIDDEN", "sku_aliases"),
    ]


CARRIERS = (
    {"connection": "*", "courier": "DPD", "carrier": "dpd"},
    {"connection": "edge", "courier": "dpd", "carrier": "dpd-uk"},
    {"connection": "*", "store": "ARG", "courier": "Evri", "carrier": "evri"},
    {"connection": "uk", "courier": "Yodel", "carrier": "yodel"},
)


def test_only_rows_that_decide_at_a_connection_must_name_its_carriers():
    mappings = make_mappings(carriers=CARRIERS)
    found = lint_carriers(mappings, "edge", frozenset({"dpd-uk"}))
    assert [(one.code, one.value) for one in found] == [("E-CARRIER-GONE", "*|ARG|EVRI: evri")]
    assert lint_carriers(mappings, "edge", frozenset({"dpd-uk", "evri"})) == []
    assert lint_carriers(mappings, "edge", None) == []


def test_a_connection_without_couriers_is_found():
    (found,) = lint_carriers(make_mappings(carriers=CARRIERS[3:]), "edge", None)
    assert (found.code, found.value) == ("E-CARRIER-UNMAPPED", "edge: carrier")
