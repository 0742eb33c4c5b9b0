"""The roots that make, pay for, complete and delete shipments (centra.md 4)."""

from typing import Any

from app.sandbox.centra import capture, dates, external_ids, ship
from app.sandbox.centra.desk import RefusedError, keep_order
from app.sandbox.centra.payload import answer, drop_nulls, read_money, resolve, say
from app.sandbox.centra.shipments import find_shipment
from app.sandbox.centra.visit import Visit
from app.sandbox.mirror import Doc


class ShipmentMutations:
    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._desk = visit.desk

    def roots(self) -> dict[str, Any]:
        return {
            "createShipment": resolve(self.create, shipment=None),
            "captureShipment": resolve(self.capture, shipment=None, paymentHistoryEntries=[]),
            "updateShipment": resolve(self.update, shipment=None),
            "completeShipment": resolve(self.complete, shipment=None),
            "deleteShipment": resolve(self.delete),
        }

    def create(self, asked: Doc) -> Doc:
        """A capture that fails is only a warning: the shipment is there."""
        wish = drop_nulls(asked["input"])
        order = self._visit.get_order(wish["order"], "input", "order")
        before = order["status"]
        shipment, failure = ship.create(self._desk, order, self._read_plan(order, wish))
        keep_order(self._desk, order, before, own=False)
        warnings = (say(failure, "input", "capture"),) if failure else ()
        return answer(warnings=warnings, shipment=self._visit.show_shipment(order, shipment))

    def capture(self, asked: Doc) -> Doc:
        """One that fails is an error, and in the payment history all the same."""
        order, shipment = self._find(asked["id"])
        outcome = capture.capture_shipment(self._desk, order, shipment)
        if not outcome.refusal:
            self._desk.tell(shipment, "UPDATED", "update")
        keep_order(self._desk, order, order["status"], own=False)
        shown = None if outcome.refusal else self._visit.show_shipment(order, shipment)
        errors = [say(outcome.refusal, "id")] if outcome.refusal else []
        return answer(*errors, shipment=shown, **self._visit.show_entries(order, outcome.entries))

    def update(self, asked: Doc) -> Doc:
        order, shipment = self._find(asked["id"])
        wish = drop_nulls(asked["input"])
        names = {"additionalMessage": "message", "isGoodToGo": "good_to_go", "isPaid": "paid"}
        change = {name: wish[theirs] for theirs, name in names.items() if theirs in wish}
        if "shipmentInfo" in wish:
            change["info"] = _read_info(order, wish["shipmentInfo"])
        if "shipmentMethod" in wish:
            change["method"] = wish["shipmentMethod"]["pluginId"]
        if "paidValue" in wish:
            change["paid_value"] = str(read_money(wish["paidValue"], order["currency"], "input", "paidValue"))
        external = wish.get("externalId")
        if external is not None and not 1 <= len(external) <= external_ids.LONGEST:
            raise RefusedError("externalId must have 1 to 255 characters", "input", "externalId")
        ship.update(self._desk, shipment, change)
        if external is not None:
            integration = self._visit.grant.integration
            external_ids.map_shipment(self._desk.change, integration, external, shipment["id"])
        keep_order(self._desk, order, order["status"], own=False)
        return answer(shipment=self._visit.show_shipment(order, shipment))

    def complete(self, asked: Doc) -> Doc:
        order, shipment = self._find(asked["id"])
        before = order["status"]
        ship.complete(self._desk, order, shipment, self._read_plan(order, drop_nulls(asked["input"])))
        keep_order(self._desk, order, before, own=False)
        return answer(shipment=self._visit.show_shipment(order, shipment))

    def delete(self, asked: Doc) -> Doc:
        order, shipment = self._find(asked["id"])
        before = order["status"]
        ship.delete(self._desk, order, shipment)
        keep_order(self._desk, order, before, own=False)
        return answer()

    def _find(self, id_: int) -> tuple[Doc, Doc]:
        order, shipment = find_shipment(self._desk.change, id_)
        if self._visit.find_order(order["number"]) is None:
            raise RefusedError(f"Shipment {id_} not found", "id")
        return order, shipment

    def _read_plan(self, order: Doc, wish: Doc) -> ship.Plan:
        return ship.Plan(
            [(row["orderLine"]["id"], row["quantity"]) for row in wish.get("lines", ())],
            good_to_go=wish.get("isGoodToGo", False),
            paid=wish.get("isPaid", False),
            capture=wish.get("capture", False),
            allocate_demand=wish.get("allocateDemand", False),
            send_email=wish.get("sendEmail", False),
            created_at=self._read_moment(wish.get("createdAt")),
            shipped_at=self._read_moment(wish.get("shippedAt")),
            info=_read_info(order, wish.get("shipmentInfo", {})),
            message=wish.get("additionalMessage"),
            method=wish.get("shipmentMethod", {}).get("pluginId"),
        )

    def _read_moment(self, text: Any) -> str | None:
        return None if text is None else dates.read(str(text), self._visit.zone, self._visit.now)


def _read_info(order: Doc, raw: Doc) -> Doc:
    info = drop_nulls(raw)
    path = ("input", "shipmentInfo")
    if info.get("packagesNumber", 0) < 0:
        raise RefusedError("packagesNumber must not be negative", *path, "packagesNumber")
    if "internalShippingCost" in info:
        cost = read_money(info["internalShippingCost"], order["currency"], *path, "internalShippingCost")
        info["internalShippingCost"] = str(cost)
    return info
