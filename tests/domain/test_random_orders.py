"""Twenty thousand made-up orders: the ERP's own arithmetic must end at the channel's money, every time (R-62)."""

import random
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from math import floor

import pytest

from app.domain.order import Charge, ChargeKind, Line, Order
from app.domain.posting import plan
from tests.domain.shop import FACTS, OPTIONS, line, make_mappings, make_order, reckon

PENNY = Decimal("0.01")
RATES = ("20", "20", "20", "0", "5")
SKUS = ("DRESS", "TEE", "SHOES", "GIFT")


def within(gross: Decimal, rate: Decimal) -> Decimal:
    return (gross * rate / (100 + rate)).quantize(PENNY, ROUND_HALF_UP)


def upon(net: Decimal, rate: Decimal) -> Decimal:
    return (net * rate / 100).quantize(PENNY, ROUND_HALF_UP)


def largest_remainder(total: Decimal, weights: list[Decimal]) -> list[Decimal]:
    """The channel's own way, written without the gateway's."""
    whole = sum(Fraction(weight) for weight in weights)
    exact = [Fraction(total) * 100 * Fraction(weight) / whole for weight in weights]
    pennies = [floor(share) for share in exact]
    order = sorted(range(len(weights)), key=lambda place: (pennies[place] - exact[place], place))
    for place in order[: int(total * 100) - sum(pennies)]:
        pennies[place] += 1
    return [count * PENNY for count in pennies]


def invent(rng: random.Random, *, included: bool) -> Order:
    """What a channel would send: figures of its own, VAT on each line's total after its share of the discount."""
    lines = [invent_line(rng, place) for place in range(rng.choice((1, 1, 2, 3, 6)))]
    grosses = [one.gross for one in lines]
    whole = sum(grosses)
    part = rng.choice((0, 0, Decimal("0.1"), Decimal("0.333"), 1))
    discount = (whole * part).quantize(PENNY, ROUND_HALF_UP)
    left = grosses
    if whole:
        shares = largest_remainder(discount, grosses)
        left = [gross - share for gross, share in zip(grosses, shares, strict=True)]
    ship = Decimal(rng.choice((0, 395, 495, 600, 1001))) / 100
    pieces = [(amount, one.tax_rate) for amount, one in zip(left, lines, strict=True)]
    pieces += ship_pieces(ship, lines, left if any(left) else grosses)
    tax_of = within if included else upon
    tax = sum((tax_of(amount, rate) for amount, rate in pieces), Decimal(0))
    paid = sum((amount for amount, _ in pieces), Decimal(0)) + (0 if included else tax)
    charges = (Charge(ChargeKind.SHIPPING, ship),) if ship else ()
    return make_order(
        *lines,
        discount=str(discount),
        charges=charges,
        gross=str(paid),
        tax=str(tax),
        tax_included=included,
    )


def invent_line(rng: random.Random, place: int) -> Line:
    quantity = rng.choice((1, 1, 1, 2, 3, 4, 12))
    price = Decimal(rng.choice((rng.randrange(0, 30_000), 999, 2499, 1))) / 100
    gross = price * quantity
    return line(rng.choice(SKUS), str(gross), quantity=quantity, rate=rng.choice(RATES), ref=str(place))


def ship_pieces(ship: Decimal, lines: list[Line], worth: list[Decimal]) -> list[tuple[Decimal, Decimal]]:
    by_rate: dict[Decimal, Decimal] = {}
    for one, amount in zip(lines, worth, strict=True):
        by_rate[one.tax_rate] = by_rate.get(one.tax_rate, Decimal(0)) + amount
    weights = list(by_rate.values())
    parts = largest_remainder(ship, weights if any(weights) else [Decimal(1)] * len(weights))
    return list(zip(parts, by_rate, strict=True))


@pytest.mark.parametrize(("seed", "included"), [(1, True), (2, True), (3, True), (4, False)])
def test_five_thousand_orders_balance_in_net_vat_and_gross(seed, included):
    rng = random.Random(seed)
    mappings = make_mappings()
    for _ in range(5_000):
        order = invent(rng, included=included)
        planned = plan(order, mappings, FACTS, OPTIONS)
        assert not isinstance(planned, tuple), (order, planned)
        net, tax = reckon(planned.entries)
        assert (tax, net + tax) == (order.totals.tax, order.totals.gross), order
        assert (planned.net, planned.tax, planned.gross, planned.flags) == (net, tax, net + tax, ())
        assert sum(entry.quantity for entry in planned.entries if entry.code in SKUS) == sum(
            one.quantity for one in order.lines
        )
