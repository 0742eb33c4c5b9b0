"""Money is Decimal, half-up, in the currency's smallest coin (finance.md 4.3)."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

NOTHING = Decimal(0)
HUNDRED = Decimal(100)
PENNY = Decimal("0.01")
_NO_PLACES = frozenset(
    {
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "UYI",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    }
)
_THREE_PLACES = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
"""ISO 4217 currencies whose coin is not a hundredth."""


def quantum(currency: str) -> Decimal:
    """The smallest amount of a currency: 0.01 for GBP, 1 for JPY, 0.001 for KWD."""
    if currency in _NO_PLACES:
        return Decimal(1)
    return Decimal("0.001") if currency in _THREE_PLACES else PENNY


def round_half_up(amount: Decimal, coin: Decimal = PENNY) -> Decimal:
    """To whole coins; a half goes away from zero."""
    return amount.quantize(coin, ROUND_HALF_UP)


def is_whole(amount: Decimal, coin: Decimal = PENNY) -> bool:
    """False for what is finer than the coin, and for NaN and infinities."""
    return amount.is_finite() and amount == round_half_up(amount, coin)


def plain(rate: Decimal) -> Decimal:
    """20 and 20.00 are one rate, and must be one in a snapshot's hash."""
    return rate.quantize(Decimal(1)) if rate == rate.to_integral_value() else rate.normalize()


def tax_within(gross: Decimal, rate: Decimal, coin: Decimal = PENNY) -> Decimal:
    """The VAT in an amount that holds it; `rate` in percent."""
    return round_half_up(gross * rate / (HUNDRED + rate), coin)


def tax_upon(net: Decimal, rate: Decimal, coin: Decimal = PENNY) -> Decimal:
    """The VAT that comes on top of an amount; `rate` in percent."""
    return round_half_up(net * rate / HUNDRED, coin)


def spread(total: Decimal, weights: Sequence[Decimal], coin: Decimal = PENNY) -> tuple[Decimal, ...]:
    """`total` in whole coins over weights that are not negative: largest remainder, ties to the earlier.

    All weights zero count as equal. ValueError when there is nobody to give it to.
    """
    if not weights:
        if total:
            raise ValueError(f"nothing to spread {total} over")
        return ()
    sign = -1 if total < 0 else 1
    coins = int(abs(total) / coin)
    shares = _deal(coins, _whole_weights(weights))
    return tuple((sign * share * coin).quantize(coin) for share in shares)


def _whole_weights(weights: Sequence[Decimal]) -> list[int]:
    if not any(weights):
        return [1] * len(weights)
    places = max(0, *(-int(weight.as_tuple().exponent) for weight in weights))
    return [int(weight.scaleb(places)) for weight in weights]


def _deal(coins: int, weights: Sequence[int]) -> list[int]:
    whole = sum(weights)
    shares = [coins * weight // whole for weight in weights]
    remainders = [coins * weight % whole for weight in weights]
    by_need = sorted(range(len(weights)), key=lambda place: -remainders[place])
    for place in by_need[: coins - sum(shares)]:
        shares[place] += 1
    return shares


def next_share(total: Decimal, units: int, taken: int, more: int, coin: Decimal = PENNY) -> Decimal:
    """What the next `more` of `units` cost, after `taken`, so that all shares add up to `total` (finance.md 4.8)."""
    if not 0 <= taken <= taken + more <= units:
        raise ValueError(f"{taken} + {more} of {units} units")
    return round_half_up(total * (taken + more) / units, coin) - round_half_up(total * taken / units, coin)
