from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from app.domain.dossier import Options
from app.domain.erp import Customer, EntryKind, Facts, Nominal, Product, TaxCode
from app.domain.message import Owner
from app.domain.order import Address, Charge, ChargeKind, LineKind
from app.domain.posting import plan, wanted
from tests.domain.shop import (
    FACTS,
    OPTIONS,
    ROWS,
    codes,
    figures,
    find_faults,
    line,
    make_mappings,
    make_order,
    plan_order,
    reckon,
    shipping,
)


def simple(**more):
    return make_order(line("DRESS", "120.00"), gross="120.00", tax="20.00", **more)


def test_document_carries_key_account_day_and_required_field():
    planned = plan_order(simple())
    assert (planned.key, planned.trace, planned.customer) == ("CEN-10045", "CEN-10045", "WEBGBP")
    assert (planned.document_date, planned.analysis) == (date(2026, 11, 20), {1: "P100"})


def test_entry_carries_product_warehouse_nominal_and_the_rule_that_chose_it():
    (entry,) = plan_order(simple()).entries
    assert (entry.kind, entry.code, entry.warehouse) == (EntryKind.STANDARD, "DRESS", "HOME")
    assert (entry.nominal, entry.rule) == (Nominal("41100", "WEB"), "sales")


def test_shipping_is_a_charge_with_its_own_nominal():
    order = make_order(line("TEE", "10.00"), charges=(shipping("2.00"),), gross="12.00", tax="2.00")
    entry = plan_order(order).entries[1]
    assert (entry.kind, entry.code, entry.nominal, entry.warehouse) == (
        EntryKind.CHARGE,
        "CARRIAGE",
        Nominal("41200", "WEB"),
        "",
    )


def test_charge_without_a_code_is_free_text():
    charge = Charge(ChargeKind.HANDLING, Decimal("2.40"))
    order = make_order(line("TEE", "12.00"), charges=(charge,), gross="14.40", tax="2.40")
    entry = plan_order(order).entries[1]
    assert (entry.kind, entry.description) == (EntryKind.FREE_TEXT, "Handling")


def test_midnight_of_london_summer_is_that_day():
    order = simple(placed_at=datetime(2026, 6, 30, 23, 30, tzinfo=UTC))
    assert plan_order(order).document_date == date(2026, 7, 1)


def test_order_of_no_value_is_posted():
    order = make_order(line("TEE", "30.00"), discount="30.00", gross="0.00", tax="0.00")
    planned = plan_order(order)
    assert figures(planned.entries) == [("1", "0.00", "0.00", "0.00", "1")]
    assert planned.gross == 0


def test_shipping_of_a_basket_that_is_free_follows_the_price_before_the_discount():
    order = make_order(
        line("DRESS", "30.00"),
        line("SHOES", "10.00", rate="0"),
        charges=(shipping("4.00"),),
        discount="40.00",
        gross="4.00",
        tax="0.50",
    )
    assert [entry.net + entry.tax for entry in plan_order(order).entries] == [0, 0, 3, 1]


def test_company_whose_prices_hold_vat_gets_gross_prices_and_no_rounding():
    facts = replace(FACTS, tax_inclusive=True)
    order = make_order(line("TEE", "19.98", quantity=2), gross="19.98", tax="3.33")
    (entry,) = plan_order(order, facts=facts).entries
    assert (entry.unit_net, entry.net, entry.tax) == (Decimal("9.99"), Decimal("16.65"), Decimal("3.33"))


def test_net_priced_order_for_a_company_whose_prices_hold_vat():
    facts = replace(FACTS, tax_inclusive=True)
    order = make_order(line("TEE", "37.00", quantity=2), gross="44.40", tax="7.40", tax_included=False)
    (entry,) = plan_order(order, facts=facts).entries
    assert (entry.unit_net, entry.net, entry.tax) == (Decimal("22.20"), Decimal("37.00"), Decimal("7.40"))


