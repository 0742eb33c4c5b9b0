"""What of an order names no person. A new field stays hidden until it is put here."""

from collections.abc import Mapping
from typing import Any

IMPERSONAL = frozenset(
    {
        "connection",
        "ref",
        "channel_id",
        "standing",
        "hold_reason",
        "channel_status",
        "placed_at",
        "updated_at",
        "store",
        "market",
        "currency",
        "country",
        "lines",
        "charges",
        "discount",
        "totals",
        "tax_included",
        "wholesale",
        "payment_method",
        "paused",
    }
)


def impersonal(snapshot: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in snapshot.items() if name in IMPERSONAL}
