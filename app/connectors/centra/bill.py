"""What an order's figures mean: its price mode, charges and discount, and whether they add up (centra.md 3.4)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from app.connectors.centra.bundles import Booked, book
from app.connectors.centra.payloads import WireOrder
from app.domain.message import Owner, Violation
from app.domain.money import NOTHING, quantum, round_half_up, spread


@dataclass(frozen=True, slots=True)
class Bill:
    """`amounts` and `rates` go with `lines`, one each. Every figure is in the one price mode."""

    lines: tuple[Booked, ...]
    amounts: tuple[Decimal, ...]
    rates: tuple[Decimal, ...]
    shipping: Decimal
    handling: Decimal
    discount: Decimal
    gross: Decimal
    tax: Decimal
    tax_included: bool


def read_bill(order: WireOrder) -> tuple[Bill, tuple[Violation, ...]]:
    """Any violation means that the bill must not be used for a booking."""
    totals, coin = order.totals, quantum(order.grand_total.currency.code)
    lines, unbooked = book(order.lines, coin)
    listed = _listed(order, lines, coin)
    violations = (
        *unbooked,
        *_check_sum(order, listed, coin),
        *_check_modes(order),
        *_check_credit(order),
    )
    if totals.tax_deducted.value:
        bill, uneven = _exempt(order, lines, listed)
        return bill, (*violations, *uneven)
    bill = Bill(
        lines=lines,
        amounts=tuple(round_half_up(amount, coin) for amount in listed),
        rates=tuple(booked.line.tax_percent for booked in lines),
        shipping=round_half_up(totals.shipping.value, coin),
        handling=round_half_up(totals.handling.value, coin),
        discount=round_half_up(abs(totals.discounts.value), coin),
        gross=round_half_up(order.grand_total.value, coin),
        tax=round_half_up(totals.tax_included.value + totals.tax_added.value, coin),
        tax_included=not totals.tax_added.value,
    )
    return _relieve_charges(bill, order), violations


def _listed(order: WireOrder, lines: Sequence[Booked], coin: Decimal) -> list[Decimal]:
    """The column that the order's own sum of lines is made of. Where tax is added, that is the one without tax."""
    columns = [[booked.with_tax for booked in lines], [booked.without_tax for booked in lines]]
    if order.totals.tax_added.value:
        columns.reverse()
    goods = order.totals.line_values.value
    return next((column for column in columns if abs(sum(column) - goods) <= coin), columns[0])


def _check_sum(order: WireOrder, listed: Sequence[Decimal], coin: Decimal) -> Iterator[Violation]:
    totals = order.totals
    parts = [*listed, totals.shipping.value, totals.handling.value, totals.tax_added.value]
    worked_out = sum(parts) - totals.tax_deducted.value - abs(totals.discounts.value)
    if abs(worked_out - order.grand_total.value) > coin:
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
    order: WireOrder, lines: tuple[Booked, ...], listed: Sequence[Decimal]
) -> tuple[Bill, tuple[Violation, ...]]:
    """Prices hold a tax that this buyer does not pay. Everything is put without it, at 0 %; charges follow the goods,
    and what the discount is worth without tax is what makes the sum.
    """
    totals, coin = order.totals, quantum(order.grand_total.currency.code)
    nets: Sequence[Decimal] = [round_half_up(booked.without_tax, coin) for booked in lines]
    goods = sum(listed)
    shipping = round_half_up(totals.shipping.value - totals.shipping_tax_deducted.value, coin)
    handling = round_half_up(
        totals.handling.value * sum(nets) / goods if goods else totals.handling.value, coin
    )
    gross = round_half_up(order.grand_total.value, coin)
    rest = sum(nets, shipping + handling) - gross
    most, strays = abs(totals.discounts.value), (len(lines) + 1) * coin
    uneven = not -strays <= rest <= most + strays
    if (rest < 0 or not most) and not uneven and any(nets):
        # Each figure is rounded by itself: the odd pennies go back to the lines.
        nets, rest = spread(sum(nets) - rest, nets, coin), NOTHING
    bill = Bill(
        lines=lines,
        amounts=tuple(nets),
        rates=tuple(NOTHING for _ in lines),
        shipping=shipping,
        handling=handling,
        discount=max(rest, NOTHING),
        gross=gross,
        tax=NOTHING,
        tax_included=False,
    )
    return _relieve_charges(bill, order), (_uneven(rest),) if uneven else ()


def _uneven(rest: Decimal) -> Violation:
    return Violation(
        code="E-TOTAL-MISMATCH",
        field="totals.taxDeducted",
        value=f"{rest} more or less than the discount explains",
        fix="compare the deducted tax with the order in Centra",
        owner=Owner.FINANCE,
    )


def _relieve_charges(bill: Bill, order: WireOrder) -> Bill:
    """An order's discount lies on its lines only. What a voucher for free shipping gives, and what exceeds the goods,
    is taken off the charges instead.
    """
    vouchers = [one for one in order.discounts_applied if one.typename == "AppliedVoucherFreeShipping"]
    free = sum((abs(one.value.value) for one in vouchers), NOTHING)
    beyond = bill.discount - sum(bill.amounts)
    off_shipping = max(min(bill.shipping, bill.discount, max(free, beyond)), NOTHING)
    off_handling = max(min(bill.handling, beyond - off_shipping), NOTHING)
    return replace(
        bill,
        shipping=bill.shipping - off_shipping,
        handling=bill.handling - off_handling,
        discount=bill.discount - off_shipping - off_handling,
    )
