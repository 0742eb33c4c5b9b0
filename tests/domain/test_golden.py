"""Golden orders of UK finance, restated here, so that the proof needs nothing beside the project."""

from decimal import Decimal

from tests.domain.shop import figures, line, make_order, plan_order, reckon, shipping


def test_standard_order_with_discount_and_shipping_balances_with_a_rounding_line():
    order = make_order(
        line("DRESS", "89.99"),
        line("TEE", "49.00", quantity=2),
        charges=(shipping("4.95"),),
        discount="10.00",
        gross="133.94",
        tax="22.33",
    )
    planned = plan_order(order)
    assert figures(planned.entries) == [
        ("1", "69.60", "69.60", "13.92", "1"),
        ("1", "18.95", "18.95", "3.79", "1"),
        ("1", "18.94", "18.94", "3.79", "1"),
        ("1", "4.13", "4.13", "0.83", "1"),
        ("1", "-0.01", "-0.01", "0", "9"),
    ]
    assert (planned.net, planned.tax, planned.gross) == (
        Decimal("111.61"),
        Decimal("22.33"),
        Decimal("133.94"),
    )
    assert reckon(planned.entries) == (planned.net, planned.tax)
    assert not planned.flags


def test_mixed_basket_apportions_shipping_over_the_rates_and_never_uses_exempt():
    order = make_order(
        line("DRESS", "120.00"),
        line("SHOES", "30.00", rate="0"),
        charges=(shipping("6.00"),),
        gross="156.00",
        tax="20.80",
    )
    assert figures(plan_order(order).entries) == [
        ("1", "100.00", "100.00", "20.00", "1"),
        ("1", "30.00", "30.00", "0.00", "2"),
        ("1", "4.00", "4.00", "0.80", "1"),
        ("1", "1.20", "1.20", "0.00", "2"),
    ]


def test_price_without_a_net_gets_a_rounding_line():
    planned = plan_order(make_order(line("TEE", "9.99"), gross="9.99", tax="1.67"))
    assert figures(planned.entries) == [
        ("1", "8.33", "8.33", "1.67", "1"),
        ("1", "-0.01", "-0.01", "0", "9"),
    ]


def test_even_pair_with_an_odd_net_is_split_and_needs_no_rounding():
    planned = plan_order(make_order(line("TEE", "49.98", quantity=2), gross="49.98", tax="8.33"))
    assert figures(planned.entries) == [
        ("1", "20.83", "20.83", "4.17", "1"),
        ("1", "20.82", "20.82", "4.16", "1"),
    ]


def test_indivisible_discount_goes_to_the_earlier_line_and_a_free_gift_is_posted_at_nothing():
    order = make_order(
        *(line("DRESS", "33.33", ref=ref) for ref in "abc"),
        line("GIFT", "0.00"),
        discount="10.00",
        gross="89.99",
        tax="15.00",
    )
    assert figures(plan_order(order).entries) == [
        ("1", "24.99", "24.99", "5.00", "1"),
        ("1", "25.00", "25.00", "5.00", "1"),
        ("1", "25.00", "25.00", "5.00", "1"),
        ("1", "0.00", "0.00", "0.00", "1"),
    ]


def test_order_whose_tee_was_cancelled_keeps_only_the_dress_and_its_share_of_the_discount():
    order = make_order(
        line("DRESS", "89.99"),
        line("TEE", "0.00", quantity=0),
        charges=(shipping("4.95"),),
        discount="6.47",
        gross="88.47",
        tax="14.75",
    )
    assert figures(plan_order(order).entries) == [
        ("1", "69.60", "69.60", "13.92", "1"),
        ("1", "4.13", "4.13", "0.83", "1"),
        ("1", "-0.01", "-0.01", "0", "9"),
    ]


def test_net_priced_order_is_taxed_line_by_line():
    order = make_order(
        line("DRESS", "37.00", quantity=2),
        line("TEE", "22.05", quantity=3),
        gross="70.86",
        tax="11.81",
        tax_included=False,
    )
    assert figures(plan_order(order).entries) == [
        ("2", "18.50", "37.00", "7.40", "1"),
        ("3", "7.35", "22.05", "4.41", "1"),
    ]
