"""The roots that change the events queue and the stock."""

from typing import Any

from app.sandbox.centra import announce, catalogue, shop
from app.sandbox.centra.payload import answer, say
from app.sandbox.centra.queries import show_listeners
from app.sandbox.centra.visit import Visit
from app.sandbox.mirror import Doc

SETTLED = "centra.stock_change"


class Mutations:
    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._change = visit.change

    def roots(self) -> dict[str, Any]:
        return {
            "confirmEvents": self.confirm_events,
            "setEventListeners": self.listen,
            "unsetEventListeners": self.stop_listening,
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
        size = catalogue.find_size(self._change, row["productSize"])
        if isinstance(size, str):
            return say(size, *path, *(["productSize"] if size == catalogue.ONE_FIELD else []))
        if row["quantity"] < 0:
            return say("quantity must not be negative", *path, "quantity")
        allocated = catalogue.read_stock(self._change, size["sku"], warehouse)["allocated"]
        if (
            row["quantity"] < allocated
            and self._visit.switches["centra.set_stock_below_allocated"] == "error"
        ):
            return say(f"quantity is below the {allocated} allocated", *path, "quantity")
        return {"sku": size["sku"], "quantity": max(row["quantity"], allocated)}

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