def test_channel_vat_a_penny_off_is_flagged_and_gross_stays_right():
    planned = plan_order(make_order(line("TEE", "9.99"), gross="9.99", tax="1.66"))
    assert (planned.gross, planned.tax, planned.net) == (Decimal("9.99"), Decimal("1.67"), Decimal("8.32"))
    assert codes(planned.flags) == ["E-TOTAL-MISMATCH"]
    assert reckon(planned.entries) == (planned.net, planned.tax)


def test_net_priced_order_whose_vat_was_worked_out_on_the_document_is_rounded_to_its_gross():
    order = make_order(
        *(line("TEE", "4.13", ref=ref) for ref in "abc"), gross="14.87", tax="2.48", tax_included=False
    )
    planned = plan_order(order)
    assert (planned.gross, planned.tax) == (Decimal("14.87"), Decimal("2.49"))
    assert planned.entries[-1].net == Decimal("-0.01")
    assert codes(planned.flags) == ["E-TOTAL-MISMATCH"]


def test_channel_vat_further_off_parks():
    (fault,) = find_faults(make_order(line("TEE", "9.99"), gross="9.99", tax="1.65"))
    assert (fault.code, fault.field, fault.owner) == ("E-TOTAL-MISMATCH", "totals.tax", Owner.FINANCE)


def test_gross_a_penny_off_parks():
    (fault,) = find_faults(make_order(line("TEE", "12.00"), gross="12.01", tax="2.00"))
    assert (fault.code, fault.field) == ("E-TOTAL-MISMATCH", "totals.gross")


def test_yen_order_balances_in_whole_yen():
    mappings = make_mappings(customers=[{"connection": "uk", "currency": "JPY", "reference": "WEBJPY"}])
    facts = replace(FACTS, customers={"WEBJPY": Customer("WEBJPY", "JPY", on_hold=False)})
    order = make_order(
        line("TEE", "3333", quantity=2),
        charges=(shipping("500"),),
        gross="3833",
        tax="639",
        currency="JPY",
    )
    planned = plan_order(order, mappings=mappings, facts=facts)
    assert (planned.gross, planned.tax) == (3833, 639)
    assert reckon(planned.entries, facts) == (planned.net, planned.tax)


def test_currency_finer_than_the_erp_parks():
    mappings = make_mappings(customers=[{"connection": "uk", "currency": "KWD", "reference": "WEBGBP"}])
    assert "E-CCY-UNMAPPED" in codes(find_faults(simple(currency="KWD"), mappings=mappings))


# Products


def test_code_is_found_whatever_its_case_and_spaces():
    order = make_order(line(" dress ", "120.00"), gross="120.00", tax="20.00")
    assert plan_order(order).entries[0].code == "DRESS"


def test_alias_leads_to_the_product():
    order = make_order(line("Old-Tee", "120.00"), gross="120.00", tax="20.00")
    assert plan_order(order).entries[0].code == "TEE"


def test_own_code_wins_over_an_alias():
    mappings = make_mappings(sku_aliases=[{"alias": "dress", "code": "TEE"}])
    assert plan_order(simple(), mappings=mappings).entries[0].code == "DRESS"


def test_alias_of_the_connection_wins_over_everybodys():
    rows = [{"alias": "X1", "code": "TEE"}, {"connection": "uk", "alias": "x1", "code": "SHOES"}]
    order = make_order(line("X1", "120.00"), gross="120.00", tax="20.00")
    assert plan_order(order, mappings=make_mappings(sku_aliases=rows)).entries[0].code == "SHOES"


def test_barcode_leads_to_the_product():
    facts = replace(FACTS, by_barcode={"5060001": (Product("SHOES", "5060001", active=True),)})
    order = make_order(line("4711", "120.00", ean="5060001"), gross="120.00", tax="20.00")
    assert plan_order(order, facts=facts).entries[0].code == "SHOES"


