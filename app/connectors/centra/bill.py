"""What an order's figures mean: its price mode, charges and discount, and whether they add up (centra.md 3.4)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from app.connectors.centra.bundles import Booked, book, spread
from app.connectors.centra.payloads import WireOrder
from app.domain.message import Owner, Violation

_PENNY = Decimal("0.01")
_NOTHING = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class Bill:
    """`amounts` and `rates` go with `lines`, one each. Every figure is in the one price mode."""

    lines: tuple[Booked, ...]
    amounts: tuple[Decimal, ...]
    rates: tuple[Decimal, ...]
    shipping: Decimal
    handling: Decimal
    discount: Decimal
    tax: Decimal
    tax_included: bool


def read_bill(order: WireOrder) -> tuple[Bill, tuple[Violation, ...]]:
    """Any violation means that the bill must not be used for a booking."""
    lines, unbooked = book(order.lines)
    listed = _listed(order, lines)
    violations = (*unbooked, *_check_sum(order, listed), *_check_modes(order), *_check_credit(order))
    if order.totals.tax_deducted.value:
        return _exempt(order, lines, listed, violations)
    bill = Bill(
        lines=lines,
        amounts=tuple(pennies(amount) for amount in listed),
        rates=tuple(booked.line.tax_percent for booked in lines),
        shipping=pennies(order.totals.shipping.value),
        handling=pennies(order.totals.handling.value),
        discount=pennies(abs(order.totals.discounts.value)),
        tax=pennies(order.totals.tax_included.value + order.totals.tax_added.value),
        tax_included=not order.totals.tax_added.value,
    )
    return _relieve_charges(bill, order), violations


def pennies(amount: Decimal) -> Decimal:
    return amount.quantize(_PENNY, ROUND_HALF_UP)


def _listed(order: WireOrder, lines: Sequence[Booked]) -> list[Decimal]:
    """The column that the order's own sum of lines is made of. Where tax is added, that is the one without tax."""
    columns = [[booked.with_tax for booked in lines], [booked.without_tax for booked in lines]]
    if order.totals.tax_added.value:
        columns.reverse()
    goods = order.totals.line_values.value
    return next((column for column in columns if abs(sum(column) - goods) <= _PENNY), columns[0])


def _check_sum(order: WireOrder, listed: Sequence[Decimal]) -> Iterator[Violation]:
    totals = order.totals
    parts = [*listed, totals.shipping.value, totals.handling.value, totals.tax_added.value]
    worked_out = sum(parts) - totals.tax_deducted.value - abs(totals.discounts.value)
    if abs(worked_out - order.grand_total.value) > _PENNY:
        yield Violation(
            code="E-TOTAL-MISMATCH",
            field="grandTotal",
            value=f"{order.grand_total.value}, its parts come to {worked_out}",
            fix="compare lines, charges, tax and discounts with the order in Centra",
            owner=Owner.FINANCE,
        )


def _check_modes(order: WireOrder) -> Iterator[Violation]:
    totals = order.totals
    taxes = {"included": totals.tax_included, "added": totals.tax_added, "deducted": totals.tax_deducted}
    modes = [mode for mode, amount in taxes.items() if amount.value]
    if len(modes) > 1:
        yield Violation(
            code="E-VAT-MISMATCH",
            field="totals",
            value=f"tax {' and '.join(modes)} in one order",
            fix="one order has one price mode: correct the tax rule in Centra, or post the order by hand",
            owner=Owner.FINANCE,
        )


def _check_credit(order: WireOrder) -> Iterator[Violation]:
    """Store credit is money and no price reduction: taken off as a discount, it would lower the VAT (finance.md 4.5)."""
    if any(one.typename == "AppliedVoucherCredit" and one.value.value for one in order.discounts_applied):
        yield Violation(
            code="E-GIFT-CARD",
            field="discountsApplied",
            value="AppliedVoucherCredit",
            fix="decide how store credit is posted; until then post the order by hand",
            owner=Owner.FINANCE,
        )


def _exempt(
    order: WireOrder, lines: tuple[Booked, ...], listed: Sequence[Decimal], violations: tuple[Violation, ...]
) -> tuple[Bill, tuple[Violation, ...]]:
    """Prices hold a tax that this buyer does not pay. Everything is put without it, at 0 %; charges follow the goods,
    and what the discount is worth without tax is what makes the sum.
    """
    totals = order.totals
    nets = [pennies(booked.without_tax) for booked in lines]
    goods = sum(listed, _NOTHING)
    shipping = pennies(totals.shipping.value - totals.shipping_tax_deducted.value)
    handling = pennies(totals.handling.value * sum(nets) / goods) if goods else totals.handling.value
    rest = sum(nets, shipping + handling) - pennies(order.grand_total.value)
    most = pennies(abs(totals.discounts.value))
    strays = len(lines) * _PENNY
    if not most and abs(rest) <= strays and any(nets):
        # Tax is taken off the order, not off each line: a penny here and there goes back to where it was rounded.
        nets, rest = spread(sum(nets) - rest, nets), _NOTHING
    if not -strays <= rest <= most + strays or (not most and rest):
        violations = (*violations, _uneven(rest))
    bill = Bill(
        lines=lines,
        amounts=tuple(nets),
        rates=tuple(_NOTHING for _ in lines),
        shipping=shipping,
        handling=handling,
        discount=max(rest, _NOTHING),
        tax=_NOTHING,
        tax_included=False,
    )
    return _relieve_charges(bill, order), violations


def _uneven(rest: Decimal) -> Violation:
    return Violation(
        code="E-TOTAL-MISMATCH",
        field="totals.taxDeducted",
        value=f"{rest} left over without tax",
        fix="compare the deducted tax with the order in Centra",
        owner=Owner.FINANCE,
    )


def _relieve_charges(bill: Bill, order: WireOrder) -> Bill:
    """An order's discount lies on its lines only. What a voucher for free shipping gives, and what exceeds the goods,
    is taken off the charges instead.
    """
    vouchers = [one for one in order.discounts_applied if one.typename == "AppliedVoucherFreeShipping"]
    free = pennies(sum((abs(one.value.value) for one in vouchers), _NOTHING))
    beyond = bill.discount - sum(bill.amounts, _NOTHING)
    off_shipping = max(min(bill.shipping, bill.discount, max(free, beyond)), _NOTHING)
    off_handling = max(min(bill.handling, beyond - off_shipping), _NOTHING)
    return Bill(
        lines=bill.lines,
        amounts=bill.amounts,
        rates=bill.rates,
        shipping=bill.shipping - off_shipping,
        handling=bill.handling - off_handling,
        discount=bill.discount - off_shipping - off_handling,
        tax=bill.tax,
        tax_included=bill.tax_included,
    )
