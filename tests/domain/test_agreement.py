"""A retailer's cost price against the ERP's price for its account."""

from dataclasses import replace
from decimal import Decimal

import pytest

from app.domain.agreement import quotes
from app.domain.erp import Customer, Product, Quote, SalesOrder
from app.domain.posting import plan
from tests.domain.shop import FACTS, OPTIONS, ROWS, line, make_mappings, make_order

RETAILER = {"connection": "uk", "store": "ARG", "currency": "GBP", "account": "ARG", "reference": "ARGOSY"}
MAPPINGS = make_mappings(customers=[*ROWS["customers"], RETAILER])
COMPARED = replace(OPTIONS, tolerance=Decimal("0.00"))


def order(*lines, tax="7.40", gross="44.40", **more):
    lines = lines or (line("DRESS", "37.00", quantity=2),)
    told = {"tax_included": False, "wholesale": True, "store": "ARG", "account": "ARG"}
    return make_order(*lines, gross=gross, tax=tax, **told, **more)


def facts(price=None, rate="20", **more):
    product = Product("DRESS", "", active=True, tax_rate=Decimal(rate))
    prices = {Quote("ARGOSY", "DRESS", 2): Decimal(price)} if price is not None else {}
    customers = {**FACTS.customers, "ARGOSY": Customer("ARGOSY", "GBP", on_hold=False)}
    products = {**FACTS.products, "DRESS": product}
    return replace(FACTS, customers=customers, products=products, prices=prices, **more)


def complaints(planned):
    assert not isinstance(planned, SalesOrder), planned
    return [(one.code, one.value) for one in planned]


def test_the_price_of_the_account_for_the_quantity_is_asked_for():
    asked = quotes(order(), MAPPINGS, facts(), COMPARED.tolerance)
    assert asked == {Quote("ARGOSY", "DRESS", 2)}


def test_nothing_is_asked_for_where_nothing_is_compared_and_nothing_lacks():
    assert quotes(order(), MAPPINGS, facts(), None) == frozenset()


def test_equal_prices_go():
    assert isinstance(plan(order(), MAPPINGS, facts("18.50"), COMPARED), SalesOrder)


@pytest.mark.requirement("R-43")
def test_a_price_that_differs_parks_and_names_both():
    ((code, value),) = complaints(plan(order(), MAPPINGS, facts("18.75"), COMPARED))
    assert code == "E-PRICE-MISMATCH"
    assert value == "DRESS: 18.50 in the channel, 18.75 in the ERP for ARGOSY"


@pytest.mark.parametrize(
    ("price", "goes"), [("18.60", True), ("18.40", True), ("18.61", False), ("18.39", False)]
)
def test_the_tolerance_holds_both_ways(price, goes):
    planned = plan(order(), MAPPINGS, facts(price), replace(OPTIONS, tolerance=Decimal("0.10")))
    assert isinstance(planned, SalesOrder) is goes


def test_without_a_tolerance_nothing_is_compared():
    assert isinstance(plan(order(), MAPPINGS, facts("18.75"), OPTIONS), SalesOrder)


@pytest.mark.parametrize("price", [None, "0.00"])
def test_a_price_that_the_erp_lacks_is_no_price_of_nothing(price):
    ((code, value),) = complaints(plan(order(), MAPPINGS, facts(price), COMPARED))
    assert (code, value) == ("E-PRICE-UNKNOWN", "DRESS has no price for ARGOSY in the ERP")


def unpriced(**more):
    return order(line("DRESS", "0", quantity=2, rate="0"), gross="0", tax="0", unpriced=("DRESS",), **more)


@pytest.mark.requirement("R-43")
@pytest.mark.parametrize("tolerance", [None, Decimal("0.00")])
def test_a_line_without_a_price_takes_the_erps_and_its_own_rate(tolerance):
    planned = plan(unpriced(), MAPPINGS, facts("18.50"), replace(OPTIONS, tolerance=tolerance))
    assert isinstance(planned, SalesOrder), planned
    assert (planned.net, planned.tax, planned.gross) == (Decimal("37.00"), Decimal("7.40"), Decimal("44.40"))
    assert [entry.tax_code for entry in planned.entries] == ["1"]


def test_a_line_without_a_price_asks_although_nothing_is_compared():
    assert quotes(unpriced(), MAPPINGS, facts(), None) == {Quote("ARGOSY", "DRESS", 2)}


def test_a_line_without_a_price_parks_where_the_erp_has_none_either():
    found = complaints(plan(unpriced(), MAPPINGS, facts(), OPTIONS))
    assert ("E-PRICE-UNKNOWN", "DRESS has no price for ARGOSY in the ERP") in found


def test_a_line_without_a_price_parks_where_the_product_has_no_tax_code():
    bare = replace(facts("18.50"), products=FACTS.products)
    found = complaints(plan(unpriced(), MAPPINGS, bare, OPTIONS))
    assert ("E-PRICE-UNKNOWN", "DRESS has no tax code") in found


def test_prices_that_hold_vat_are_compared_without_it():
    inclusive = facts("22.20", tax_inclusive=True)
    assert isinstance(plan(order(), MAPPINGS, inclusive, COMPARED), SalesOrder)
