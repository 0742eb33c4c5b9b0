"""Tells the world of a change: webhooks that wait for their sender, and the events queue of every integration."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from app.sandbox.centra import dates
from app.sandbox.mirror import Doc
from app.sandbox.store import Change

PLUGIN = "centra.plugin"
OUTBOUND = "centra.outbound"
EVENT = "centra.event"
LISTENER = "centra.listener"
CHANGE_TYPES = ("CREATED", "UPDATED", "COMPLETED", "DELETED", "DEPENDENT_DATA_CHANGED")


@dataclass(frozen=True, slots=True)
class News:
    """Of a shipment. `words`: the actions of its webhook events, several or none."""

    shipment: Doc
    change_type: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Notice:
    """`kind`: order or shipment. `id`: as a webhook says it. `reference`: as an event does."""

    kind: str
    change_type: str
    id: int
    reference: int
    at: str


def announce_order(change: Change, order: Doc, change_type: str, at: str) -> None:
    notice = Notice("order", change_type, order["number"], order["number"], at)
    for plugin in _listening_plugins(change, order, "order"):
        created = change_type == "CREATED"
        _queue_webhook(change, order, plugin, notice, plugin["created_action"] if created else "update")
    _queue_events(change, order, notice)


def announce_shipment(change: Change, order: Doc, news: News, *, at: str, by_order: bool) -> None:
    """`by_order`: webhooks name the order's number, not the shipment's id (centra.md 13.2)."""
    own = news.shipment["id"]
    notice = Notice("shipment", news.change_type, order["number"] if by_order else own, own, at)
    for plugin in _listening_plugins(change, order, "shipment"):
        for word in news.words:
            _queue_webhook(change, order, plugin, notice, word)
    _queue_events(change, order, notice)


def _listening_plugins(change: Change, order: Doc, kind: str) -> list[Doc]:
    plugins = change.seek(PLUGIN)
    return [one for one in plugins if one["store"] == order["store"] and kind in one["triggers"]]


def _queue_webhook(change: Change, order: Doc, plugin: Doc, notice: Notice, action: str) -> None:
    """Ids are padded: documents come back in text order."""
    number = change.next_id(OUTBOUND)
    doc = {
        "seq": number,
        "plugin": plugin["id"],
        "type": notice.kind,
        "action": action,
        "date": notice.at,
        "id": notice.id,
        "order": order["number"],
    }
    change.put(OUTBOUND, f"{number:012d}", doc)


def _queue_events(change: Change, order: Doc, notice: Notice) -> None:
    """One for every integration that listens, of whatever this notice is about."""
    kind = notice.kind.capitalize()
    for listener in list(change.seek(LISTENER)):
        if listener["object_type"] != kind or notice.change_type not in listener["change_types"]:
            continue
        number = change.next_id(EVENT, 118201)
        doc = {
            "id": number,
            "integration": listener["integration"],
            "object_type": kind,
            "change_type": notice.change_type,
            "reference": notice.reference,
            "order": order["number"],
            "created_at": notice.at,
            "store": order["store"],
        }
        change.put(EVENT, f"{number:012d}", doc)


def show_outbound(event: Doc, zone: ZoneInfo) -> Doc:
    return {
        "type": event["type"],
        "action": event["action"],
        "date": dates.show_webhook(event["date"], zone),
        "id": event["id"],
    }
