"""An order line, and the article on it, as GraphQL sees them."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from app.sandbox.centra import arithmetic, catalogue
from app.sandbox.centra.money import NOTHING
from app.sandbox.centra.shipments import show_shipped
from app.sandbox.centra.shop import WAREHOUSES
from app.sandbox.mirror import Doc, View


@dataclass(frozen=True, slots=True)
class Pricing:
    mode: str
    including_tax: str
    bundle_prices: str
    gift_line: str
    money: Callable[[Decimal], Doc]

    def shows(self, amount: Decimal, rate: Decimal, *, with_tax: bool) -> Doc:
        tax = arithmetic.tax_of(amount, rate, self.mode)
        if self.mode == arithmetic.ADDED:
            return self.money(amount + tax if with_tax and self.including_tax == "computed" else amount)
        return self.money(amount if with_tax else amount - tax)

    def field(self, amount: Decimal, rate: Decimal) -> Callable[..., Doc]:
        def show(_: Any, *, includingTax: bool) -> Doc:  # noqa: N803 - the argument's name in the schema
            return self.shows(amount, rate, with_tax=includingTax)

        return show


def show_line(view: View, order: Doc, line: Doc, pricing: Pricing) -> Doc:
    original, price = Decimal(line["original_price"]), Decimal(line["price"])
    value, rate = arithmetic.value_line(line), Decimal(line["tax_percent"])
    if line["type"] == arithmetic.ITEM and pricing.bundle_prices == "parent":
        original = price = value = NOTHING
    percent = (original - price) * 100 / original if original else NOTHING
    return {
        "__typename": pricing.gift_line if line["gift_certificate"] else line["type"],
        "id": line["id"],
        "productName": line["name"],
        "productBrand": None,
        "comment": None,
        "hasAnyDiscount": price < original,
        "quantity": line["quantity"],
        "cancelledQuantity": line["cancelled"],
        "returnedQuantity": 0,
        "shippedQuantity": show_shipped(order, line),
        "unitOriginalPrice": pricing.field(original, rate),
        "unitPrice": pricing.field(price, rate),
        "discountPercent": round(percent, 2),
        "taxPercent": rate,
        "lineValue": pricing.field(value, rate),
        "deliveryWindow": show_window(order.get("delivery_window")),
        **_show_article(view, line),
    }


def show_window(window: Doc | None) -> Doc | None:
    if window is None:
        return None
    dates = {"deliveryStartDate": window["start"], "deliveryEndDate": window["end"]}
    return {"__typename": "PreorderDeliveryWindow", "id": window["id"], "name": window["name"], **dates}


def _show_article(view: View, line: Doc) -> Doc:
    """The snapshot's names stay; `product` and its relatives are null when the catalogue does not know the SKU."""
    size = view.get(catalogue.SIZE, line["sku"]) if line["size"] is not None else None
    if size is None:
        return {"size": None, "productNumber": line["sku"], "productVariantName": None, "productSize": None}
    shown = show_size(view, size)
    return {
        "size": size["size"],
        "productNumber": size["product_number"],
        "productVariantName": size["variant_name"],
        "product": shown["productVariant"]["product"],
        "productVariant": shown["productVariant"],
        "productSize": shown,
    }


def show_size(view: View, size: Doc) -> dict[str, Any]:
    product = {"id": size["product_id"], "name": size["name"], "productNumber": size["product_number"]}
    return {
        "id": size["id"],
        "SKU": size["sku"],
        "EAN": size["ean"],
        "UPC": None,
        "sizeNumber": size["size_number"],
        "description": size["size"],
        "preorder": False,
        "productVariant": {
            "id": size["variant_id"],
            "name": size["variant_name"],
            "variantNumber": size["variant_number"],
            "product": product,
        },
        "stock": lambda _: [_show_stock(one) for one in catalogue.list_stock(view, size["sku"])],
    }


def _show_stock(stock: Doc) -> Doc:
    return {
        "warehouse": {"id": stock["warehouse"], "name": WAREHOUSES[stock["warehouse"]]},
        "physicalQuantity": stock["physical"],
        "allocatedQuantity": stock["allocated"],
        "freeToAllocateQuantity": stock["physical"] - stock["allocated"],
        "demandQuantity": stock["demand"],
    }
