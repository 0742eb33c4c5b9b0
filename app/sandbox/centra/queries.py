"""The roots that read."""

from collections.abc import Iterator
from typing import Any

from app.sandbox.centra import announce, catalogue, filters, shop
from app.sandbox.centra.external_ids import find_shipments
from app.sandbox.centra.present import show_currency, show_market, show_store
from app.sandbox.centra.present_line import show_size
from app.sandbox.centra.visit import Visit
from app.sandbox.mirror import Doc


class Queries:
    def __init__(self, visit: Visit) -> None:
        self._visit = visit

    def roots(self) -> dict[str, Any]:
        return {
            "order": self.order,
            "orders": self.orders,
            "orderConnection": self.connection,
            "shipments": self.shipments,
            "events": self.events,
            "eventListeners": self.listeners,
            "rateLimits": lambda _: self._visit.quota.show(self._visit.now),
            "stores": self.stores,
            "currencies": self.currencies,
            "warehouses": self.warehouses,
            "productSizes": self.sizes,
        }

    def order(self, _: Any, *, id: str) -> Doc | None:  # noqa: A002 - the argument's name in the schema
        for order in self._visit.readable_orders():
            if order["id"] == id:
                return self._visit.show_order(order)
        return None

    def orders(
        self, _: Any, *, limit: int, page: int, where: Doc | None = None, sort: list[str] | None = None
    ) -> list[Doc]:
        found = filters.cut_page(self._select(where, sort), limit, page)
        return [self._visit.show_order(order) for order in found]

    def connection(self, _: Any, **asked: Any) -> Doc:
        found = self._select(asked.get("where"), asked.get("sort") or ["number_ASC"])
        low, high = self._window(found, asked)
        shown = found[low:high]
        cursors = [filters.write_cursor(order) for order in shown]
        return {
            "totalCount": len(found),
            "pageInfo": {
                "hasNextPage": high < len(found),
                "hasPreviousPage": low > 0,
                "startCursor": cursors[0] if cursors else None,
                "endCursor": cursors[-1] if cursors else None,
            },
            "edges": [
                {"cursor": cursor, "node": self._visit.show_order(order)}
                for cursor, order in zip(cursors, shown, strict=True)
            ],
        }

    def shipments(self, _: Any, *, limit: int, page: int, where: Doc | None = None) -> list[Doc]:
        """Oldest first."""
        wanted = dict(where or {})
        external = wanted.pop("externalId", None)
        test = filters.compile_filter(wanted, self._visit.zone, self._visit.now, filters.SHIPMENTS)
        pairs = (
            {"order": order, "shipment": one}
            for order in self._visit.readable_orders()
            for one in order["shipments"]
        )
        if external is not None:
            known = find_shipments(self._visit.change, self._visit.grant.integration, external)
            pairs = (pair for pair in pairs if pair["shipment"]["id"] in known)
        found = sorted((pair for pair in pairs if test(pair)), key=lambda pair: int(pair["shipment"]["id"]))
        return [self._visit.show_shipment(**pair) for pair in filters.cut_page(found, limit, page)]

    def events(self, _: Any, *, limit: int, where: Doc | None = None) -> list[Doc]:
        """Oldest first, until confirmed. Switched off on the server, it answers but holds nothing (centra.md 6)."""
        filters.check_limit(limit)
        if not self._visit.switches["centra.events_enabled"]:
            return []
        shown: list[Doc] = []
        queue = self._visit.change.seek(announce.EVENT, integration=self._visit.grant.integration)
        for event in sorted(queue, key=lambda event: int(event["id"])):
            if self._visit.grant.sees(event) and _matches(event, where or {}):
                shown.append(self._show_event(event))
            if len(shown) == limit:
                break
        return shown

    def listeners(self, _: Any) -> list[Doc]:
        return show_listeners(self._visit)

    def stores(self, _: Any, **page: int) -> list[Doc]:
        seen = [one for one in shop.STORES if self._visit.grant.store in {None, one.id}]
        return [show_store(one) for one in self._cut(seen, **page)]

    def currencies(self, _: Any, *, where: Doc | None = None) -> list[Doc]:
        wanted = (where or {}).get("isBase")
        return [
            show_currency(code) for code in shop.CURRENCIES if wanted in {None, code == shop.BASE_CURRENCY}
        ]

    def warehouses(self, _: Any, **page: int) -> list[Doc]:
        return self._cut([{"id": key, "name": name} for key, name in shop.WAREHOUSES.items()], **page)

    def sizes(self, _: Any, *, where: Doc | None = None, **page: int) -> list[Doc]:
        wanted = where or {}
        found = [
            size
            for size in self._visit.change.seek(catalogue.SIZE)
            if all(size[name.lower()] in values for name, values in wanted.items() if values is not None)
        ]
        return [show_size(self._visit.change, size) for size in self._cut(found, **page)]

    def _select(self, where: Doc | None, sort: list[str] | None) -> list[Doc]:
        wanted = where or {}
        test = filters.compile_filter(wanted, self._visit.zone, self._visit.now)
        hidden = self._visit.switches["centra.held_orders"] == "hidden" and wanted.get("isOnHold") is None
        if wanted.get("number") and "number" not in (wanted.get("negate") or ()):
            known = (self._visit.find_order(number) for number in dict.fromkeys(wanted["number"]))
            candidates: Iterator[Doc] = (order for order in known if order is not None)
        else:
            candidates = self._visit.readable_orders()
        found = (order for order in candidates if test(order) and not (hidden and order["hold"] is not None))
        return filters.sort_orders(found, sort)

    def _window(self, found: list[Doc], asked: Doc) -> tuple[int, int]:
        """Of the sorted list, `after` and `before` by where the cursor's order stands."""
        places = {order["number"]: place for place, order in enumerate(found)}
        low, high = 0, len(found)
        if asked.get("after"):
            low = places.get(filters.read_cursor(asked["after"]), -1) + 1
        if asked.get("before"):
            high = places.get(filters.read_cursor(asked["before"]), len(found))
        for name in ("first", "last"):
            if asked.get(name) is not None:
                filters.check_limit(asked[name], name)
        if asked.get("last") is not None:
            return max(low, high - int(asked["last"])), high
        return low, min(high, low + int(asked.get("first") or 20))

    def _show_event(self, event: Doc) -> Doc:
        visit = self._visit

        order = visit.find_order(event["order"])

        def current(_: Any) -> Doc | None:
            if order is None or event["object_type"] == "Order":
                return None if order is None else visit.show_order(order)
            shipments = (one for one in order["shipments"] if one["id"] == event["reference"])
            return next((visit.show_shipment(order, one) for one in shipments), None)

        if order is not None and event["object_type"] == "Order":
            visit.returned[order["number"]] = order
        return {
            "id": event["id"],
            "objectType": event["object_type"],
            "changeType": event["change_type"],
            "objectReference": event["reference"],
            "createdAt": visit.presenter.date(event["created_at"]),
            "store": show_store(shop.find_store(event["store"])),
            "market": show_market(event["store"]),
            "object": current,
        }

    def _cut(self, items: list[Any], *, limit: int, page: int) -> list[Any]:
        return filters.cut_page(items, limit, page)


def show_listeners(visit: Visit) -> list[Doc]:
    return [
        {"objectType": one["object_type"], "changeTypes": one["change_types"]}
        for one in visit.change.find(announce.LISTENER, integration=visit.grant.integration)
    ]


def _matches(event: Doc, where: Doc) -> bool:
    values = {
        "objectType": event["object_type"],
        "changeType": event["change_type"],
        "storeId": event["store"],
        "marketId": show_market(event["store"])["id"],
    }
    return all(values[name] in wanted for name, wanted in where.items() if wanted is not None)
