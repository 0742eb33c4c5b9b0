"""One document being answered: who asks, what it may see, and what it has been shown."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from graphql import GraphQLError

from app.sandbox.centra import dates
from app.sandbox.centra.desk import Desk, RefusedError
from app.sandbox.centra.present import Presenter
from app.sandbox.centra.quota import Quota
from app.sandbox.centra.shop import ORDER
from app.sandbox.centra.tokens import Grant
from app.sandbox.mirror import Doc
from app.sandbox.store import Change


@dataclass
class Visit:
    """`returned` collects the orders that the answer holds. `behind`: those that are read as a replica has them, by number."""

    change: Change
    grant: Grant
    zone: ZoneInfo
    now: datetime
    quota: Quota
    presenter: Presenter
    switches: Any
    desk: Desk
    behind: Mapping[int, Doc | None] = field(default_factory=dict)
    returned: dict[int, Doc] = field(default_factory=dict)

    def show_order(self, order: Doc) -> Doc:
        self.returned[order["number"]] = order
        return self.presenter.show(order)

    def show_shipment(self, order: Doc, shipment: Doc) -> Doc:
        shown = self.presenter.show_shipment(order, shipment)
        return {**shown, "order": lambda _: self.show_order(order)}

    def show_entries(self, order: Doc, entries: list[Doc]) -> Doc:
        """Of a capture's payload: all of its entries, and the last one by itself."""
        shown = [self.presenter.show_payment(one, order) for one in entries]
        return {"paymentHistoryEntry": shown[-1] if shown else None, "paymentHistoryEntries": shown}

    def need(self, permission: str, field_name: str) -> None:
        """Of an input's field, which is found too late to be weighed."""
        if permission not in self.grant.permissions:
            message = f"You need {permission} permission to access {field_name}."
            raise GraphQLError(message, extensions={"category": "authorization"})

    def readable_orders(self) -> Iterator[Doc]:
        moment = dates.keep(self.now)
        for kept in self.change.seek(ORDER):
            order = self.behind.get(kept["number"], kept)
            if order is not None and self.grant.sees(order) and (order["readable_at"] or "") <= moment:
                yield order

    def find_order(self, number: int) -> Doc | None:
        order = self.behind.get(number, self.change.get(ORDER, number))
        if order is None or not self.grant.sees(order) or (order["readable_at"] or "") > dates.keep(self.now):
            return None
        return order

    def get_order(self, wish: Doc, *path: str) -> Doc:
        """By an OrderInput, to be changed. Raises RefusedError."""
        given = {name: value for name, value in wish.items() if value is not None}
        if len(given) != 1:
            raise RefusedError("Exactly one field must be set", *path)
        found = next(iter(self.change.find(ORDER, **given)), None)
        if found is None or self.find_order(found["number"]) is None:
            raise RefusedError(f"Order {next(iter(given.values()))} not found", *path)
        return found