def test_barcode_of_two_products_is_never_guessed():
    twins = tuple(Product(code, "5060001", active=True) for code in ("SHOES", "TEE"))
    order = make_order(line("4711", "120.00", ean="5060001"), gross="120.00", tax="20.00")
    (fault,) = find_faults(order, facts=replace(FACTS, by_barcode={"5060001": twins}))
    assert (fault.code, fault.need) == ("E-SKU-AMBIGUOUS", "sku_aliases")
    assert "SHOES, TEE" in fault.fix


def test_unknown_code_is_told_once_for_all_its_lines():
    order = make_order(line("NOPE", "60.00"), line("NOPE", "60.00", ref="b"), gross="120.00", tax="20.00")
    (fault,) = find_faults(order)
    assert (fault.code, fault.value, fault.need) == ("E-SKU-UNKNOWN", "NOPE", "sku_aliases")


def test_alias_of_a_product_that_is_gone_is_unknown_even_with_a_barcode():
    rows = [{"alias": "X1", "code": "GONE"}]
    facts = replace(FACTS, by_barcode={"5060001": (Product("SHOES", "5060001", active=True),)})
    order = make_order(line("X1", "120.00", ean="5060001"), gross="120.00", tax="20.00")
    assert codes(find_faults(order, mappings=make_mappings(sku_aliases=rows), facts=facts)) == [
        "E-SKU-UNKNOWN"
    ]


def test_inactive_product_parks():
    facts = replace(FACTS, products={"DRESS": Product("DRESS", "", active=False)})
    assert codes(find_faults(simple(), facts=facts)) == ["E-SKU-INACTIVE"]


def test_cancelled_line_of_an_unknown_product_is_nobodys_concern():
    order = make_order(line("DRESS", "120.00"), line("NOPE", "0.00", quantity=0), gross="120.00", tax="20.00")
    assert len(plan_order(order).entries) == 1


def test_facts_to_ask_for_cover_account_codes_aliases_and_barcodes():
    order = make_order(line("old-tee", "1", ean=" 506 "), line("dress", "1"), gross="2", tax="0")
    asked = wanted(order, make_mappings())
    assert asked.customers == {"WEBGBP"}
    assert asked.products == {"OLD-TEE", "TEE", "DRESS"}
    assert asked.barcodes == {"506", "old-tee", "dress"}


# Account, warehouse, fields


def test_euro_order_never_lands_on_the_pound_account():
    order = simple(currency="EUR")
    assert plan_order(order).customer == "WEBEUR"
    mappings = make_mappings(customers=ROWS["customers"][:1])
    (fault,) = find_faults(order, mappings=mappings)
    assert (fault.code, fault.need, fault.owner) == ("E-CCY-UNMAPPED", "customers", Owner.FINANCE)


def test_store_without_any_account_is_unmapped():
    mappings = make_mappings(customers=[{"connection": "se", "currency": "GBP", "reference": "WEBGBP"}])
    assert codes(find_faults(simple(), mappings=mappings)) == ["E-CUST-UNMAPPED"]


def test_account_of_the_store_wins():
    rows = [*ROWS["customers"], {"connection": "uk", "store": "1", "currency": "GBP", "reference": "STORE1"}]
    customers = {**FACTS.customers, "STORE1": Customer("STORE1", "GBP", on_hold=False)}
    facts = replace(FACTS, customers=customers)
    assert plan_order(simple(), mappings=make_mappings(customers=rows), facts=facts).customer == "STORE1"


def test_wholesale_order_never_falls_back_to_the_shoppers_account():
    assert codes(find_faults(simple(wholesale=True, account="77"))) == ["E-CUST-UNMAPPED"]
    assert codes(find_faults(simple(wholesale=True))) == ["E-CUST-UNMAPPED"]


def test_wholesale_order_goes_to_its_account():
    rows = [{"connection": "uk", "currency": "GBP", "account": "77", "reference": "WEBGBP"}]
    planned = plan_order(simple(wholesale=True, account="77"), mappings=make_mappings(customers=rows))
    assert planned.customer == "WEBGBP"


