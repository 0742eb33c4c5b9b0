"""A hint from Centra, however it came: one kind of draft for webhook, events queue and sweep."""

from typing import Any

from app.domain import message
from app.domain.message import Draft, MessageClass, Owner, Violation

KNOWN_TYPES = frozenset({"order", "shipment", "customer", "account", "return"})


def notice(connection: str, key: str, body: dict[str, Any], raw: bytes | None = None) -> Draft:
    """`body` holds type, action, id, date and via, whichever way it came; types that we do not know are kept too."""
    kind = body["type"] if body["type"] in KNOWN_TYPES else "other"
    return Draft(
        kind=f"centra.{kind}",
        cls=MessageClass.NOTICE,
        destination=f"centra:{connection}",
        source=connection,
        key=f"centra/{connection}/{key}",
        order_ref=str(body["id"]) if kind == "order" else None,
        body=body,
        raw=raw,
    )


def unreadable(connection: str, key: str, wrong: str, raw: bytes) -> Draft:
    """`wrong` names fields and holds no value: values may be personal."""
    fix = "read the stored event; the sweep finds the order whatever it meant"
    return message.unreadable(
        f"centra:{connection}", key, raw, Violation("E-UNREADABLE", f"event: {wrong}", "", fix, Owner.SRE)
    )
