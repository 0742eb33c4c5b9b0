"""What a channel says that goods cost, against the ERP's price for the account (R-43). Pure."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from app.domain.dossier import Dossier
from app.domain.erp import Facts, Product, Quote
from app.domain.heading import find_account
from app.domain.identify import candidates, live_products
from app.domain.lanes import normalise
from app.domain.message import Owner, Violation
from app.domain.money import quantum, round_half_up, tax_upon, tax_within
from app.domain.order import Line, Order, Totals
from app.domain.rules import Mappings


def quotes(order: Order, mappings: Mappings, facts: Facts, tolerance: Decimal | None) -> frozenset[Quote]:
    """Prices that `agree` wants to know: of all lines where they are compared, else of those without a price."""
    account = find_account(order, mappings)
    if account is None:
        return frozenset()
    lines = [line for line in live_products(order) if tolerance is not None or line.ref in order.unpriced]
    found = [(line, candidates(order.connection, (line.sku, line.ean), facts, mappings)) for line in lines]
    return frozenset(
        _quote(account.reference, products[0], line) for line, products in found if len(products) == 1
    )


def agree(dossier: Dossier, customer: str, products: Mapping[str, Product]) -> Dossier:
    """The dossier with the ERP's price on every line that the channel gave none; complains of each price that differs by
    more than the tolerance.
    """
    order = dossier.order
    for line in live_products(order):
        product = products.get(line.ref)
        if not customer or product is None:
            continue
        if line.ref in order.unpriced:
            order = _filled(replace(dossier, order=order), customer, product, line)
        elif dossier.options.tolerance is not None:
            _compare(dossier, customer, product, line)
    return replace(dossier, order=order)


def _quote(customer: str, product: Product, line: Line) -> Quote:
    return Quote(customer, normalise(product.code), line.quantity)


def _compare(dossier: Dossier, customer: str, product: Product, line: Line) -> None:
    price = _price(dossier, customer, product, line)
    if price is None:
        return
    theirs = line.gross / line.quantity
    ours = _in_mode(dossier, price, line.tax_rate)
    if abs(theirs - ours) <= (dossier.options.tolerance or 0):
        return
    value = f"{product.code}: {_told(theirs)} in the channel, {_told(ours)} in the ERP for {customer}"
    fix = "agree the price with the retailer; correct it there or in the ERP's price book, then retry"
    dossier.found.append(Violation("E-PRICE-MISMATCH", f"lines[{line.ref}].price", value, fix, Owner.FINANCE))


def _filled(dossier: Dossier, customer: str, product: Product, line: Line) -> Order:
    """Its order with the line at the ERP's price and at the rate of the product's own tax code."""
    order, price = dossier.order, _price(dossier, customer, product, line)
    if price is None:
        return order
    if product.tax_rate is None:
        _complain(dossier, line, f"{product.code} has no tax code", "give the product a tax code in the ERP")
        return order
    coin = quantum(order.currency)
    amount = round_half_up(_in_mode(dossier, price, product.tax_rate) * line.quantity, coin)
    tax = tax_upon(amount, product.tax_rate, coin)
    if order.tax_included:
        tax = tax_within(amount, product.tax_rate, coin)
    priced = replace(line, gross=amount, tax_rate=product.tax_rate)
    added = amount if order.tax_included else amount + tax
    return replace(
        order,
        lines=tuple(priced if one.ref == line.ref else one for one in order.lines),
        totals=Totals(order.totals.gross + added, order.totals.tax + tax),
    )


def _price(dossier: Dossier, customer: str, product: Product, line: Line) -> Decimal | None:
    """A price of nothing is none: nobody gives goods away by a gap in a price list."""
    price = dossier.facts.prices.get(_quote(customer, product, line))
    if price:
        return price
    fix = "give it a price in the ERP's price book, then retry"
    _complain(dossier, line, f"{product.code} has no price for {customer} in the ERP", fix)
    return None


def _in_mode(dossier: Dossier, price: Decimal, rate: Decimal) -> Decimal:
    """The ERP's price as the order gives its own: with VAT or without it."""
    if dossier.facts.tax_inclusive == dossier.order.tax_included:
        return price
    coin = quantum(dossier.order.currency)
    return (
        price - tax_within(price, rate, coin)
        if dossier.facts.tax_inclusive
        else price + tax_upon(price, rate, coin)
    )


def _told(price: Decimal) -> str:
    return str(price.quantize(Decimal("0.01"))) if price == round_half_up(price) else f"{price.normalize():f}"


def _complain(dossier: Dossier, line: Line, value: str, fix: str) -> None:
    dossier.found.append(Violation("E-PRICE-UNKNOWN", f"lines[{line.ref}].price", value, fix, Owner.FINANCE))
