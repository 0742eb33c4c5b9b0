"""The roots that change an order itself (centra.md 3.5)."""

from collections.abc import Callable
from typing import Any

from app.sandbox.centra import amend, capture, catalogue
from app.sandbox.centra.desk import RefusedError, keep_order
from app.sandbox.centra.payload import Mutate, answer, drop_nulls, read_money, resolve, say
from app.sandbox.centra.shop import CONSUMER, WHOLESALE, find_store
from app.sandbox.centra.update import update_order
from app.sandbox.centra.visit import Visit
from app.sandbox.mirror import Doc

LOCK = "Order.isLocked:write"
"""Who may lock orders may also change those that are locked."""


class OrderMutations:
    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._desk = visit.desk

    def roots(self) -> dict[str, Any]:
        return {
            "setOrdersLock": resolve(self.lock, orders=[]),
            "confirmOrder": resolve(self.confirm, order=None),
            "captureOrder": resolve(self.capture, order=None, paymentHistoryEntries=[]),
            "updateDirectToConsumerOrder": resolve(self._update_of(CONSUMER), order=None),
            "updateWholesaleOrder": resolve(self._update_of(WHOLESALE), order=None),
            "cancelDirectToConsumerOrder": resolve(self._cancel_of(CONSUMER), order=None),
            "cancelWholesaleOrder": resolve(self._cancel_of(WHOLESALE), order=None),
        }

    def lock(self, asked: Doc) -> Doc:
        """All that are named, or none."""
        wish = asked["input"]
        orders = [self._visit.get_order(one, "input", "order") for one in wish["orders"]]
        for order in orders:
            amend.lock(self._desk, order, {"locked": wish["isLocked"]})
            keep_order(self._desk, order, order["status"])
        return answer(orders=[self._visit.show_order(order) for order in orders])

    def confirm(self, asked: Doc) -> Doc:
        order = self._visit.get_order(asked["input"]["order"], "input", "order")
        return self._change(order, lambda: amend.confirm(self._desk, order, {}))

    def capture(self, asked: Doc) -> Doc:
        """One that fails is an error, and in the payment history all the same."""
        order = self._visit.get_order(asked["order"], "order")
        outcome = capture.capture_order(self._desk, order)
        keep_order(self._desk, order, order["status"], own=False)
        errors = [say(outcome.refusal, "order")] if outcome.refusal else []
        shown = None if outcome.refusal else self._visit.show_order(order)
        return answer(*errors, order=shown, **self._visit.show_entries(order, outcome.entries))

    def _update_of(self, kind: str) -> Mutate:
        def update(asked: Doc) -> Doc:
            order = self._get_order_of(kind, asked["order"], "order")
            if order["locked"] and LOCK not in self._visit.grant.permissions:
                raise RefusedError(f"Order {order['number']} is locked.", "order")
            wish = drop_nulls(asked["input"])
            wish["added"] = [
                self._read_added(order, place, one) for place, one in enumerate(wish.get("addLines", ()))
            ]
            return self._change(order, lambda: update_order(self._desk, order, wish))

        return update

    def _cancel_of(self, kind: str) -> Mutate:
        def cancel(asked: Doc) -> Doc:
            order = self._get_order_of(kind, {"id": asked["id"]}, "id")
            wish = asked["input"]
            if wish.get("cancelAuthorization"):
                self._visit.need("Payment.cancel:write", "cancelAuthorization")
            plain = {
                "remove": _read_policy(wish["stockAction"]),
                "cancel_authorization": wish.get("cancelAuthorization"),
                "mail": wish["emailOptions"].get("sendEmail"),
            }
            before = order["status"]
            outcome = amend.cancel(self._desk, order, plain)
            order["cancellation_comment"] = wish.get("comment")
            keep_order(self._desk, order, before)
            warnings = (say(outcome.refusal, "input", "cancelAuthorization"),) if outcome.refusal else ()
            entry = self._visit.show_entries(order, outcome.entries)["paymentHistoryEntry"]
            shown = self._visit.show_order(order)
            return answer(warnings=warnings, order=shown, paymentHistoryEntry=entry)

        return cancel

    def _change(self, order: Doc, act: Callable[[], None]) -> Doc:
        before = order["status"]
        act()
        keep_order(self._desk, order, before)
        return answer(order=self._visit.show_order(order))

    def _get_order_of(self, kind: str, wish: Doc, *path: str) -> Doc:
        order = self._visit.get_order(wish, *path)
        if find_store(order["store"]).type != kind:
            raise RefusedError(f"Order {order['number']} not found", *path)
        return order

    def _read_added(self, order: Doc, place: int, row: Doc) -> Doc:
        path = ("input", "addLines", str(place))
        if row["quantity"] < 1:
            raise RefusedError("quantity must be greater than 0", *path, "quantity")
        size = catalogue.find_size(self._desk.change, row["productSize"])
        if isinstance(size, str):
            raise RefusedError(size, *path, "productSize")
        currency = order["currency"]
        price = read_money(row["unitPrice"], currency, *path, "unitPrice")
        added = {"sku": size["sku"], "quantity": row["quantity"], "price": str(price)}
        if row.get("unitOriginalPrice") is not None:
            added["original_price"] = str(read_money(row["unitOriginalPrice"], currency, *path))
        return added


def _read_policy(policy: Doc) -> bool:
    """Whether the units leave the stock for good. Raises RefusedError."""
    given = [name for name, chosen in policy.items() if chosen]
    if len(given) != 1:
        raise RefusedError("Exactly one field must be set", "input", "stockAction")
    return given == ["removeItemsFromStock"]
