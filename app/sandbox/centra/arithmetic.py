"""What an order comes to. Pure: from the stored document to figures.

A bundle's money lies on its items; the parent only shows their sum. Voucher shares stay with the units that they were
given on: cancelling half a line takes half of its share away (finance.md G-11).
"""

import itertools
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from app.sandbox.centra.money import NOTHING, pennies, spread

Doc = dict[str, Any]
PARENT = "BundleOrderLine"
ITEM = "BundleItemOrderLine"
PRODUCT = "ProductOrderLine"
INCLUDED, ADDED, DEDUCTED = "included", "added", "deducted"


@dataclass(frozen=True, slots=True)
class Figures:
    """`tax` and `shipping_tax` are what the order's tax mode includes, adds or deducts; `tax` holds all of it."""

    line_values: Decimal
    discounts: Decimal
    shipping: Decimal
    handling: Decimal
    tax: Decimal
    shipping_tax: Decimal
    mode: str

    def tax_if(self, mode: str) -> Decimal:
        return self.tax if mode == self.mode else NOTHING

    def shipping_tax_if(self, mode: str) -> Decimal:
        return self.shipping_tax if mode == self.mode else NOTHING

    @property
    def grand_total(self) -> Decimal:
        payable = self.line_values + self.shipping + self.handling - self.discounts
        return payable + self.tax_if(ADDED) - self.tax_if(DEDUCTED)

    @property
    def net_total(self) -> Decimal:
        return self.grand_total - self.tax_if(INCLUDED) - self.tax_if(ADDED)


def value_line(line: Doc) -> Decimal:
    """Of the units that are left, in the order's price mode, before vouchers. Zero for a bundle's parent's own money:
    its `price` is what it shows.
    """
    if line["type"] == ITEM:
        return Decimal(line["share"]) * int(line["quantity"]) / int(line["per"])
    return Decimal(line["price"]) * int(line["quantity"])


def counted_lines(order: Doc) -> list[Doc]:
    return [line for line in order["lines"] if line["type"] != PARENT]


def value_voucher(order: Doc, voucher: Doc) -> Decimal:
    if voucher["kind"] == "free_shipping":
        return Decimal(order["shipping"])
    return sum((_live_share(line, voucher) for line in counted_lines(order)), NOTHING)


def share_voucher(order: Doc, voucher: Doc) -> dict[str, Doc]:
    """`{line id: {"amount", "of" units}}` over what the lines are worth after the vouchers before this one."""
    lines = counted_lines(order)
    earlier = list(itertools.takewhile(lambda one: one is not voucher, order["vouchers"]))
    worth = [value_line(line) - sum((_live_share(line, one) for one in earlier), NOTHING) for line in lines]
    whole = sum(worth, NOTHING)
    if voucher["kind"] == "free_shipping":
        return {}
    if voucher["kind"] == "percent":
        total = pennies(whole * Decimal(voucher["percent"]) / 100)
    else:
        total = min(Decimal(voucher["amount"]), whole)
    shares = spread(total, worth)
    return {
        str(line["id"]): {"amount": str(share), "of": line["quantity"]}
        for line, share in zip(lines, shares, strict=True)
    }


def compute_figures(order: Doc) -> Figures:
    lines = counted_lines(order)
    mode = order["tax_mode"]
    after = [value_line(line) - _line_discount(order, line) for line in lines]
    rates = [Decimal(line["tax_percent"]) for line in lines]
    vouchers = sum((value_voucher(order, voucher) for voucher in order["vouchers"]), NOTHING)
    free = any(voucher["kind"] == "free_shipping" for voucher in order["vouchers"])
    shipping, handling = Decimal(order["shipping"]), Decimal(order["handling"])
    shipping_tax = _tax_charge(NOTHING if free else shipping, lines, after, mode)
    tax = sum((tax_of(amount, rate, mode) for amount, rate in zip(after, rates, strict=True)), NOTHING)
    return Figures(
        line_values=sum((value_line(line) for line in lines), NOTHING),
        discounts=vouchers,
        shipping=shipping,
        handling=handling,
        tax=tax + shipping_tax + _tax_charge(handling, lines, after, mode),
        shipping_tax=shipping_tax,
        mode=mode,
    )


def tax_of(amount: Decimal, rate: Decimal, mode: str) -> Decimal:
    """Of a line total after discounts, half-up on the line (finance.md 4.3)."""
    return pennies(amount * rate / (100 if mode == ADDED else 100 + rate))


def _line_discount(order: Doc, line: Doc) -> Decimal:
    return sum((_live_share(line, voucher) for voucher in order["vouchers"]), NOTHING)


def _live_share(line: Doc, voucher: Doc) -> Decimal:
    share = voucher["shares"].get(str(line["id"]))
    if share is None or not share["of"]:
        return NOTHING
    units = min(int(line["quantity"]), int(share["of"]))
    return pennies(Decimal(share["amount"]) * units / int(share["of"]))


def _tax_charge(charge: Decimal, lines: list[Doc], after: list[Decimal], mode: str) -> Decimal:
    """Shipping follows the goods: apportioned by what they cost, a part per rate (finance.md 4.2 row 11)."""
    if not lines or not charge:
        return NOTHING
    weights = after if any(after) else [value_line(line) for line in lines]
    by_rate: dict[Decimal, Decimal] = {}
    for line, weight in zip(lines, weights, strict=True):
        rate = Decimal(line["tax_percent"])
        by_rate[rate] = by_rate.get(rate, NOTHING) + weight
    rates = sorted(by_rate, reverse=True)
    parts = spread(charge, [by_rate[rate] for rate in rates])
    return sum((tax_of(part, rate, mode) for part, rate in zip(parts, rates, strict=True)), NOTHING)
