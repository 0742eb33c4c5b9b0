"""The roots that change. What Centra would refuse is a user error in an answer of 200; then nothing has changed."""

from typing import Any

from app.sandbox.centra import amend, announce, catalogue, shop
from app.sandbox.centra.place import ORDER
from app.sandbox.centra.queries import Visit, show_listeners
from app.sandbox.mirror import Doc

SETTLED = "centra.stock_change"


def say(message: str, *path: str) -> Doc:
    return {"message": message, "path": list(path)}


def answer(*errors: Doc, warnings: tuple[Doc, ...] = (), **fields: Any) -> Doc:
    return {"userErrors": list(errors), "userWarnings": list(warnings), **fields}


class Mutations:
    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._change = visit.change

    def roots(self) -> dict[str, Any]:
        return {
            "confirmEvents": self.confirm_events,
            "setEventListeners": self.listen,
            "unsetEventListeners": self.stop_listening,
            "setOrdersLock": self.lock,
            "confirmOrder": self.confirm,
            "setStock": self.set_stock,
        }

    def confirm_events(self, _: Any, *, input: Doc) -> Doc:  # noqa: A002 - the argument's name in the schema
        """Of the integration's own queue, and only what the token may see; what becomes of other ids is a switch."""
        grant = self._visit.grant
        known = [self._change.get(announce.EVENT, f"{number:012d}") for number in input["eventsIds"]]
        own = [one for one in known if one and one["integration"] == grant.integration and grant.sees(one)]
        if len(own) < len(known) and self._visit.switches["centra.confirm_unknown_event"] == "refuse":
            return answer(say("Event not found", "input", "eventsIds"))
        for event in own:
            self._change.delete(announce.EVENT, f"{event['id']:012d}")
        return answer()

    def listen(self, _: Any, *, input: list[Doc]) -> Doc:  # noqa: A002 - as above
        """Additive, and the same again changes nothing (centra.md 6)."""
        for wish in input:
            kind, key = wish["objectType"], self._listener_key(wish)
            known = self._change.get(announce.LISTENER, key)
            heard = set(known["change_types"] if known else ()) | set(_change_types(wish))
            self._keep_listener(key, kind, heard)
        return answer(eventListeners=show_listeners(self._visit))

    def stop_listening(self, _: Any, *, input: list[Doc]) -> Doc:  # noqa: A002 - as above
        for wish in input:
            kind, gone = wish["objectType"], set(_change_types(wish))
            key = self._listener_key(wish)
            known = self._change.get(announce.LISTENER, key)
            if known is not None:
                self._keep_listener(key, kind, set(known["change_types"]) - gone)
            for event in self._change.find(announce.EVENT, integration=self._visit.grant.integration):
                if event["object_type"] == kind and event["change_type"] in gone:
                    self._change.delete(announce.EVENT, f"{event['id']:012d}")
        return answer(eventListeners=show_listeners(self._visit))

    def lock(self, _: Any, *, input: Doc) -> Doc:  # noqa: A002 - as above
        found = [self._find_order(wish) for wish in input["orders"]]
        errors = [one for one in found if "message" in one]
        if errors:
            return answer(*errors, orders=[])
        locked = [self._amend(order, "lock", {"locked": input["isLocked"]}) for order in found]
        return answer(orders=[self._visit.show_order(order) for order in locked])

    def confirm(self, _: Any, *, input: Doc) -> Doc:  # noqa: A002 - as above
        order = self._find_order(input["order"])
        if "message" in order:
            return answer(order)
        if order["status"] != "PENDING":
            return answer(say(f"Order {order['number']} is not pending.", "input", "order"))
        return answer(order=self._visit.show_order(self._amend(order, "confirm", {})))

    def set_stock(self, _: Any, *, input: Doc) -> Doc:  # noqa: A002 - as above
        """One bad row and nothing is applied; switched, the bad rows become warnings."""
        warehouse = input["warehouse"]["id"]
        if warehouse not in shop.WAREHOUSES:
            return answer(say(f"Warehouse {warehouse} not found", "input", "warehouse"), stockChanges=[])
        rows = [self._read_row(place, row, warehouse) for place, row in enumerate(input["productSizes"])]
        bad = [row for row in rows if "message" in row]
        if bad and self._visit.switches["centra.set_stock_unknown"] == "error":
            return answer(*bad, stockChanges=[])
        for row in rows:
            if "sku" in row:
                catalogue.shelve(self._change, row["sku"], warehouse, row["quantity"])
        number = self._change.next_id(SETTLED, 44101)
        self._change.put(SETTLED, number, {"id": number, "description": input["description"]})
        return answer(warnings=tuple(bad), stockChanges=[{"id": number}])

    def _read_row(self, place: int, row: Doc, warehouse: int) -> Doc:
        path = ("input", "productSizes", str(place))
        given = {name: value for name, value in row["productSize"].items() if value is not None}
        if len(given) != 1:
            return say("Exactly one field must be set", *path, "productSize")
        name, value = next(iter(given.items()))
        found = self._find_sizes(name, value)
        if len(found) != 1:
            return say(
                f"ProductSize with {name} {value} " + ("not found" if not found else "is not unique"), *path
            )
        if row["quantity"] < 0:
            return say("quantity must not be negative", *path, "quantity")
        allocated = catalogue.read_stock(self._change, found[0]["sku"], warehouse)["allocated"]
        if (
            row["quantity"] < allocated
            and self._visit.switches["centra.set_stock_below_allocated"] == "error"
        ):
            return say(f"quantity is below the {allocated} allocated", *path, "quantity")
        return {"sku": found[0]["sku"], "quantity": max(row["quantity"], allocated)}

    def _find_sizes(self, name: str, value: Any) -> list[Doc]:
        for field in ("sku", "ean", "upc") if name == "any" else (name.lower(),):
            found = self._change.find(catalogue.SIZE, **{field: value})
            if found:
                return found
        return []

    def _find_order(self, wish: Doc) -> dict[str, Any]:
        """The order, or the user error."""
        given = {name: value for name, value in wish.items() if value is not None}
        if len(given) != 1:
            return say("Exactly one field must be set", "input", "order")
        found = next(iter(self._change.find(ORDER, **given)), None)
        if found is None or self._visit.find_order(found["number"]) is None:
            return say(f"Order {next(iter(given.values()))} not found", "input", "order")
        return found

    def _amend(self, order: Doc, act: str, wish: Doc) -> Doc:
        return amend.amend(self._change, order["number"], act, wish, self._visit.now)

    def _listener_key(self, wish: Doc) -> str:
        return f"{self._visit.grant.integration}/{wish['objectType']}"

    def _keep_listener(self, key: str, kind: str, heard: set[str]) -> None:
        if not heard:
            self._change.delete(announce.LISTENER, key)
            return
        types = [one for one in announce.CHANGE_TYPES if one in heard]
        doc = {"integration": self._visit.grant.integration, "object_type": kind, "change_types": types}
        self._change.put(announce.LISTENER, key, doc)


def _change_types(wish: Doc) -> tuple[str, ...]:
    return tuple(wish.get("changeTypes") or announce.CHANGE_TYPES)
