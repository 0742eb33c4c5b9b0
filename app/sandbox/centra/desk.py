"""Where something happens to an order, what may be refused there, and how it is kept and told."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.sandbox.centra import dates
from app.sandbox.centra.announce import News, announce_order, announce_shipment
from app.sandbox.centra.shop import ORDER
from app.sandbox.mirror import Doc
from app.sandbox.store import Change
from app.sandbox.world import World

MAIL = "centra.mail"


class RefusedError(ValueError):
    """Centra's own words; `path` names the argument that they are about."""

    def __init__(self, message: str, *path: str) -> None:
        super().__init__(message)
        self.path = path


@dataclass(frozen=True, slots=True)
class Desk:
    """`news` of shipments waits until their order is kept: the order is told first (centra.md 1.3)."""

    world: World
    change: Change
    now: datetime
    news: list[News] = field(default_factory=list)

    @property
    def moment(self) -> str:
        return dates.keep(self.now)

    def switch(self, name: str) -> Any:
        return self.world.switches[f"centra.{name}"]

    def tell(self, shipment: Doc, change_type: str, *words: str) -> None:
        shipment["updated_at"] = self.moment
        self.news.append(News(shipment, change_type, words))


def keep_order(desk: Desk, order: Doc, before: str, *, own: bool = True) -> None:
    """`before`: its status until now. `own`: the order itself changed, not only a shipment or a payment of it; whether
    those move its `updatedAt`, and what the queue then says, is not public (centra.md 13.8).
    """
    completed = order["status"] == "SHIPPED" and before != "SHIPPED"
    own = own or order["status"] != before
    at = max(desk.moment, order["updated_at"])
    if own or desk.switch("shipment_moves_order"):
        order["updated_at"] = at
    desk.change.put(ORDER, order["number"], order)
    related = "UPDATED" if own else desk.switch("shipment_order_event")
    announce_order(desk.change, order, "COMPLETED" if completed else related, at)
    tell_news(desk, order)


def tell_news(desk: Desk, order: Doc) -> None:
    by_order = desk.switch("shipment_webhook_id") == "order"
    for one in desk.news:
        announce_shipment(desk.change, order, one, at=desk.moment, by_order=by_order)
    desk.news.clear()


def send_mail(desk: Desk, order: Doc, kind: str, shipment: Doc | None = None) -> None:
    """Into history, for whoever counts what a shopper was told. `kind`: confirmation, cancellation or shipment."""
    parties = (order.get("customer"), order.get("buyer"), order["address"])
    number = desk.change.next_id(MAIL)
    doc = {
        "id": number,
        "kind": kind,
        "order": order["number"],
        "to": next((one["email"] for one in parties if one and one.get("email")), None),
        "at": desk.moment,
        "shipment": None if shipment is None else shipment["number"],
        "tracking": None if shipment is None else shipment["info"].get("trackingNumber"),
    }
    desk.change.put(MAIL, number, doc)
