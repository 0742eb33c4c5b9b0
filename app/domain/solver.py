"""The penny solver: prices that make the ERP's own tax arithmetic end at the channel's VAT (finance.md 4.4).

The ERP takes unit prices of two places and taxes each line half-up, so one shop price in six has no net that is right
in both tax and sum. Here the tax is kept exact, and what the sum lacks is left to one rounding line.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from math import gcd

from app.domain.money import PENNY

TaxOf = Callable[[int], int]
WIDEST_GAP = 200
"""Pennies between the two prices of a split line; 31 were enough for every rate tried."""


@dataclass(frozen=True, slots=True)
class Part:
    """One ERP line: `total` = quantity x unit, in the ERP's price mode; `tax`: what the ERP will make of it."""

    quantity: int
    unit: Decimal
    total: Decimal
    tax: Decimal


def price_net(gross: Decimal, tax: Decimal, rate: Decimal, quantity: int = 1) -> tuple[Part, ...]:
    """Net-priced lines for `gross` that the ERP taxes with exactly `tax`; their net may miss gross - tax by pennies."""
    tax_of = _tax_upon(rate)
    target = _pennies(tax)
    for net in _nets(_pennies(gross) - target, target, rate):
        if parts := _split(net, quantity, target, tax_of):
            return _parts(parts, tax_of)
    return _parts(_even(_pennies(gross) - target, quantity), tax_of)


def split_net(net: Decimal, tax: Decimal, rate: Decimal, quantity: int = 1) -> tuple[Part, ...]:
    """Lines of exactly `net`, taxed with `tax` if any way to share it out over the units allows that."""
    return _split_exactly(net, tax, quantity, _tax_upon(rate))


def split_gross(gross: Decimal, tax: Decimal, rate: Decimal, quantity: int = 1) -> tuple[Part, ...]:
    """The same for a company whose prices hold VAT: `unit` and `total` are gross."""
    return _split_exactly(gross, tax, quantity, _tax_within(rate))


def _split_exactly(total: Decimal, tax: Decimal, quantity: int, tax_of: TaxOf) -> tuple[Part, ...]:
    pennies = _pennies(total)
    split = _split(pennies, quantity, _pennies(tax), tax_of) or _even(pennies, quantity)
    return _parts(split, tax_of)


def _nets(ideal: int, tax: int, rate: Decimal) -> Iterator[int]:
    """Every net that is taxed with `tax` pennies, the nearest to `ideal` first."""
    top, bottom = (rate / 100).as_integer_ratio()
    if not top:
        yield from () if tax else (ideal,)
        return
    lowest = -((1 - 2 * tax) * bottom // (2 * top))
    highest = -(-(2 * tax + 1) * bottom // (2 * top)) - 1
    yield from sorted(range(max(lowest, 0), highest + 1), key=lambda net: abs(net - ideal))


def _split(total: int, quantity: int, tax: int, tax_of: TaxOf) -> list[tuple[int, int]]:
    """[(units, price)], one or two of them, worth `total` and taxed with `tax`; empty when there is no such pair.

    A blind split (the odd pennies on the first units) is a penny off in tax one time in four; the gap between the
    two prices is widened until both agree.
    """
    if total % quantity == 0:
        return [(quantity, total // quantity)] if tax_of(total) == tax else []
    for gap in range(1, min(total, WIDEST_GAP) + 1):
        for dear in _dear_units(total, quantity, gap):
            price = (total - gap * dear) // quantity
            first = dear * (price + gap)
            if price >= 0 and tax_of(first) + tax_of(total - first) == tax:
                return [(dear, price + gap), (quantity - dear, price)]
    return []


def _dear_units(total: int, quantity: int, gap: int) -> range:
    """How many units may cost `gap` more than the others, so that all prices are whole pennies."""
    common = gcd(gap, quantity)
    if total % common:
        return range(0)
    step = quantity // common
    first = total // common * pow(gap // common, -1, step) % step
    return range(first or step, quantity, step)


def _even(total: int, quantity: int) -> list[tuple[int, int]]:
    price, dear = divmod(total, quantity)
    return [pair for pair in ((dear, price + 1), (quantity - dear, price)) if pair[0]]


def _parts(split: list[tuple[int, int]], tax_of: TaxOf) -> tuple[Part, ...]:
    return tuple(
        Part(units, price * PENNY, units * price * PENNY, tax_of(units * price) * PENNY)
        for units, price in split
    )


def _tax_upon(rate: Decimal) -> TaxOf:
    top, bottom = (rate / 100).as_integer_ratio()
    return lambda net: (2 * net * top + bottom) // (2 * bottom)


def _tax_within(rate: Decimal) -> TaxOf:
    top, scale = rate.as_integer_ratio()
    bottom = 100 * scale + top
    return lambda gross: (2 * gross * top + bottom) // (2 * bottom)


def _pennies(amount: Decimal) -> int:
    return int(amount / PENNY)
