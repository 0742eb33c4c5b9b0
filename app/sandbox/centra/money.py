"""Money as Centra shows it: two decimals, half-up (finance.md 4.3)."""

from collections.abc import Sequence
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

PENNY = Decimal("0.01")
NOTHING = Decimal("0.00")


def pennies(amount: Decimal) -> Decimal:
    return amount.quantize(PENNY, ROUND_HALF_UP)


def parse_money(raw: object) -> Decimal:
    """A JSON string, or a number that has no more decimals than money has. Raises ValueError."""
    amount = Decimal(str(raw))
    if not amount.is_finite() or amount != amount.quantize(PENNY):
        raise ValueError(f"not an amount of money: {raw!r}")
    return amount.quantize(PENNY)


def spread(total: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """`total` in shares that sum to it: in proportion, largest remainder first, ties to the earlier (finance.md 4.5).
    Weights that are all zero leave everything with the first.
    """
    whole = sum(weights, NOTHING)
    if not whole:
        return [total, *[NOTHING] * (len(weights) - 1)] if weights else []
    exact = [total * weight / whole for weight in weights]
    shares = [share.quantize(PENNY, ROUND_DOWN) for share in exact]
    left = int((total - sum(shares, NOTHING)) / PENNY)
    by_remainder = sorted(range(len(weights)), key=lambda place: shares[place] - exact[place])
    for place in by_remainder[:left]:
        shares[place] += PENNY
    return shares
