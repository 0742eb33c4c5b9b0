from decimal import Decimal

import pytest

from app.sandbox.centra import arithmetic
from app.sandbox.centra.money import parse_money, spread


def line(id_: int, price: str, quantity: int = 1, rate: str = "20") -> dict:
    return {
        "id": id_,
        "type": arithmetic.PRODUCT,
        "price": price,
        "quantity": quantity,
        "tax_percent": rate,
        "parent": None,
    }


def order(*lines: dict, mode: str = "included", shipping: str = "0.00") -> dict:
    return {"lines": list(lines), "vouchers": [], "tax_mode": mode, "shipping": shipping, "handling": "0.00"}


def voucher(of: dict, kind: str, value: str = "0") -> dict:
    one = {"kind": kind, "percent": value, "amount": value, "shares": {}}
    of["vouchers"].append(one)
    one["shares"] = arithmetic.share_voucher(of, one)
    return of


@pytest.mark.parametrize(
    ("total", "weights", "shares"),
    [
        ("10.00", ["89.99", "49.00"], ["6.47", "3.53"]),
        ("10.00", ["33.33", "33.33", "33.33"], ["3.34", "3.33", "3.33"]),
        ("6.00", ["30.00", "120.00"], ["1.20", "4.80"]),
        ("1.00", ["0.00", "0.00"], ["1.00", "0.00"]),
        ("1.00", [], []),
    ],
)
def test_spread_hands_out_every_penny(total, weights, shares):
    assert [str(one) for one in spread(Decimal(total), [Decimal(one) for one in weights])] == shares


def test_tax_is_rounded_on_each_line_after_its_share_of_the_voucher():
    figures = arithmetic.compute_figures(
        voucher(order(line(1, "89.99"), line(2, "24.50", 2), shipping="4.95"), "amount", "10.00")
    )
    assert (figures.grand_total, figures.tax, figures.net_total) == (
        Decimal("133.94"),
        Decimal("22.33"),
        Decimal("111.61"),
    )


def test_shipping_follows_the_goods_rates():
    figures = arithmetic.compute_figures(
        order(line(1, "120.00"), line(2, "30.00", rate="0"), shipping="6.00")
    )
    assert (figures.tax, figures.shipping_tax) == (Decimal("20.80"), Decimal("0.80"))


def test_cancelled_line_takes_its_share_of_the_voucher_away():
    placed = voucher(order(line(1, "89.99"), line(2, "24.50", 2), shipping="4.95"), "amount", "10.00")
    placed["lines"][1]["quantity"] = 0
    figures = arithmetic.compute_figures(placed)
    assert (figures.grand_total, figures.tax) == (Decimal("88.47"), Decimal("14.75"))


def test_added_tax_comes_on_top_of_the_total():
    figures = arithmetic.compute_figures(order(line(1, "100.00", rate="8"), mode="added", shipping="10.00"))
    assert (figures.tax_if("added"), figures.grand_total, figures.net_total) == (
        Decimal("8.80"),
        Decimal("118.80"),
        Decimal("110.00"),
    )


def test_deducted_tax_comes_off_the_total():
    figures = arithmetic.compute_figures(order(line(1, "120.00"), mode="deducted"))
    assert (figures.tax_if("included"), figures.grand_total) == (Decimal(0), Decimal("100.00"))


def test_full_discount_leaves_nothing_but_keeps_the_lines():
    figures = arithmetic.compute_figures(voucher(order(line(1, "19.99", 3)), "percent", "100"))
    assert (figures.line_values, figures.grand_total, figures.tax) == (Decimal("59.97"), 0, 0)


def test_free_shipping_is_a_discount_of_the_shipping():
    figures = arithmetic.compute_figures(voucher(order(line(1, "12.00"), shipping="4.95"), "free_shipping"))
    assert (figures.grand_total, figures.tax) == (Decimal("12.00"), Decimal("2.00"))


def test_second_voucher_works_on_what_the_first_left():
    twice = voucher(voucher(order(line(1, "100.00")), "percent", "10"), "percent", "10")
    assert arithmetic.compute_figures(twice).discounts == Decimal("19.00")


@pytest.mark.parametrize("raw", ["1.005", "nan", "ten", 0.001])
def test_money_with_a_third_decimal_is_refused(raw):
    with pytest.raises((ValueError, ArithmeticError)):
        parse_money(raw)
