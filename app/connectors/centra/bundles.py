"""Bundles are booked once: the items, because they are what is picked and what carries a VAT rate each.

Centra lists a bundle's parent beside its items (centra.md 3.2, 3.4), and no field that we know ties the two together.
So: one bundle in an order owns all bundle items; of several, each owns the items that follow it. How the price is split
is not documented either. Where the parent shows a price, it is what the shopper pays, so it is laid over the items in
proportion to their own line values, else to list prices, else to units, in pennies by largest remainder (finance.md
4.5); items whose values already add up to it keep them exactly. Where the parent shows none, the items' own stand. The
order's total is checked afterwards, so that a wrong guess parks the order instead of being posted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.connectors.centra.payloads import WireLine
from app.domain.message import Owner, Violation
from app.domain.money import spread

PARENT = "BundleOrderLine"
ITEM = "BundleItemOrderLine"


@dataclass(frozen=True, slots=True)
class Booked:
    """A line that is sold, with the value it has with and without tax."""

    line: WireLine
    with_tax: Decimal
    without_tax: Decimal


def book(lines: Sequence[WireLine], coin: Decimal) -> tuple[tuple[Booked, ...], tuple[Violation, ...]]:
    parents = [line for line in lines if line.typename == PARENT]
    groups, orphans = _group(lines, parents)
    shares = {
        booked.line.id: booked
        for parent in parents
        if groups[parent.id]
        for booked in _share(parent, groups[parent.id], coin)
    }
    booked = tuple(
        shares.get(line.id) or Booked(line, line.line_value.value, line.net.value)
        for line in lines
        if line.typename != PARENT
    )
    empty = [_violation(parent, "a bundle without items") for parent in parents if not groups[parent.id]]
    strays = [_violation(item, "a bundle item before any bundle") for item in orphans]
    return booked, (*empty, *strays)


def _group(
    lines: Sequence[WireLine], parents: Sequence[WireLine]
) -> tuple[dict[int, list[WireLine]], list[WireLine]]:
    groups: dict[int, list[WireLine]] = {parent.id: [] for parent in parents}
    orphans: list[WireLine] = []
    owner = parents[0].id if len(parents) == 1 else None
    for line in lines:
        if line.typename == PARENT:
            owner = line.id
        elif line.typename == ITEM and owner is not None:
            groups[owner].append(line)
        elif line.typename == ITEM and parents:
            orphans.append(line)
    return groups, orphans


def _share(parent: WireLine, items: Sequence[WireLine], coin: Decimal) -> list[Booked]:
    with_tax = _split(parent.line_value.value, [item.line_value.value for item in items], items, coin)
    without_tax = _split(parent.net.value, [item.net.value for item in items], items, coin)
    return [Booked(*shares) for shares in zip(items, with_tax, without_tax, strict=True)]


def _split(
    price: Decimal, own: Sequence[Decimal], items: Sequence[WireLine], coin: Decimal
) -> Sequence[Decimal]:
    listed = [item.unit_original_price.value * item.quantity for item in items]
    units = [Decimal(item.quantity) for item in items]
    weights = next((choice for choice in (own, listed, units) if sum(choice) > 0), None)
    if not price or weights is None or sum(own) == price:
        return own
    return spread(price, weights, coin)


def _violation(line: WireLine, what: str) -> Violation:
    return Violation(
        code="E-UNREADABLE",
        field=f"lines/{line.id}",
        value=what,
        fix="look at the order in Centra, post it by hand and tell us how its bundle reads",
        owner=Owner.OPERATIONS,
    )
