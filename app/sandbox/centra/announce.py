"""Tells the world of a change: webhooks that wait for their sender, and the events queue of every integration."""

from zoneinfo import ZoneInfo

from app.sandbox.centra import dates
from app.sandbox.mirror import Doc
from app.sandbox.store import Change

PLUGIN = "centra.plugin"
OUTBOUND = "centra.outbound"
EVENT = "centra.event"
LISTENER = "centra.listener"
CHANGE_TYPES = ("CREATED", "UPDATED", "COMPLETED", "DELETED", "DEPENDENT_DATA_CHANGED")


def announce_order(change: Change, order: Doc, change_type: str) -> None:
    """`change_type`: CREATED, UPDATED or COMPLETED. Ids are padded: documents come back in text order."""
    for plugin in change.seek(PLUGIN):
        if plugin["store"] == order["store"] and "order" in plugin["triggers"]:
            _queue_webhook(change, order, plugin, created=change_type == "CREATED")
    for listener in list(change.seek(LISTENER)):
        if listener["object_type"] == "Order" and change_type in listener["change_types"]:
            _queue_event(change, order, listener["integration"], change_type)


def _queue_webhook(change: Change, order: Doc, plugin: Doc, *, created: bool) -> None:
    number = change.next_id(OUTBOUND)
    doc = {
        "seq": number,
        "plugin": plugin["id"],
        "type": "order",
        "action": plugin["created_action"] if created else "update",
        "date": order["updated_at"],
        "id": order["number"],
    }
    change.put(OUTBOUND, f"{number:012d}", doc)


def _queue_event(change: Change, order: Doc, integration: str, change_type: str) -> None:
    number = change.next_id(EVENT, 118201)
    doc = {
        "id": number,
        "integration": integration,
        "object_type": "Order",
        "change_type": change_type,
        "reference": order["number"],
        "created_at": order["updated_at"],
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
