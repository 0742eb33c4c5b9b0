from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.money import is_whole, next_share, quantum, round_half_up, spread, tax_upon, tax_within


def decimals(*texts: str) -> tuple[Decimal, ...]:
    return tuple(Decimal(text) for text in texts)


@pytest.mark.parametrize(("currency", "coin"), [("GBP", "0.01"), ("JPY", "1"), ("KWD", "0.001")])
def test_each_currency_has_its_coin(currency, coin):
    assert quantum(currency) == Decimal(coin)


@pytest.mark.parametrize(
    ("amount", "rounded"), [("0.005", "0.01"), ("-0.005", "-0.01"), ("2.675", "2.68"), ("0.0049", "0.00")]
)
def test_a_half_goes_away_from_zero(amount, rounded):
    assert round_half_up(Decimal(amount)) == Decimal(rounded)


@pytest.mark.parametrize(
    ("amount", "whole"), [("1.10", True), ("1.101", False), ("NaN", False), ("Infinity", False)]
)
def test_only_whole_coins_are_whole(amount, whole):
    assert is_whole(Decimal(amount)) is whole


def test_tax_within_and_upon_an_amount():
    assert (tax_within(Decimal("9.99"), Decimal(20)), tax_upon(Decimal("8.33"), Decimal(20))) == decimals(
        "1.67", "1.67"
    )


@pytest.mark.parametrize(
    ("total", "weights", "shares"),
    [
        ("10.00", ("89.99", "49.00"), ("6.47", "3.53")),
        ("10.00", ("33.33", "33.33", "33.33"), ("3.34", "3.33", "3.33")),
        ("6.00", ("30.00", "120.00"), ("1.20", "4.80")),
        ("0.02", ("1", "1", "1"), ("0.01", "0.01", "0.00")),
        ("1.00", ("0", "5"), ("0.00", "1.00")),
        ("0.03", ("0", "0"), ("0.02", "0.01")),
        ("-0.03", ("1", "1"), ("-0.02", "-0.01")),
    ],
)
def test_spread_gives_the_odd_pennies_to_the_largest_remainder_then_the_earlier(total, weights, shares):
    assert spread(Decimal(total), decimals(*weights)) == decimals(*shares)


def test_spread_over_nobody_is_an_error_unless_there_is_nothing():
    assert spread(Decimal(0), ()) == ()
    with pytest.raises(ValueError, match=r"0\.01"):
        spread(Decimal("0.01"), ())


def test_spread_of_yen_gives_whole_yen():
    assert spread(Decimal(100), decimals("1", "1", "1"), Decimal(1)) == decimals("34", "33", "33")


@given(st.integers(0, 10**7), st.lists(st.decimals(0, 10**5, places=2), min_size=1, max_size=30))
def test_spread_always_adds_up(pennies, weights):
    total = Decimal(pennies) / 100
    assert sum(spread(total, weights)) == total


@given(st.integers(0, 10**7), st.integers(1, 60), st.data())
def test_shares_of_units_add_up_whatever_the_steps(pennies, units, data):
    total, taken, paid = Decimal(pennies) / 100, 0, Decimal(0)
    while taken < units:
        more = data.draw(st.integers(1, units - taken))
        paid += next_share(total, units, taken, more)
        taken += more
    assert paid == total


def test_refunds_of_single_units_are_exact_at_the_end():
    gross, tax = Decimal("45.47"), Decimal("7.58")
    steps = [(next_share(gross, 2, taken, 1), next_share(tax, 2, taken, 1)) for taken in (0, 1)]
    assert steps == [decimals("22.74", "3.79"), decimals("22.73", "3.79")]


def test_more_units_than_there_are_is_an_error():
    with pytest.raises(ValueError, match="2 units"):
        next_share(Decimal(10), 2, 2, 1)
