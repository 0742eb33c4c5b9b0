from dataclasses import replace
from decimal import Decimal

import httpx
import pytest

from app.domain.erp import Customer, Product, Quote, TaxCode, Wanted
from app.domain.errors import PermanentError, TransientError
from app.domain.posting import plan
from tests.connectors.sage200.stage import order, reply
from tests.domain.shop import OPTIONS, ROWS, line, make_mappings, make_order


def wanted(**codes):
    return Wanted(**{name: frozenset(values) for name, values in codes.items()})


async def test_facts_of_customers_carry_currency_and_hold(erp):
    facts = await erp.facts(wanted(customers=["WEBGBP", "WEBEUR", "NOBODY"]))
    assert facts.customers == {
        "WEBGBP": Customer("WEBGBP", "GBP", on_hold=False),
        "WEBEUR": Customer("WEBEUR", "EUR", on_hold=True),
    }


async def test_facts_of_products_are_keyed_by_our_spelling(erp):
    facts = await erp.facts(wanted(products=[" Tee-M", "NOPE"]))
    assert facts.products == {"TEE-M": Product("tee-m", "502", active=True, group="TOPS")}


async def test_facts_by_barcode_show_every_product_that_carries_it(erp):
    facts = await erp.facts(wanted(barcodes=["502"]))
    assert facts.by_barcode == {
        "502": (Product("tee-m", "502", active=True, group="TOPS"), Product("TEE-OLD", "502", active=False))
    }


async def test_facts_hold_the_small_tables(erp):
    facts = await erp.facts(Wanted())
    assert facts.tax_codes["1"] == TaxCode("1", Decimal("20.00"))
    assert facts.warehouses == {"HOME"}
    assert facts.charges == {"CARRIAGE"}
    assert facts.nominals == {("41100", "WEB", ""), ("99999", "", "")}
    assert facts.required_analysis == {1}


@pytest.mark.parametrize("inclusive", [True, False])
async def test_facts_say_whether_prices_hold_tax(erp, sage, inclusive):
    sage.tables["sop_settings"][0]["are_prices_tax_inclusive"] = inclusive
    assert (await erp.facts(Wanted())).tax_inclusive is inclusive


async def test_a_product_that_may_not_be_sold_is_not_active(erp, sage):
    sage.tables["products"][0]["allow_sales_order"] = False
    facts = await erp.facts(wanted(products=["DRESS-S"]))
    assert not facts.products["DRESS-S"].active


async def test_many_codes_take_few_requests(erp, sage):
    await erp.facts(wanted(products=[f"SKU-{number}" for number in range(100)]))
    assert len(sage.asked("products")) == 5


async def test_what_was_found_is_remembered(erp, sage, clock):
    await erp.facts(wanted(products=["DRESS-S"]))
    before = len(sage.requests)
    clock.pass_(299)
    await erp.facts(wanted(products=["DRESS-S"]))
    assert len(sage.requests) == before


async def test_what_was_found_is_read_anew_after_its_time(erp, sage, clock):
    await erp.facts(wanted(customers=["WEBGBP"]))
    sage.tables["customers"][0]["on_hold"] = True
    clock.pass_(300)
    assert (await erp.facts(wanted(customers=["WEBGBP"]))).customers["WEBGBP"].on_hold


async def test_a_product_that_an_operator_creates_is_seen_within_seconds(erp, sage, clock):
    assert not (await erp.facts(wanted(products=["NEW-1"]))).products
    sage.tables["products"].append({"id": 1099, "code": "NEW-1"})
    clock.pass_(3)
    assert (await erp.facts(wanted(products=["NEW-1"]))).products["NEW-1"].active


async def test_a_charge_that_an_operator_creates_is_seen_when_an_order_needs_it(erp, sage, clock):
    await erp.facts(Wanted())
    sage.tables["sop_additional_charges"].append({"id": 82, "code": "DUTY"})
    clock.pass_(3)
    goods, carriage, _ = order().entries
    named = order(entries=(goods, replace(carriage, code="DUTY")))
    await erp.place(named, lambda: None)
    assert sage.creates()[0]["lines"][1]["code"] == "DUTY"


