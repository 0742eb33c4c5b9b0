"""What Sage works out itself: line values, tax, totals (finance.md 4.4; corrections 5)."""

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal

from app.sandbox.mirror import Doc
from app.sandbox.sage200.fields import half_up

ZERO = Decimal("0.00")
HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class Method:
    """`level`: tax per "line" or per "document"; `places` of the discounted unit price; `inclusive` prices hold tax."""

    level: str
    places: int
    inclusive: bool


def value_line(line: Doc, rate: Decimal, method: Method, header_discount: Decimal) -> None:
    """Sets the line's discounted price, total and tax, and for the order's totals: `billed` (after the order's own
    discount, in the price mode), `net` and `rate`.
    """
    if line["line_type"] == "EnumLineTypeComment":
        line.update(line_total_value="0.00", line_tax_value="0.00", net="0.00", billed="0.00", rate="0")
        return
    price = Decimal(line.get("selling_unit_price", "0"))
    charge = line["line_type"] == "EnumLineTypeCharge"
    quantity = Decimal(1) if charge else Decimal(line["line_quantity"])
    unit = price if charge else half_up(price - unit_discount(line, price), method.places)
    total = half_up(quantity * unit, 2)
    billed = total if charge else half_up(total * (HUNDRED - header_discount) / HUNDRED, 2)
    tax = tax_on(billed, rate, method)
    line.update(
        discounted_unit_price=str(half_up(unit, 5)),
        line_total_value=str(total),
        line_tax_value=str(tax),
        net=str(billed - tax if method.inclusive else billed),
        billed=str(billed),
        rate=str(rate),
    )


def unit_discount(line: Doc, price: Decimal) -> Decimal:
    if line.get("discount_percent_specified") or "unit_discount_percent" in line:
        return price * Decimal(line.get("unit_discount_percent", "0")) / HUNDRED
    return Decimal(line.get("unit_discount_value", "0"))


def total_order(order: Doc, method: Method) -> None:
    goods = [line for line in order["lines"] if line["line_type"] != "EnumLineTypeCharge"]
    charges = [line for line in order["lines"] if line["line_type"] == "EnumLineTypeCharge"]
    billed = add(order["lines"], "billed")
    per_line = method.level == "line"
    tax = add(order["lines"], "line_tax_value") if per_line else tax_document(order["lines"], method)
    net = billed - tax if method.inclusive else billed
    order.update(
        subtotal_goods_value=str(add(goods, "line_total_value")),
        subtotal_charge_net_value=str(add(charges, "net")),
        subtotal_charge_tax_value=str(add(charges, "line_tax_value")),
        subtotal_discount_value=str(add(goods, "line_total_value") - add(goods, "billed")),
        total_net_value=str(net),
        total_tax_value=str(tax),
        total_gross_value=str(net + tax),
        are_prices_tax_inclusive=method.inclusive,
    )


def tax_document(lines: list[Doc], method: Method) -> Decimal:
    """One rounding per tax code."""
    bases: dict[int, Decimal] = defaultdict(lambda: ZERO)
    rates: dict[int, Decimal] = {}
    for line in lines:
        code = line.get("tax_code_id")
        if code is not None:
            bases[code] += Decimal(line["billed"])
            rates[code] = Decimal(line["rate"])
    return sum((tax_on(base, rates[code], method) for code, base in bases.items()), ZERO)


def tax_on(billed: Decimal, rate: Decimal, method: Method) -> Decimal:
    return half_up(billed * rate / (HUNDRED + rate if method.inclusive else HUNDRED), 2)


def add(lines: list[Doc], name: str) -> Decimal:
    return sum((Decimal(line[name]) for line in lines), ZERO)