@pytest.mark.parametrize(
    ("customers", "expected"),
    [
        ({}, ["E-CUST-UNKNOWN"]),
        ({"WEBGBP": Customer("WEBGBP", "EUR", on_hold=False)}, ["E-CUST-CURRENCY"]),
        ({"WEBGBP": Customer("WEBGBP", "GBP", on_hold=True)}, ["E-CUST-ONHOLD"]),
        ({"WEBGBP": Customer("WEBGBP", "USD", on_hold=True)}, ["E-CUST-CURRENCY", "E-CUST-ONHOLD"]),
    ],
)
def test_account_that_cannot_take_the_order_parks(customers, expected):
    assert codes(find_faults(simple(), facts=replace(FACTS, customers=customers))) == expected


def test_warehouse_must_be_mapped_and_known():
    assert "E-WAREHOUSE-UNMAPPED" in codes(find_faults(simple(), mappings=make_mappings(warehouses=[])))
    facts = replace(FACTS, warehouses=frozenset({"OTHER"}))
    assert codes(find_faults(simple(), facts=facts)) == ["E-WAREHOUSE-UNKNOWN"]


def test_mandatory_field_without_a_rule_parks_and_names_it():
    (fault,) = find_faults(simple(), mappings=make_mappings(required_fields=[]))
    assert (fault.code, fault.field, fault.need) == ("E-REQFIELD", "analysis_1", "required_fields")


def test_field_of_the_store_wins_and_fields_may_come_from_the_order():
    rows = [
        {"target": "analysis_1", "constant": "P100"},
        {"connection": "uk", "store": "1", "target": "analysis_1", "constant": "P200"},
        {"target": "analysis_2", "source": "payment_method"},
    ]
    planned = plan_order(simple(payment_method="klarna"), mappings=make_mappings(required_fields=rows))
    assert planned.analysis == {1: "P200", 2: "klarna"}


def test_field_whose_source_is_empty_or_too_long_parks():
    rows = [{"target": "analysis_1", "source": "purchase_order"}]
    mappings = make_mappings(required_fields=rows)
    assert codes(find_faults(simple(), mappings=mappings)) == ["E-REQFIELD"]
    (fault,) = find_faults(simple(purchase_order="x" * 61), mappings=mappings)
    assert (fault.code, fault.value) == ("E-REQFIELD", "61 characters")


# VAT


def send(country: str, rate: str, tax: str, *, mappings=None, **more):
    address = Address(name="A", country=country, vat_number=more.pop("vat_number", ""))
    order = make_order(
        line("DRESS", "120.00", rate=rate), gross="120.00", tax=tax, delivery=address, country=country, **more
    )
    return plan(order, mappings or make_mappings(), more.pop("facts", FACTS), OPTIONS)


BUSINESS = [
    {"ship_from": "GB", "ship_to": "UK", "buyer": "any", "rate": "20", "code": "1"},
    {"ship_from": "GB", "ship_to": "UK", "buyer": "any", "rate": "0", "code": "2"},
    {"ship_from": "GB", "ship_to": "EU", "buyer": "business", "rate": "0", "code": "2"},
    {"ship_from": "GB", "ship_to": "CI", "rate": "0", "code": "2"},
    {"ship_from": "GB", "ship_to": "ROW", "rate": "0", "code": "2"},
    {"ship_from": "XI", "ship_to": "EU", "buyer": "business", "rate": "0", "code": "4"},
]


@pytest.mark.parametrize(
    ("country", "vat_number", "ship_from", "rate", "code"),
    [
        ("GB", "", "GB", "20", "1"),
        ("IM", "", "GB", "20", "1"),
        ("GB", "", "GB", "0", "2"),
        ("JE", "", "GB", "0", "2"),
        ("US", "", "GB", "0", "2"),
        ("DE", "DE123", "GB", "0", "2"),
        ("GB", "GB123", "GB", "20", "1"),
        ("IE", "IE123", "XI", "0", "4"),
    ],
)
def test_code_follows_route_buyer_and_rate(country, vat_number, ship_from, rate, code):
    warehouses = [{"connection": "uk", "warehouse": "HOME", "ships_from": ship_from}]
    mappings = make_mappings(tax_codes=BUSINESS, warehouses=warehouses)
    tax = "20.00" if rate == "20" else "0.00"
    planned = send(country, rate, tax, vat_number=vat_number, mappings=mappings)
    assert [entry.tax_code for entry in planned.entries] == [code]


