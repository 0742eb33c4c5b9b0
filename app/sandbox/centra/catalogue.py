"""What the shop sells, from the sandbox's common catalogue."""

from decimal import Decimal
from typing import Any

from app.sandbox.centra.shop import WAREHOUSES
from app.sandbox.mirror import Doc, View
from app.sandbox.store import Change

SIZE = "centra.size"
STOCK = "centra.stock"
ONE_FIELD = "Exactly one field must be set"


def store_catalogue(change: Change, articles: list[Doc]) -> int:
    """Returns how many sizes the shop now sells. SKU = product, variant and size number joined (centra.md 9)."""
    products: dict[str, int] = {}
    variants: dict[str, int] = {}
    for article in articles:
        sku, style = article["sku"], article["style"]
        rest = sku.removeprefix(style)
        size_number = f"-{article['size']}" if rest.endswith(f"-{article['size']}") else ""
        variant_number = rest.removesuffix(size_number)
        variant = style + variant_number
        known = change.get(SIZE, sku)
        doc = {
            "id": known["id"] if known else change.next_id(SIZE, 3001),
            "sku": sku,
            "ean": article["ean"],
            "name": article["name"],
            "product_id": products.setdefault(style, 101 + len(products)),
            "product_number": style,
            "variant_id": variants.setdefault(variant, 501 + len(variants)),
            "variant_number": variant_number,
            "variant_name": article["colour"],
            "size_number": size_number,
            "size": article["size"],
            "vat": article["vat"],
            "price": article["price"],
        }
        change.put(SIZE, sku, doc)
        if known is None:
            shelve(change, sku, 1, int(article["stock"]))
    return len(articles)


def find_size(view: View, wish: Doc) -> Doc | str:
    """By a ProductSizeInput; otherwise why there is not exactly one."""
    given = {name: value for name, value in wish.items() if value is not None}
    if len(given) != 1:
        return ONE_FIELD
    name, value = next(iter(given.items()))
    for field in ("sku", "ean", "upc") if name == "any" else (name.lower(),):
        found = view.find(SIZE, **{field: value})
        if found:
            return found[0] if len(found) == 1 else f"ProductSize with {name} {value} is not unique"
    return f"ProductSize with {name} {value} not found"


def shelve(change: Change, sku: str, warehouse: int, physical: int) -> None:
    """An absolute figure; what is allocated stays allocated."""
    stock = read_stock(change, sku, warehouse)
    change.put(STOCK, f"{sku}@{warehouse}", {**stock, "physical": physical})


def read_stock(view: View, sku: str, warehouse: int) -> Doc:
    nothing = {"sku": sku, "warehouse": warehouse, "physical": 0, "allocated": 0, "demand": 0}
    return view.get(STOCK, f"{sku}@{warehouse}") or nothing


def list_stock(view: View, sku: str) -> list[Doc]:
    return [read_stock(view, sku, warehouse) for warehouse in WAREHOUSES]


def allocate(change: Change, line: Doc, units: int) -> int:
    """Takes (or with negative `units` gives back) from the first warehouse; what it cannot cover is demand.
    Keeps on the line how much of it is allocated, and returns by how much that changed.
    """
    if line["size"] is None:
        return 0
    stock = read_stock(change, line["sku"], 1)
    if units >= 0:
        got = max(min(units, stock["physical"] - stock["allocated"]), 0)
        stock["demand"] += units - got
    else:
        short = line["quantity"] - units - line["shipped"] - line["allocated"]
        got = min(units + min(short, -units), 0)
        stock["demand"] -= min(short, -units)
    stock["allocated"] += got
    line["allocated"] += got
    change.put(STOCK, f"{line['sku']}@1", stock)
    return int(got)


def allocate_demand(change: Change, line: Doc, units: int) -> None:
    """Of units that the line could not get when it was ordered, and that lie free now."""
    stock = read_stock(change, line["sku"], 1)
    stock["demand"] -= min(units, stock["demand"])
    stock["allocated"] += units
    line["allocated"] += units
    change.put(STOCK, f"{line['sku']}@1", stock)


def send_off(change: Change, line: Doc, units: int) -> None:
    """Physical stock falls when a shipment is completed, allocated or not (centra.md 14)."""
    line["shipped"] += units
    if line["size"] is None:
        return
    stock = read_stock(change, line["sku"], 1)
    covered = min(units, line["allocated"])
    line["allocated"] -= covered
    stock["allocated"] -= covered
    stock["demand"] -= min(units - covered, stock["demand"])
    stock["physical"] = max(stock["physical"] - units, stock["allocated"])
    change.put(STOCK, f"{line['sku']}@1", stock)


def write_off(change: Change, line: Doc, units: int) -> None:
    """Units that an order gave back, but that are not there."""
    if line["size"] is None:
        return
    stock = read_stock(change, line["sku"], 1)
    shelve(change, line["sku"], 1, max(stock["physical"] - units, stock["allocated"]))


def price_of(size: Doc, currency: str) -> Decimal:
    """Raises ValueError where no price list of that currency holds it; a dollar costs what a euro does."""
    prices: dict[str, Any] = size["price"]
    raw = prices.get("EUR" if currency == "USD" else currency)
    if raw is None:
        raise ValueError(f"{size['sku']} has no price in {currency}")
    return Decimal(raw)
