"""Tells a retailer of a despatch (virtualstock.md 6.4, 6.5). The lines' statuses are read first: what is dispatched already is
not told again, so that a repeat, or a call that was applied in part, comes to the same (RC-23).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError

from app.connectors.virtualstock.orders import path_of, read_order
from app.connectors.virtualstock.payloads import Carrier, WireItem
from app.connectors.virtualstock.poll import Source
from app.domain.channel import Begin, Shipment
from app.domain.errors import InDoubtError, PermanentError, SnoozeError, TransientError

NEW, DONE = "ORDER", "DISPATCH"
OPEN = frozenset({"ORDER_ACK", "BACKORDER", "CANCEL"})
NEW_SECONDS = 30.0
KEPT = timedelta(hours=1)


async def ship(told: Shipment, begin: Begin, *, source: Source, carriers: "Carriers") -> bool:
    """Whether anything was still to tell."""
    wire = await read_order(source, told.channel_id)
    lines = {item.line_reference: item for item in wire.items}
    left = [(ref, units) for ref, units in told.parcel.lines if _is_open(lines.get(ref), ref, told)]
    if not left:
        return False
    parts = [ref for ref, units in left if units < told.ordered.get(ref, 0)]
    if told.again and parts:
        raise InDoubtError(
            f"a part of line {', '.join(parts)} may have been told before; no read shows how much"
        )
    await carriers.check(told.parcel.carrier)
    await begin()
    items = [_item(lines[ref], units, told) for ref, units in left]
    await source.client.send("POST", f"{path_of(told.channel_id)}dispatch/?format=json", {"items": items})
    return True


def _is_open(item: WireItem | None, ref: str, told: Shipment) -> bool:
    """A line may be shown as dispatched once a part of it is (virtualstock.md 12.5): what was told says whether more may
    follow. Where nothing was told, somebody dispatched it by hand.
    """
    if item is None:
        raise PermanentError("E-LINE-UNKNOWN", f"Virtualstock has no line {ref} in this order")
    if item.status == NEW:
        raise SnoozeError("the order is not acknowledged yet", NEW_SECONDS)
    if item.status != DONE and item.status not in OPEN:
        raise PermanentError("E-VS-REFUSED", f"line {ref} is {item.status}: it cannot be dispatched")
    return item.status != DONE or told.told.get(ref, 0) > 0


def _item(item: WireItem, units: int, told: Shipment) -> dict[str, Any]:
    parcel = told.parcel
    body = {
        "part_number": item.part_number,
        "line_ref": item.line_reference,
        "quantity": units,
        "supplier_dispatch_date": parcel.day.isoformat(),
        "carrier": parcel.carrier,
        "tracking_number": parcel.tracking,
    }
    return body | ({"tracking_url": parcel.tracking_url} if parcel.tracking_url else {})


@dataclass(slots=True)
class Carriers:
    """The platform's list of slugs, which changes; a missing one is looked for once more before it is missed (R-46)."""

    source: Source
    clock: Callable[[], datetime]
    _slugs: frozenset[str] = frozenset()
    _at: datetime | None = None

    async def check(self, slug: str) -> None:
        """Raises PermanentError where the live list lacks it: the mapping's fault, not the note's."""
        if slug not in self._slugs or self._at is None or self.clock() - self._at > KEPT:
            self._slugs, self._at = await self.read(), self.clock()
        if slug not in self._slugs:
            fix = "it is not among Virtualstock's carriers: correct its mapping"
            raise PermanentError("E-CARRIER-GONE", f"{slug}: {fix}", "carriers")

    async def read(self) -> frozenset[str]:
        """As they are listed now: bare, unlike the other lists."""
        answer = await self.source.client.get("restapi/v4/order-tracking-carriers/", {"format": "json"})
        try:
            return frozenset(Carrier.model_validate(row).slug for row in answer or ())
        except (ValidationError, TypeError) as error:
            raise TransientError("carriers: not the shape of the list") from error