@pytest.mark.parametrize(
    ("country", "vat_number", "rate", "tax", "expected"),
    [
        ("GB", "", "5", "5.71", "E-VAT-MISMATCH"),
        ("JE", "", "20", "20.00", "E-VAT-MISMATCH"),
        ("US", "", "20", "20.00", "E-VAT-MISMATCH"),
        ("DE", "DE123", "20", "20.00", "E-VAT-MISMATCH"),
        ("DE", "", "0", "0.00", "E-VAT-UNMAPPED"),
    ],
)
def test_rate_that_the_route_may_not_bear_parks(country, vat_number, rate, tax, expected):
    (fault,) = send(country, rate, tax, vat_number=vat_number, mappings=make_mappings(tax_codes=BUSINESS))
    assert (fault.code, fault.owner, fault.need) == (expected, Owner.FINANCE, "tax_codes")


def test_code_that_bears_another_rate_in_the_erp_parks():
    facts = replace(FACTS, tax_codes={**FACTS.tax_codes, "1": TaxCode("1", Decimal("17.5"))})
    assert codes(find_faults(simple(), facts=facts)) == ["E-VAT-MISMATCH"]


def test_code_that_the_erp_lacks_parks():
    facts = replace(FACTS, tax_codes={"9": TaxCode("9", Decimal(0))})
    assert codes(find_faults(simple(), facts=facts)) == ["E-VAT-MISMATCH"]


def test_tax_rule_holds_only_on_its_days():
    old = {"ship_from": "GB", "ship_to": "UK", "rate": "20", "code": "1", "valid_to": "2026-11-20"}
    mappings = make_mappings(tax_codes=[old])
    assert plan_order(simple(), mappings=mappings)
    later = simple(placed_at=datetime(2026, 11, 21, 10, tzinfo=UTC))
    assert codes(find_faults(later, mappings=mappings)) == ["E-VAT-UNMAPPED"]


ABROAD = {"ship_from": "GB", "ship_to": "DE", "buyer": "consumer", "rate": "19", "code": "2"}
IOSS = {**ABROAD, "destination_vat": True, "most": "150", "most_currency": "EUR"}


def to_germany(gross: str, tax: str, **more):
    address = Address(name="A", country="DE")
    return make_order(
        line("DRESS", gross, rate="19"), gross=gross, tax=tax, delivery=address, currency="EUR", **more
    )


def test_vat_owed_abroad_goes_to_a_liability_outside_the_scope():
    planned = plan_order(to_germany("119.00", "19.00"), mappings=make_mappings(tax_codes=[IOSS]))
    assert figures(planned.entries) == [
        ("1", "100.00", "100.00", "0.00", "2"),
        ("1", "19.00", "19.00", "0", "9"),
    ]
    assert (planned.gross, planned.tax, planned.flags) == (Decimal("119.00"), 0, ())


def test_goods_above_the_limit_of_the_scheme_park():
    order = to_germany("190.40", "30.40")
    assert codes(find_faults(order, mappings=make_mappings(tax_codes=[IOSS]))) == ["E-VAT-MISMATCH"]


def test_foreign_rate_on_a_domestic_code_parks():
    order = to_germany("119.00", "19.00")
    assert codes(find_faults(order, mappings=make_mappings(tax_codes=[ABROAD]))) == ["E-VAT-MISMATCH"]


# Nominals and charges


def rules(*rows):
    usual = {"position": 50, "rule": "rest", "nominal": "41100", "cost_centre": "WEB"}
    return make_mappings(posting_rules=[*rows, usual])


