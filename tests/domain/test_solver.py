from decimal import ROUND_HALF_UP, Decimal

import pytest

from app.domain.money import tax_upon, tax_within
from app.domain.solver import Part, price_net, split_gross, split_net


def taxed(net: Decimal, rate: Decimal) -> Decimal:
    """The ERP's arithmetic, written once more."""
    return (net * rate / 100).quantize(Decimal("0.01"), ROUND_HALF_UP)


def check(parts: tuple[Part, ...], rate: Decimal, quantity: int) -> None:
    assert sum(part.quantity for part in parts) == quantity
    for part in parts:
        assert part.total == part.unit * part.quantity
        assert part.unit == part.unit.quantize(Decimal("0.01")) >= 0
        assert part.tax == taxed(part.total, rate)


@pytest.mark.parametrize(
    ("gross", "net", "tax", "rest"),
    [
        ("83.52", "69.60", "13.92", "0.00"),
        ("45.47", "37.89", "7.58", "0.00"),
        ("4.95", "4.13", "0.83", "-0.01"),
        ("9.99", "8.33", "1.67", "-0.01"),
        ("99.99", "83.33", "16.67", "-0.01"),
        ("19.99", "16.66", "3.33", "0.00"),
        ("0.01", "0.01", "0.00", "0.00"),
        ("0.00", "0.00", "0.00", "0.00"),
    ],
)
def test_net_is_the_nearest_that_is_taxed_exactly(gross, net, tax, rest):
    true_tax = tax_within(Decimal(gross), Decimal(20))
    (part,) = price_net(Decimal(gross), true_tax, Decimal(20))
    assert (part.total, part.tax) == (Decimal(net), Decimal(tax)) == (part.total, true_tax)
    assert Decimal(gross) - part.total - part.tax == Decimal(rest)


@pytest.mark.parametrize(
    ("rate", "most", "rests"),
    [
        ("20", 200_000, {"-0.01", "0.00"}),
        ("5", 20_000, {"0.00", "0.01"}),
        ("19", 20_000, {"-0.01", "0.00", "0.01"}),
        ("0", 2_000, {"0.00"}),
    ],
)
def test_rest_is_never_more_than_a_penny(rate, most, rests):
    found = set()
    for pennies in range(1, most + 1):
        gross = Decimal(pennies) / 100
        tax = tax_within(gross, Decimal(rate))
        (part,) = price_net(gross, tax, Decimal(rate))
        assert part.tax == tax
        found.add(str((gross - part.total - tax).quantize(Decimal("0.01"))))
    assert found == rests


@pytest.mark.parametrize(
    ("gross", "quantity", "rate", "tax"),
    [("588.47", 3, "20", "98.08"), ("153.40", 2, "20", "25.57"), ("298.45", 3, "5", "14.21")],
)
def test_split_that_a_blind_one_would_miss_by_a_penny_is_searched_for(gross, quantity, rate, tax):
    parts = price_net(Decimal(gross), Decimal(tax), Decimal(rate), quantity)
    check(parts, Decimal(rate), quantity)
    assert sum(part.total + part.tax for part in parts) == Decimal(gross)
    assert sum(part.tax for part in parts) == Decimal(tax)


def test_split_that_works_at_once_is_the_plain_one():
    parts = price_net(Decimal("45.47"), Decimal("7.58"), Decimal(20), 2)
    assert [(part.quantity, str(part.unit)) for part in parts] == [(1, "18.95"), (1, "18.94")]


@pytest.mark.parametrize("rate", ["20", "5", "19", "23", "5.5"])
@pytest.mark.parametrize("quantity", [2, 3, 7, 12, 144, 1000])
def test_every_split_keeps_the_tax_whatever_the_price_mode(rate, quantity):
    percent = Decimal(rate)
    # Below some pence a unit there are too few prices to choose from.
    for pennies in range(20 * quantity, 20 * quantity + 300_000, 1_499):
        amount = Decimal(pennies) / 100
        within, upon = tax_within(amount, percent), tax_upon(amount, percent)
        solved = price_net(amount, within, percent, quantity)
        nets = split_net(amount, upon, percent, quantity)
        grosses = split_gross(amount, within, percent, quantity)
        check(solved, percent, quantity)
        check(nets, percent, quantity)
        assert sum(part.tax for part in solved) == within == sum(part.tax for part in grosses)
        assert (sum(part.total for part in nets), sum(part.tax for part in nets)) == (amount, upon)
        assert sum(part.total for part in grosses) == amount


def test_tax_that_no_net_can_have_leaves_the_sum_right():
    """A coin as large as a pound cannot be met at 200 % in pennies: the even split is the last resort."""
    parts = price_net(Decimal("3.00"), Decimal("1.99"), Decimal(200), 2)
    assert sum(part.total for part in parts) == Decimal("1.01")
