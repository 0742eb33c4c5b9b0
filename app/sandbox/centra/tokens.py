"""Who may ask: bearer tokens, each of one named integration."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.sandbox.centra import dates
from app.sandbox.centra.shop import find_store
from app.sandbox.centra.weigh import FIELD_NEEDS, NEEDS
from app.sandbox.mirror import Doc, View
from app.sandbox.store import Change

TOKEN = "centra.token"  # noqa: S105 - the name of an entity
DAYS = 30
KNOWN = frozenset(
    {*NEEDS.values(), *FIELD_NEEDS.values(), "Payment.cancel:write", "Return:read", "Return:write"}
)


@dataclass(frozen=True, slots=True)
class Grant:
    """`store`: the only one that it sees, or None."""

    integration: str
    permissions: frozenset[str]
    store: int | None

    def sees(self, doc: Doc) -> bool:
        return self.store is None or doc["store"] == self.store


def issue_token(change: Change, wish: dict[str, Any], now: datetime) -> Doc:
    """`wish`: integration, permissions (default: every one known here), store, days (30, the vendor's default), token.
    Raises ValueError.
    """
    permissions = wish.get("permissions", sorted(KNOWN))
    unknown = set(permissions) - KNOWN
    if unknown or not permissions:
        raise ValueError(f"permissions: at least one of {', '.join(sorted(KNOWN))}")
    if wish.get("store") is not None:
        find_store(wish["store"])
    doc = {
        "token": wish.get("token") or secrets.token_hex(16),
        "integration": wish["integration"],
        "permissions": permissions,
        "store": wish.get("store"),
        "expires_at": dates.keep(now + timedelta(days=wish.get("days", DAYS))),
    }
    change.put(TOKEN, doc["token"], doc)
    return doc


def authenticate(view: View, header: str, now: datetime) -> Grant | None:
    scheme, _, token = header.partition(" ")
    doc = view.get(TOKEN, token.strip()) if scheme.lower() == "bearer" else None
    if doc is None or doc["expires_at"] <= dates.keep(now):
        return None
    return Grant(doc["integration"], frozenset(doc["permissions"]), doc["store"])
