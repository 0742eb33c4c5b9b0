"""Which product a line means: exact code, then alias, then barcode. Nothing is guessed (R-17, R-18)."""

from collections.abc import Iterator

from app.domain.dossier import Dossier
from app.domain.erp import Facts, Product, Wanted
from app.domain.lanes import normalise
from app.domain.message import Violation
from app.domain.order import Line, LineKind, Order
from app.domain.rules import Mappings


def codes(order: Order, mappings: Mappings) -> tuple[str, ...]:
    """The ERP's codes where an alias names them: an alias and its SKU must be one lane."""
    return tuple(mappings.find_alias(order.connection, sku) or sku for sku in order.skus())


def wanted_products(order: Order, mappings: Mappings) -> Wanted:
    """Every code and barcode that could name a product of this order."""
    lines = tuple(live_products(order))
    aliases = (mappings.find_alias(order.connection, line.sku) for line in lines)
    return Wanted(
        products=frozenset({normalise(line.sku) for line in lines} | {code for code in aliases if code}),
        barcodes=frozenset(barcode for line in lines for barcode in _barcodes(line.sku, line.ean)),
    )


def live_products(order: Order) -> Iterator[Line]:
    return (line for line in order.lines if line.quantity and line.kind is LineKind.PRODUCT)


def identify(dossier: Dossier) -> dict[str, Product]:
    """Line ref -> product. What cannot be told for certain is complained of once per spelling."""
    resolved: dict[str, Product] = {}
    complained: set[str] = set()
    for line in live_products(dossier.order):
        outcome = _identify_line(dossier, line)
        if isinstance(outcome, Product):
            resolved[line.ref] = outcome
        elif line.sku not in complained:
            complained.add(line.sku)
            dossier.found.append(outcome)
    return resolved


def _identify_line(dossier: Dossier, line: Line) -> Product | Violation:
    products = candidates(dossier.order.connection, (line.sku, line.ean), dossier.facts, dossier.mappings)
    if not products:
        return Violation(
            code="E-SKU-UNKNOWN",
            field=f"lines[{line.ref}].sku",
            value=line.sku,
            fix="add an alias for it, or create the product in the ERP",
            need="sku_aliases",
        )
    if len(products) > 1:
        codes = ", ".join(sorted(product.code for product in products))
        return Violation(
            code="E-SKU-AMBIGUOUS",
            field=f"lines[{line.ref}].sku",
            value=line.sku,
            fix=f"its barcode belongs to {codes}: add an alias for the right one",
            need="sku_aliases",
        )
    if not products[0].active:
        return Violation(
            code="E-SKU-INACTIVE",
            field=f"lines[{line.ref}].sku",
            value=products[0].code,
            fix="make the product active in the ERP",
        )
    return products[0]


def candidates(
    connection: str, spelled: tuple[str, str], facts: Facts, mappings: Mappings
) -> tuple[Product, ...]:
    """Products that `spelled` (SKU, barcode) may mean; several only by a barcode that they share."""
    sku, ean = spelled
    alias = mappings.find_alias(connection, sku)
    for code in (normalise(sku), alias):
        if code and (product := facts.products.get(code)):
            return (product,)
    if alias:
        return ()
    for barcode in _barcodes(sku, ean):
        if products := facts.by_barcode.get(barcode):
            return products
    return ()


def _barcodes(sku: str, ean: str) -> tuple[str, ...]:
    """Some shops use the barcode as their code."""
    return tuple(text for text in (ean.strip(), sku.strip()) if text)
