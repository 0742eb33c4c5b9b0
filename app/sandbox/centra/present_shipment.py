"""A stored shipment as GraphQL sees it."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from app.sandbox.centra import arithmetic, payments
from app.sandbox.centra.external_ids import read_external_id
from app.sandbox.centra.present_line import Pricing, show_line
from app.sandbox.centra.shop import WHOLESALE, find_store
from app.sandbox.mirror import Doc, View


@dataclass(frozen=True, slots=True)
class ShipmentPresenter:
    """`integration`: whose external ids are shown. `show_order`: of a shipment that is asked for its order."""

    view: View
    integration: str
    date: Callable[[str], str]
    show_order: Callable[[Doc], Doc]

    def show(self, order: Doc, shipment: Doc, pricing: Pricing) -> Doc:
        wholesale = find_store(order["store"]).type == WHOLESALE
        return {
            "__typename": "WholesaleShipment" if wholesale else "DirectToConsumerShipment",
            "id": shipment["id"],
            "number": shipment["number"],
            "isGoodToGo": shipment["good_to_go"],
            "isPrinted": False,
            "isOnHold": order["hold"] is not None,
            "additionalMessage": shipment["message"],
            "currencyBaseRate": Decimal(order["rate"]),
            "externalId": read_external_id(self.view, self.integration, shipment["id"]),
            "order": lambda _: self.show_order(order),
            **self._show_moments(shipment),
            **_show_parcels(shipment, pricing),
            **self._show_values(order, shipment, pricing),
        }

    def _show_moments(self, shipment: Doc) -> Doc:
        names = {"shipped_at": "Shipped", "paid_at": "Paid", "captured_at": "Captured"}
        shown: Doc = {"createdAt": self.date(shipment["created_at"])}
        shown["updatedAt"] = self.date(shipment["updated_at"])
        for name, word in names.items():
            moment = shipment[name]
            shown[f"is{word}"] = moment is not None
            shown[f"{word.lower()}At"] = None if moment is None else self.date(moment)
        return shown

    def _show_values(self, order: Doc, shipment: Doc, pricing: Pricing) -> Doc:
        def grand_total(_: Any, *, includingTax: bool) -> Doc:  # noqa: N803 - the argument's name in the schema
            return pricing.money(payments.show_total(order, shipment, with_tax=includingTax))

        captured = shipment["reserved"] if shipment["captured_at"] is not None else None
        lines = {line["id"]: line for line in order["lines"]}
        return {
            "grandTotal": grand_total,
            "capturedValue": None if captured is None else pricing.money(Decimal(captured)),
            "lines": lambda _: [
                self._show_row(order, lines[row["line"]], row, pricing) for row in shipment["lines"]
            ],
        }

    def _show_row(self, order: Doc, line: Doc, row: Doc, pricing: Pricing) -> Doc:
        rate = Decimal(line["tax_percent"])
        value = arithmetic.value_line({**line, "quantity": row["quantity"]})
        return {
            "id": row["id"],
            "quantity": row["quantity"],
            "returnedQuantity": 0,
            "invoicedQuantity": 0,
            "unitPrice": pricing.field(Decimal(line["price"]), rate),
            "lineValue": pricing.field(value, rate),
            "orderLine": lambda _: show_line(self.view, order, line, pricing),
        }


def _show_parcels(shipment: Doc, pricing: Pricing) -> Doc:
    info = shipment["info"]
    carrier, service = info.get("carrier"), info.get("service")
    return {
        "trackingNumber": info.get("trackingNumber"),
        "returnTrackingNumber": info.get("returnTrackingNumber"),
        "numberOfPackages": info.get("packagesNumber", 0),
        "internalShippingCost": pricing.money(Decimal(info.get("internalShippingCost", 0))),
        "carrierInformation": {"carrierName": carrier, "serviceName": service}
        if carrier or service
        else None,
    }