@pytest.mark.parametrize(
    ("condition", "hits"),
    [
        ({"channel": "centra"}, True),
        ({"channel": "virtualstock"}, False),
        ({"connection": "uk"}, True),
        ({"connection": "se"}, False),
        ({"store": "1"}, True),
        ({"store": "2"}, False),
        ({"country": "GB"}, True),
        ({"country": "UK"}, True),
        ({"country": "EU"}, False),
        ({"group": "DRESSES"}, True),
        ({"group": "SHOES"}, False),
        ({"sku": "dress"}, True),
        ({"sku": "DRE*"}, True),
        ({"sku": "DRES"}, False),
        ({"kind": "product"}, True),
        ({"kind": "shipping"}, False),
        ({"value_from": "100"}, True),
        ({"value_from": "100.01"}, False),
        ({"value_below": "100"}, False),
        ({"value_below": "100.01"}, True),
        ({"currency": "GBP"}, True),
        ({"currency": "EUR"}, False),
        ({"buyer": "consumer"}, True),
        ({"buyer": "business"}, False),
        ({"valid_from": "2026-11-20"}, True),
        ({"valid_from": "2026-11-21"}, False),
        ({"valid_to": "2026-11-19"}, False),
    ],
)
def test_posting_rule_fires_only_when_its_condition_holds(condition, hits):
    row = {"rule": "special", "position": 1, "nominal": "41200", "cost_centre": "WEB", **condition}
    facts = replace(FACTS, products={"DRESS": Product("DRESS", "", active=True, group="DRESSES")})
    (entry,) = plan_order(simple(), mappings=rules(row), facts=facts).entries
    assert (entry.rule == "special") is hits


def test_first_rule_in_position_wins_not_the_first_written():
    rows = [
        {"rule": "second", "position": 2, "nominal": "41200", "cost_centre": "WEB"},
        {"rule": "first", "position": 1, "nominal": "41100", "cost_centre": "WEB"},
    ]
    assert plan_order(simple(), mappings=rules(*rows)).entries[0].rule == "first"


def test_line_without_a_rule_parks():
    mappings = make_mappings(posting_rules=[row for row in ROWS["posting_rules"] if row["rule"] != "sales"])
    (fault,) = find_faults(simple(), mappings=mappings)
    assert (fault.code, fault.value, fault.need) == ("E-NOMINAL-UNMAPPED", "product DRESS", "posting_rules")


def test_nominal_that_the_erp_lacks_parks():
    facts = replace(FACTS, nominals=frozenset({("41100", "", "")}))
    (fault,) = find_faults(simple(), facts=facts)
    assert (fault.code, fault.value) == ("E-NOMINAL-UNKNOWN", "41100/WEB/")


def test_charge_must_be_mapped_and_known():
    order = make_order(line("TEE", "10.00"), charges=(shipping("2.00"),), gross="12.00", tax="2.00")
    assert codes(find_faults(order, mappings=make_mappings(charges=[]))) == ["E-CHARGE-UNMAPPED"]
    assert codes(find_faults(order, facts=replace(FACTS, charges=frozenset()))) == ["E-CHARGE-UNKNOWN"]


def test_rounding_is_asked_for_only_where_it_is_needed():
    mappings = make_mappings(charges=[])
    assert plan_order(simple(), mappings=mappings)
    order = make_order(line("TEE", "9.99"), gross="9.99", tax="1.67")
    assert codes(find_faults(order, mappings=mappings)) == ["E-CHARGE-UNMAPPED"]


def test_rounding_code_that_bears_vat_parks():
    facts = replace(FACTS, tax_codes={**FACTS.tax_codes, "9": TaxCode("9", Decimal(20))})
    order = make_order(line("TEE", "9.99"), gross="9.99", tax="1.67")
    assert codes(find_faults(order, facts=facts)) == ["E-VAT-MISMATCH"]


# What is left over


def test_discount_beyond_the_goods_parks():
    order = make_order(
        line("TEE", "10.00"), charges=(shipping("5.00"),), discount="12.00", gross="3.00", tax="0.50"
    )
    faults = find_faults(order)
    assert ("E-UNALLOCATED", "2.00") in [(fault.code, fault.value) for fault in faults]


