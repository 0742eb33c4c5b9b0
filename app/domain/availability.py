"""What a channel may be told that it can sell (flows.md 2.1). Pure; per SKU, in stock units, over mapped warehouses."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, Decimal
from enum import StrEnum

ZERO = Decimal(0)


class Term(StrEnum):
    """What the ERP's books do not show. `accepted`: not in the ERP yet, parked ones included · `shipped`: by the channel,
    and the ERP has not confirmed it · `despatched`: by the ERP, and the channel has not completed it.
    """

    ACCEPTED = "accepted"
    SHIPPED = "shipped"
    DESPATCHED = "despatched"


@dataclass(frozen=True, slots=True)
class Terms:
    """`held`: in stock in the ERP (H); `reserved` there (R). By connection: `ordered`: on live sales orders and not
    despatched (A; "" is everybody else's), `accepted` (I), `shipped` (S), `despatched` (D).
    """

    held: Decimal
    reserved: Decimal = ZERO
    ordered: Mapping[str, Decimal] = field(default_factory=dict)
    accepted: Mapping[str, Decimal] = field(default_factory=dict)
    shipped: Mapping[str, Decimal] = field(default_factory=dict)
    despatched: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Buffer:
    """`percent`, 0 to 100, is published, less `units`."""

    percent: int = 100
    units: int = 0


def promisable(terms: Terms) -> Decimal:
    """ATP: what nobody was promised. What is shipped or despatched on one side only cancels out."""
    return (
        terms.held - terms.reserved - sum(terms.ordered.values(), ZERO) - sum(terms.accepted.values(), ZERO)
    )


def physical(terms: Terms, own: Collection[str], withheld: int = 0) -> int:
    """For a channel that subtracts its own open orders by itself, such as Centra. `own`: the connections that share its
    stock. An order of its own counts in no term before it is despatched somewhere: so none can be counted twice while it
    is on its way.
    """
    strange = (_others(terms.ordered, own), _others(terms.accepted, own))
    left = terms.held - terms.reserved - sum(strange, ZERO) - _of(terms.shipped, own)
    return _whole(left + _of(terms.despatched, own) - withheld)


def free(terms: Terms, withheld: int = 0, buffer: Buffer | None = None) -> int:
    """For a channel that subtracts nothing, such as Virtualstock."""
    given = buffer or Buffer()
    return max(0, _whole(promisable(terms) - withheld) * given.percent // 100 - given.units)


def _of(units: Mapping[str, Decimal], own: Collection[str]) -> Decimal:
    return sum((units[name] for name in own if name in units), ZERO)


def _others(units: Mapping[str, Decimal], own: Collection[str]) -> Decimal:
    return sum((amount for name, amount in units.items() if name not in own), ZERO)


def _whole(units: Decimal) -> int:
    """A channel sells whole units and never fewer than none."""
    return max(0, int(units.to_integral_value(ROUND_FLOOR)))
