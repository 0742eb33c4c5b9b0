"""The order's money, spread to where it is taxed, in the channel's own arithmetic (finance.md 4.3-4.6)."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from app.domain.dossier import Dossier, Share, Treatment
from app.domain.message import Owner, Violation
from app.domain.money import HUNDRED, NOTHING, is_whole, quantum, round_half_up, spread, tax_upon, tax_within
from app.domain.order import Charge, Line, LineKind, Order
from app.domain.rows import PostingKind
from app.domain.taxes import treat_lines


def price(dossier: Dossier) -> tuple[Share, ...]:
    """Goods, then charges; () when the figures are unusable. The shares' sum is the channel's, or there is a complaint."""
    lines = tuple(line for line in dossier.order.lines if line.quantity)
    if unusable := tuple(_unusable(dossier)):
        dossier.found.extend(unusable)
        treat_lines(dossier, lines, NOTHING)
        return ()
    goods = _price_goods(dossier, lines)
    shares = (*goods, *_price_charges(dossier, goods))
    _check_gross(dossier, shares)
    _check_tax(dossier, shares)
    return shares


def _unusable(dossier: Dossier) -> Iterator[Violation]:
    order = dossier.order
    coin = quantum(order.currency)
    amounts = [(f"lines[{line.ref}].gross", line.gross) for line in order.lines]
    amounts += [(f"charges.{charge.kind}", charge.gross) for charge in order.charges]
    amounts += [
        ("discount", order.discount),
        ("totals.gross", order.totals.gross),
        ("totals.tax", order.totals.tax),
    ]
    for name, amount in amounts:
        if not is_whole(amount, coin) or amount < 0:
            fix = f"amounts must be whole {coin} {order.currency} and not negative: correct it in the channel"
            yield Violation("E-AMOUNT", name, str(amount), fix, Owner.FINANCE)


def _price_goods(dossier: Dossier, lines: Sequence[Line]) -> tuple[Share, ...]:
    amounts = _take_off(dossier, lines)
    net = sum(
        (_net(dossier, amount, line.tax_rate) for line, amount in zip(lines, amounts, strict=True)), NOTHING
    )
    treatments = treat_lines(dossier, lines, net)
    return tuple(
        _share(dossier, _kind_of(line), amount, treatments[line.kind, line.tax_rate], line)
        for line, amount in zip(lines, amounts, strict=True)
    )


def _take_off(dossier: Dossier, lines: Sequence[Line]) -> list[Decimal]:
    """Line totals after their share of the order's discount (4.5)."""
    grosses = [line.gross for line in lines]
    whole = sum(grosses, NOTHING)
    given = min(dossier.order.discount, whole)
    if given < dossier.order.discount:
        dossier.found.append(
            _unallocated("discount", dossier.order.discount - given, "the goods cost less than the discount")
        )
    shares = spread(given, grosses, quantum(dossier.order.currency))
    return [gross - share for gross, share in zip(grosses, shares, strict=True)]


def _price_charges(dossier: Dossier, goods: Sequence[Share]) -> Iterator[Share]:
    """Each charge split over the goods' tax treatments by value: delivered goods are one supply (4.2 row 11)."""
    weights = _weigh(goods)
    for charge in dossier.order.charges:
        if charge.gross and not weights:
            dossier.found.append(
                _unallocated(f"charges.{charge.kind}", charge.gross, "no goods that it could follow")
            )
        elif charge.gross:
            yield from _apportion(dossier, charge, weights)


def _apportion(dossier: Dossier, charge: Charge, weights: dict[Treatment, Decimal]) -> Iterator[Share]:
    parts = spread(charge.gross, tuple(weights.values()), quantum(dossier.order.currency))
    for treatment, part in zip(weights, parts, strict=True):
        if part:
            yield _share(dossier, PostingKind(charge.kind.value), part, treatment)


def _weigh(goods: Sequence[Share]) -> dict[Treatment, Decimal]:
    """Treatment -> value of its goods; where all of them are free, their price before the discount, then equal."""
    products = [share for share in goods if share.kind is PostingKind.PRODUCT]
    free = not any(share.amount for share in products)
    weights: dict[Treatment, Decimal] = {}
    for share in products:
        before = share.line.gross if share.line else NOTHING
        weight = before if free else share.amount
        weights[share.treatment] = weights.get(share.treatment, NOTHING) + weight
    return weights


def _share(
    dossier: Dossier, kind: PostingKind, amount: Decimal, treatment: Treatment, line: Line | None = None
) -> Share:
    tax_of = tax_within if dossier.order.tax_included else tax_upon
    tax = tax_of(amount, treatment.rate, quantum(dossier.order.currency))
    return Share(kind, amount, tax, treatment, line)


def _net(dossier: Dossier, amount: Decimal, rate: Decimal) -> Decimal:
    if not dossier.order.tax_included:
        return amount
    return round_half_up(amount * HUNDRED / (HUNDRED + rate))


def _kind_of(line: Line) -> PostingKind:
    return PostingKind.GIFT_CARD if line.kind is LineKind.GIFT_CARD else PostingKind.PRODUCT


def _check_gross(dossier: Dossier, shares: Sequence[Share]) -> None:
    totals = dossier.order.totals
    added = NOTHING if dossier.order.tax_included else totals.tax
    whole = sum((share.amount for share in shares), added)
    if whole != totals.gross:
        value = f"lines, charges and discount come to {whole}, the order to {totals.gross}"
        fix = "find what the channel charged outside lines, shipping, handling and discounts"
        dossier.found.append(Violation("E-TOTAL-MISMATCH", "totals.gross", value, fix, Owner.FINANCE))


def _check_tax(dossier: Dossier, shares: Sequence[Share]) -> None:
    """Up to a coin a line is method, and flagged by `flag_tax`; more is another tax."""
    ours = sum((share.tax for share in shares), NOTHING)
    theirs = dossier.order.totals.tax
    if abs(ours - theirs) > quantum(dossier.order.currency) * len(shares):
        value = f"{ours} by line, {theirs} on the order"
        fix = "the channel taxes this order otherwise: compare its tax rules with the lines' rates"
        dossier.found.append(Violation("E-TOTAL-MISMATCH", "totals.tax", value, fix, Owner.FINANCE))


def flag_tax(order: Order, shares: Sequence[Share], tax: Decimal) -> tuple[Violation, ...]:
    """What finance should know though it holds nothing up: gross is right, VAT is pennies off (4.3)."""
    abroad = sum((share.tax for share in shares if share.treatment.destination_vat), NOTHING)
    if tax + abroad == order.totals.tax:
        return ()
    value = f"{tax + abroad} in the ERP, {order.totals.tax} in the channel"
    fix = "nothing to do: within a penny a line, and the gross agrees"
    return (Violation("E-TOTAL-MISMATCH", "totals.tax", value, fix, Owner.FINANCE),)


def _unallocated(field: str, amount: Decimal, why: str) -> Violation:
    return Violation(
        "E-UNALLOCATED", field, str(amount), f"{why}: correct the order in the channel", Owner.FINANCE
    )
