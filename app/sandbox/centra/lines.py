"""From what a shopper puts into the basket to order lines."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from app.sandbox.centra import arithmetic, catalogue
from app.sandbox.centra.money import parse_money, pennies, spread
from app.sandbox.centra.shop import COUNTRIES
from app.sandbox.mirror import Doc
from app.sandbox.store import Change

GIFT_CERTIFICATE = "GIFTCERTIFICATE"


class Basket:
    """`wish` of a plain line: sku, quantity, and where the catalogue shall not decide: price, original_price,
    discount_percent, tax_percent, name. Of a bundle: `bundle` {sku, name, price}, quantity, items [{sku, quantity}].
    Of a gift certificate: `gift_certificate` true, price.
    """

    def __init__(self, change: Change, currency: str, country: str) -> None:
        self._change = change
        self._currency = currency
        self._country = country

    def fill(self, wishes: list[dict[str, Any]]) -> list[Doc]:
        lines: list[Doc] = []
        for wish in wishes:
            make: Callable[[dict[str, Any]], list[Doc]] = self._bundle if "bundle" in wish else self._plain
            lines += make(wish)
        if not lines:
            raise ValueError("an order needs lines")
        return lines

    def _plain(self, wish: dict[str, Any]) -> list[Doc]:
        if wish.get("gift_certificate"):
            wish = {"sku": GIFT_CERTIFICATE, "name": "Gift certificate", "tax_percent": "0", **wish}
        size = self._change.get(catalogue.SIZE, wish["sku"])
        if size is None and "price" not in wish:
            raise ValueError(f"no article {wish['sku']}, and no price for one that was deleted")
        original = self._list_price(size, wish)
        discount = Decimal(str(wish.get("discount_percent", 0)))
        price = parse_money(wish["price"]) if "price" in wish else original
        line = self._line(wish, size, arithmetic.PRODUCT)
        line["original_price"] = str(original)
        line["price"] = str(pennies(price * (100 - discount) / 100))
        line["gift_certificate"] = bool(wish.get("gift_certificate"))
        return [line]

    def _bundle(self, wish: dict[str, Any]) -> list[Doc]:
        """The parent's price is spread over one bundle's items by their list prices, as REST does (centra.md 3.4)."""
        bundle = wish["bundle"]
        count = _count(wish)
        price = parse_money(bundle["price"])
        items: list[Doc] = []
        for item in wish["items"]:
            size = self._change.get(catalogue.SIZE, item["sku"])
            line = self._line({**item, "quantity": count * _count(item)}, size, arithmetic.ITEM)
            line["per"] = _count(item)
            line["original_price"] = str(self._list_price(size, item))
            items.append(line)
        shares = spread(price, [Decimal(item["original_price"]) * item["per"] for item in items])
        parent = self._line({**bundle, "quantity": count, "tax_percent": 0}, None, arithmetic.PARENT)
        parent["price"] = parent["original_price"] = str(price)
        parent["tax_percent"] = items[0]["tax_percent"]
        for item, share in zip(items, shares, strict=True):
            item["share"] = str(share)
            item["price"] = str(pennies(share / item["per"]))
            item["parent"] = parent["id"]
        return [parent, *items]

    def _line(self, wish: dict[str, Any], size: Doc | None, kind: str) -> Doc:
        return {
            "id": self._change.next_id("centra.line", 51201),
            "type": kind,
            "parent": None,
            "sku": wish["sku"],
            "name": wish.get("name") or (size["name"] if size else wish["sku"]),
            "size": size["id"] if size else None,
            "quantity": _count(wish),
            "cancelled": 0,
            "ordered": _count(wish),
            "tax_percent": str(self._tax(wish, size)),
            "allocated": 0,
            "shipped": 0,
            "gift_certificate": False,
        }

    def _tax(self, wish: dict[str, Any], size: Doc | None) -> Decimal:
        if "tax_percent" in wish:
            return Decimal(str(wish["tax_percent"]))
        if size is not None and size["vat"] == "zero":
            return Decimal(0)
        return COUNTRIES[self._country].standard_rate

    def _list_price(self, size: Doc | None, wish: dict[str, Any]) -> Decimal:
        if "original_price" in wish:
            return parse_money(wish["original_price"])
        if size is not None:
            return catalogue.price_of(size, self._currency)
        return parse_money(wish["price"])


def _count(wish: dict[str, Any]) -> int:
    quantity = wish.get("quantity", 1)
    if not isinstance(quantity, int) or isinstance(quantity, bool) or quantity < 1:
        raise ValueError(f"a quantity is a whole number above 0, not {quantity!r}")
    return quantity