def test_charge_without_goods_parks():
    order = make_order(line("TEE", "0.00", quantity=0), charges=(shipping("5.00"),), gross="5.00", tax="0.83")
    assert {"E-UNALLOCATED", "E-ORDER-EMPTY"} <= set(codes(find_faults(order)))


@pytest.mark.parametrize("amount", ["-1.00", "1.001", "NaN"])
def test_amount_that_is_none_parks_beside_everything_else(amount):
    order = make_order(line("NOPE", amount, rate="7"), gross="12.00", tax="2.00")
    assert codes(find_faults(order)) == ["E-SKU-UNKNOWN", "E-AMOUNT", "E-VAT-MISMATCH"]


def test_gift_card_parks_until_finance_has_decided():
    order = make_order(line("CARD", "50.00", rate="0", kind=LineKind.GIFT_CARD), gross="50.00", tax="0.00")
    assert codes(find_faults(order)) == ["E-GIFT-CARD"]


def test_multi_purpose_gift_card_is_outside_the_scope_and_moves_no_stock():
    order = make_order(line("CARD", "50.00", rate="0", kind=LineKind.GIFT_CARD), gross="50.00", tax="0.00")
    options = replace(OPTIONS, gift_cards="multi_purpose")
    (entry,) = plan_order(order, options=options).entries
    assert (entry.kind, entry.tax_code, entry.net) == (EntryKind.FREE_TEXT, "9", Decimal("50.00"))


def test_single_purpose_gift_card_bears_vat_at_its_sale():
    order = make_order(line("CARD", "50.00", kind=LineKind.GIFT_CARD), gross="50.00", tax="8.33")
    options = replace(OPTIONS, gift_cards="single_purpose")
    (entry,) = plan_order(order, options=options).entries
    assert (entry.kind, entry.tax_code, entry.tax) == (EntryKind.FREE_TEXT, "1", Decimal("8.33"))


# All at once


def test_every_fault_is_told_at_once_and_none_twice():
    order = make_order(
        line("NOPE", "100.00"),
        line("DRESS", "20.00", rate="7"),
        charges=(shipping("5.00"),),
        gross="130.00",
        tax="20.00",
        delivery=Address(name="Ada Example", lines=("Secret " * 50,), country="GB"),
    )
    mappings = make_mappings(
        customers=[], warehouses=ROWS["warehouses"], posting_rules=[], charges=[], required_fields=[]
    )
    faults = find_faults(order, mappings=mappings)
    assert set(codes(faults)) == {
        "E-CUST-UNMAPPED",
        "E-REQFIELD",
        "E-ADDRESS-LENGTH",
        "E-SKU-UNKNOWN",
        "E-VAT-MISMATCH",
        "E-TOTAL-MISMATCH",
        "E-NOMINAL-UNMAPPED",
        "E-CHARGE-UNMAPPED",
    }
    assert len(set(faults)) == len(faults)
    assert "Secret" not in repr(faults)
    assert all(fault.fix and fault.field for fault in faults)


def test_nothing_is_posted_with_a_default_when_all_mappings_are_gone():
    empty = make_mappings(**{table: [] for table in ROWS})
    assert len(find_faults(simple(), mappings=empty, facts=Facts())) >= 4


def test_prefix_belongs_to_the_connection():
    assert plan_order(simple(), options=Options(prefix="SE", channel="centra")).key == "SE-10045"


def test_order_of_five_hundred_lines_balances():
    lines = [
        line("TEE", f"{place % 90 + 5}.99", quantity=place % 5 + 1, ref=str(place)) for place in range(500)
    ]
    gross = sum(one.gross for one in lines)
    tax = sum((one.gross / 6).quantize(Decimal("0.01"), "ROUND_HALF_UP") for one in lines)
    planned = plan_order(make_order(*lines, gross=str(gross), tax=str(tax)))
    assert reckon(planned.entries) == (planned.net, planned.tax) == (gross - tax, tax)
