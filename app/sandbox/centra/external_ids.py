"""Ids that an integration gave to shipments: unique on both sides, and the newer mapping wins (centra.md 9)."""

from collections.abc import Iterable

from app.sandbox.mirror import Doc, View
from app.sandbox.store import Change

EXTERNAL_ID = "centra.external_id"
LONGEST = 255


def map_shipment(change: Change, integration: str, external: str, shipment: int) -> None:
    for old in _find(change, integration, shipment):
        change.delete(EXTERNAL_ID, _key(integration, old["external"]))
    doc = {"integration": integration, "external": external, "shipment": shipment}
    change.put(EXTERNAL_ID, _key(integration, external), doc)


def read_external_id(view: View, integration: str, shipment: int) -> str | None:
    return next((str(one["external"]) for one in _find(view, integration, shipment)), None)


def find_shipments(view: View, integration: str, externals: Iterable[str]) -> set[int]:
    known = (view.get(EXTERNAL_ID, _key(integration, external)) for external in externals)
    return {int(one["shipment"]) for one in known if one is not None}


def _find(view: View, integration: str, shipment: int) -> list[Doc]:
    return view.find(EXTERNAL_ID, shipment=shipment, integration=integration)


def _key(integration: str, external: str) -> str:
    return f"{integration}/{external}"