async def test_a_table_longer_than_a_page_is_read_whole(erp, sage):
    sage.tables["nominal_codes"] = [{"id": number, "reference": f"{number:05}"} for number in range(1, 1203)]
    assert len((await erp.facts(Wanted())).nominals) == 1202


async def test_a_group_that_is_new_in_sage_is_read_before_a_rule_could_miss_it(erp, sage, clock):
    await erp.facts(Wanted())
    sage.tables["product_groups"].append({"id": 67, "code": "SHOES"})
    sage.tables["products"].append({"id": 1098, "code": "BOOT", "product_group_id": 67})
    clock.pass_(3)
    assert (await erp.facts(wanted(products=["BOOT"]))).products["BOOT"].group == "SHOES"


async def test_a_posting_rule_for_a_product_group_fires_on_what_sage_says(erp):
    rule = {"rule": "dresses", "position": 0, "group": "DRESSES", "nominal": "99999"}
    mappings = make_mappings(
        posting_rules=[rule, *({**row, "nominal": "41100"} for row in ROWS["posting_rules"])]
    )
    order = make_order(line("DRESS-S", "100.00"), line("TEE-M", "20.00"), gross="120.00", tax="20.00")
    facts = await erp.facts(wanted(customers=["WEBGBP"], products=["DRESS-S", "TEE-M"]))
    planned = plan(order, mappings, facts, OPTIONS)
    assert [(one.code, one.rule, one.nominal.reference) for one in planned.entries] == [
        ("DRESS-S", "dresses", "99999"),
        ("tee-m", "sales", "41100"),
    ]


async def test_a_code_longer_than_any_code_is_not_asked_for(erp, sage):
    facts = await erp.facts(wanted(products=["TEE-M", "X" * 10_000], barcodes=["5" * 10_000]))
    assert list(facts.products) == ["TEE-M"]
    assert sage.asked("products") == ["code eq 'TEE-M'"]


async def test_what_was_not_found_is_looked_for_again_when_the_clock_goes_back(erp, sage, clock):
    await erp.facts(wanted(products=["NEW-1"]))
    sage.tables["products"].append({"id": 1099, "code": "NEW-1"})
    sage.tables["sop_settings"][0]["are_prices_tax_inclusive"] = True
    clock.pass_(-3600)
    facts = await erp.facts(wanted(products=["NEW-1"]))
    assert (list(facts.products), facts.tax_inclusive) == (["NEW-1"], True)


QUOTE = Quote("WEBGBP", "DRESS-S", 2)


async def test_a_price_is_the_accounts_after_its_discount(erp, sage):
    assert await erp.prices([QUOTE]) == {QUOTE: Decimal("18.50")}
    (sent,) = sage.creates()
    assert sent == {"customer_id": 501, "product_id": 1001, "quantity": 2}


async def test_a_price_is_asked_for_each_time(erp, sage):
    await erp.prices([QUOTE])
    sage.on_enquiry = lambda _: reply({"unit_price": Decimal("20.00")})
    assert await erp.prices([QUOTE]) == {QUOTE: Decimal("20.00")}


async def test_who_or_what_sage_lacks_has_no_price(erp, sage):
    assert await erp.prices([Quote("NOBODY", "DRESS-S", 1), Quote("WEBGBP", "NOPE", 1)]) == {}
    assert sage.creates() == []


@pytest.mark.parametrize("status", [403, 404])
async def test_who_may_not_ask_for_prices_stops_only_those_who_need_one(erp, sage, status):
    sage.on_enquiry = lambda _: reply({"Message": "no"}, status)
    with pytest.raises(PermanentError, match="E-SAGE-FORBIDDEN"):
        await erp.prices([QUOTE])


async def test_an_unanswered_price_is_no_doubt(erp, sage):
    def drop(request):
        raise httpx.ReadTimeout("late", request=request)

    sage.on_enquiry = drop
    with pytest.raises(TransientError):
        await erp.prices([QUOTE])
