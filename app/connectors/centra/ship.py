"""A despatch becomes a shipment in Centra: created, captured, completed with its tracking (centra.md 4; R-50).

No mutation has a key of ours, so the order's shipments are read before anything is written, and each step is taken only if
it was not taken yet: a repeat goes on where the last try stopped.
"""

from datetime import datetime, time
from typing import Any

from pydantic import Field, ValidationError

from app.connectors.centra.client import perform, query
from app.connectors.centra.documents import (
    CAPTURE_SHIPMENT,
    COMPLETE_SHIPMENT,
    CREATE_SHIPMENT,
    SHIPMENTS,
    Document,
)
from app.connectors.centra.payloads import Id, Text, Wire
from app.connectors.centra.poll import Source
from app.domain.channel import Begin, Shipment
from app.domain.errors import InDoubtError, PermanentError, SnoozeError, TransientError

HELD_SECONDS = 300.0
PENDING_SECONDS = 60.0
NOON = time(12)
CAPTURED = "already captured"
MARK = "Despatch note "


class WireShipment(Wire):
    """`is_paid` and `is_good_to_go` must both hold before it can be completed (centra.md 4)."""

    id: int
    is_good_to_go: bool = False
    is_paid: bool = False
    is_captured: bool = False
    is_shipped: bool = False
    additional_message: Text = ""


class WireShipped(Wire):
    """An order with its shipments."""

    typename: Text = Field(alias="__typename")
    number: Id
    is_on_hold: bool = False
    shipments: tuple[WireShipment, ...] = ()


async def ship(told: Shipment, begin: Begin, *, source: Source) -> bool:
    """Whether anything was still to do. Raises PermanentError(E-CAPTURE-FAILED) where the money could not be taken: the
    shipment stays, and the next try captures and creates nothing.
    """
    order = await _read(told, source)
    found = _match(order, told)
    if found is not None and found.is_shipped:
        return False
    await begin()
    if found is None:
        found = await _create(order, told, source)
    if not found.is_paid and not found.is_captured:
        found = await _capture(found, source)
    if not found.is_paid:
        raise SnoozeError("the payment provider has not answered the capture yet", PENDING_SECONDS)
    await _complete(found, told, source)
    return True


async def _read(told: Shipment, source: Source) -> WireShipped:
    data = await query(source.client, SHIPMENTS, {"where": {"number": [int(told.ref)]}})
    rows = data.get("orders")
    try:
        order = WireShipped.model_validate(rows[0]) if rows else None
    except (ValidationError, TypeError, KeyError) as error:
        raise TransientError("orders: not the shape of the schema") from error
    if order is None:
        raise PermanentError("E-CENTRA-ORDER-GONE", "Centra does not show the order any more")
    if order.is_on_hold:
        raise SnoozeError("the order is on hold in Centra", HELD_SECONDS)
    return order


def _mark(told: Shipment) -> str:
    """Written with the shipment itself, so that no crash comes between the two; the shopper may read it."""
    return f"{MARK}{told.parcel.note}"


def _match(order: WireShipped, told: Shipment) -> WireShipment | None:
    """The shipment of this note: two notes may share a tracking number, and a number may be corrected. Raises InDoubtError
    for a part that may be there without our seeing it yet: Centra would take it twice.
    """
    found = next((one for one in order.shipments if one.additional_message == _mark(told)), None)
    parts = [ref for ref, units in told.parcel.lines if units < told.ordered.get(ref, 0)]
    if found is None and told.again and parts:
        raise InDoubtError(f"a part of line {', '.join(parts)} may have been shipped; no read shows it")
    return found


async def _create(order: WireShipped, told: Shipment, source: Source) -> WireShipment:
    """Wholesale orders are paid by invoice: nothing is captured for them."""
    wholesale = order.typename == "WholesaleOrder"
    lines = [{"orderLine": {"id": int(ref)}, "quantity": units} for ref, units in told.parcel.lines]
    wish = {
        "order": {"number": order.number},
        "lines": lines,
        "isGoodToGo": True,
        "isPaid": wholesale,
        "sendEmail": False,
        "allocateDemand": True,
        "additionalMessage": _mark(told),
        "shipmentInfo": _info(told),
    }
    return await _do(CREATE_SHIPMENT, {"input": wish}, source)


async def _capture(found: WireShipment, source: Source) -> WireShipment:
    try:
        return await _do(CAPTURE_SHIPMENT, {"id": found.id}, source)
    except PermanentError as error:
        if CAPTURED in error.detail.lower():
            return found.model_copy(update={"is_paid": True, "is_captured": True})
        detail = f"shipment {found.id} exists and is not paid: {error.detail}"
        raise PermanentError("E-CAPTURE-FAILED", detail) from error


async def _complete(found: WireShipment, told: Shipment, source: Source) -> None:
    """The shopper's mail goes out here, with the tracking number, and nowhere before."""
    wish: dict[str, Any] = {"sendEmail": True, "shipmentInfo": _info(told)}
    if told.parcel.day < told.now.astimezone(source.settings.zone).date():
        noon = datetime.combine(told.parcel.day, NOON, tzinfo=source.settings.zone)
        wish["shippedAt"] = noon.isoformat()  # else it is now, by Centra's clock and not by ours
    await _do(COMPLETE_SHIPMENT, {"id": found.id, "input": wish}, source)


def _info(told: Shipment) -> dict[str, Any]:
    parcel = told.parcel
    service = {"service": parcel.service} if parcel.service else {}
    return {"carrier": parcel.carrier, "trackingNumber": parcel.tracking, "packagesNumber": 1, **service}


async def _do(document: Document, variables: dict[str, Any], source: Source) -> WireShipment:
    payload = await perform(source.client, document, variables)
    try:
        return WireShipment.model_validate(payload.get("shipment"))
    except ValidationError as error:
        raise TransientError(f"{document.name}: not the shape of the schema") from error
