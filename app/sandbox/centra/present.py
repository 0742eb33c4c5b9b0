"""A stored order as GraphQL sees it: plain values, and functions where a field takes arguments or costs work."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from app.sandbox.centra import arithmetic, dates
from app.sandbox.centra.money import pennies
from app.sandbox.centra.payments import CAPTURED
from app.sandbox.centra.present_line import Pricing, show_line, show_window
from app.sandbox.centra.present_shipment import ShipmentPresenter
from app.sandbox.centra.shop import (
    ADDRESS,
    COUNTRIES,
    CURRENCIES,
    HOLD_REASONS,
    STORES,
    WHOLESALE,
    Store,
    find_store,
)
from app.sandbox.mirror import Doc, View

PLUGIN_NAMES = {"adyen_drop_in": ("Adyen", "adyen"), "klarna_payments": ("Klarna", "klarna")}


@dataclass(frozen=True, slots=True)
class Presenter:
    """`bundle_prices`: `split` shows an item's share of the bundle's price on the item, `parent` shows zero there.
    `including_tax`: whether `includingTax: true` of an order with added tax shows the `listed` or a `computed` price.
    `gift_line`: the type of a gift certificate's line. `capture_sign`: of the value of a capture's entry.
    `integration`: whose external ids are shown.
    """

    view: View
    zone: ZoneInfo
    bundle_prices: str
    including_tax: str
    gift_line: str
    capture_sign: str
    integration: str

    def show(self, order: Doc) -> Doc:
        store = find_store(order["store"])
        common = self._show_head(order, store)
        common |= self._show_money(order)
        common |= self._show_places(order)
        if store.type == WHOLESALE:
            last = order["cancel_date"]
            trade = {**_show_trade(order), "cancelDate": None if last is None else self.date(last)}
            return {**common, "__typename": "WholesaleOrder", **trade}
        reason = order["hold"] if order["hold"] in HOLD_REASONS else None
        buyer = {"customer": order.get("customer"), "orderHoldReason": reason}
        return {**common, "__typename": "DirectToConsumerOrder", **buyer}

    def show_shipment(self, order: Doc, shipment: Doc) -> Doc:
        presenter = ShipmentPresenter(self.view, self.integration, self.date, self.show)
        return presenter.show(order, shipment, self._price(order))

    def date(self, kept: str) -> str:
        return dates.show(kept, self.zone)

    def _show_head(self, order: Doc, store: Store) -> Doc:
        placed = self.date(order["created_at"])
        return {
            "id": order["id"],
            "number": order["number"],
            "status": order["status"],
            "isOnHold": order["hold"] is not None,
            "isLocked": order["locked"],
            "isInternal": order["internal"],
            "createdAt": placed,
            "orderDate": placed,
            "updatedAt": self.date(order["updated_at"]),
            "internalComment": order["internal_comment"],
            "otherComment": order["comment"],
            "currencyBaseRate": Decimal(order["rate"]),
            "store": show_store(store),
            "market": {"id": store.market_id, "name": store.market},
            "pricelist": {"id": store.pricelist_id, "name": store.currency},
            "country": show_country(order["country"]),
            "shipments": lambda _: [self.show_shipment(order, one) for one in order["shipments"]],
            "shippingPriceGroup": {"shippingOption": {"id": 5, "name": "Standard", "uri": "standard"}},
        }

    def _show_money(self, order: Doc) -> Doc:
        money = Money(order)
        figures = arithmetic.compute_figures(order)
        pricing = self._price(order)

        def lines(_: Any, *, includeFullyCancelled: bool) -> list[Doc]:  # noqa: N803 - the argument's name in the schema
            wanted = (one for one in order["lines"] if one["quantity"] or includeFullyCancelled)
            return [show_line(self.view, order, line, pricing) for line in wanted]

        def grand_total(_: Any, *, includingTax: bool) -> Doc:  # noqa: N803 - as above
            return money(figures.grand_total if includingTax else figures.net_total)

        def history(_: Any, where: Doc | None = None) -> list[Doc]:
            kinds = (where or {}).get("entryType")
            return [
                self.show_payment(one, order)
                for one in order["payments"]
                if kinds is None or one["type"] in kinds
            ]

        return {
            "lines": lines,
            "grandTotal": grand_total,
            "totals": lambda _: _show_totals(order, figures, money),
            "discountsApplied": lambda _: [
                self._show_discount(order, one, money) for one in order["vouchers"]
            ],
            "paymentMethod": _show_method(order["payment_method"]),
            "paymentHistory": history,
        }

    def _price(self, order: Doc) -> Pricing:
        shapes = (self.including_tax, self.bundle_prices, self.gift_line)
        return Pricing(order["tax_mode"], *shapes, Money(order))

    def show_payment(self, entry: Doc, order: Doc) -> Doc:
        value = Decimal(entry["value"])
        negative = entry["type"] in CAPTURED and self.capture_sign == "negative"
        return {
            "id": entry["id"],
            "createdAt": self.date(entry["at"]),
            "status": entry["status"],
            "entryType": entry["type"],
            "externalReference": entry["reference"],
            "paymentMethod": order["payment_method"],
            "value": Money(order)(-value if negative else value),
            "paramsJSON": json.dumps(entry["params"]),
        }

    def _show_discount(self, order: Doc, voucher: Doc, money: "Money") -> Doc:
        return {
            "__typename": voucher["type"],
            "value": money(arithmetic.value_voucher(order, voucher)),
            "date": self.date(voucher["date"]),
            "voucher": {
                "name": voucher["name"],
                "code": voucher["code"],
                "type": "CODE" if voucher["code"] else "AUTO",
            },
        }

    def _show_places(self, order: Doc) -> Doc:
        return {
            "shippingAddress": _show_address(order["address"]),
            "billingAddress": _show_address(order["billing"]),
        }


class Money:
    """Writes amounts of one order as MonetaryValue."""

    def __init__(self, order: Doc) -> None:
        self._code: str = order["currency"]
        self._rate = Decimal(order["rate"])

    def __call__(self, amount: Decimal) -> Doc:
        value = pennies(amount)
        return {
            "value": value,
            "currency": show_currency(self._code),
            "conversionRate": self._rate,
            "formattedValue": f"{value} {self._code}",
        }


def show_store(store: Store) -> Doc:
    return {"id": store.id, "name": store.name, "type": store.type}


def show_market(store_id: int) -> Doc:
    return next({"id": one.market_id, "name": one.market} for one in STORES if one.id == store_id)


def show_currency(code: str) -> Doc:
    return {"id": CURRENCIES[code].id, "code": code, "name": CURRENCIES[code].name}


def show_country(code: str) -> Doc | None:
    country = COUNTRIES.get(code)
    return None if country is None else {"id": country.id, "name": country.name, "code": code}


def _show_address(address: Doc) -> Doc:
    return {**{name: address.get(name) for name in ADDRESS}, "country": show_country(address["country"])}


def _show_method(plugin: str | None) -> Doc | None:
    if plugin is None:
        return None
    name, uri = PLUGIN_NAMES.get(plugin, (plugin, plugin))
    return {"name": name, "plugin": plugin, "uri": uri}


def _show_trade(order: Doc) -> Doc:
    return {
        "account": order["account"],
        "buyer": order["buyer"],
        "purchaseOrderNumber": order["purchase_order_number"],
        "deliveryWindows": []
        if order["delivery_window"] is None
        else [show_window(order["delivery_window"])],
    }


def _show_totals(order: Doc, figures: arithmetic.Figures, money: Callable[[Decimal], Doc]) -> Doc:
    lines = arithmetic.counted_lines(order)
    taxes = {
        name: money(figures.tax_if(mode))
        for name, mode in (
            ("taxAdded", arithmetic.ADDED),
            ("taxDeducted", arithmetic.DEDUCTED),
            ("taxIncluded", arithmetic.INCLUDED),
        )
    }
    shipping_taxes = {
        name: money(figures.shipping_tax_if(mode))
        for name, mode in (
            ("shippingTaxAdded", arithmetic.ADDED),
            ("shippingTaxDeducted", arithmetic.DEDUCTED),
            ("shippingTaxIncluded", arithmetic.INCLUDED),
        )
    }
    return {
        "quantity": sum(line["quantity"] for line in lines),
        "originalQuantity": sum(line["ordered"] for line in lines),
        "cancelledQuantity": sum(line["cancelled"] for line in lines),
        "lineValues": money(figures.line_values),
        "handling": money(figures.handling),
        "shipping": money(figures.shipping),
        "discounts": money(figures.discounts),
        **taxes,
        **shipping_taxes,
    }
