"""Acknowledges the lines of an order that are still new: the ERP has it (virtualstock.md 6.4; R-36, R-38-R-41)."""

from asyncio import to_thread
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from app.connectors.virtualstock.failures import refused
from app.connectors.virtualstock.mapping import NEW, moment
from app.connectors.virtualstock.orders import path_of, read_order
from app.connectors.virtualstock.outgoing import File, name_of, spell
from app.connectors.virtualstock.payloads import WireItem, WireOrder, last_number
from app.connectors.virtualstock.poll import Source
from app.connectors.virtualstock.settings import Retailer
from app.domain.calendar import civil_day
from app.domain.channel import Acknowledged, Acknowledgement
from app.domain.errors import PermanentError, TransientError

TAKEN_WITHIN = timedelta(days=1)
T = TypeVar("T")
NOON = "T12:00:00"
"""19 characters and no offset; in the middle of the day, so that no clock change moves it to another."""


async def acknowledge(
    told: Acknowledgement, *, source: Source, clock: Callable[[], datetime]
) -> Acknowledged:
    """The order is read first, so that a repeat changes nothing. Raises PermanentError(E-DATE-WINDOW) where the dates to
    send would break what the retailer promised.
    """
    wire = await read_order(source, told.channel_id)
    try:
        retailer = source.settings.retailers[source.settings.code_of(last_number(wire.retailer)) or ""]
    except (ValueError, KeyError) as error:
        raise TransientError(f"an order that cannot be read: {type(error).__name__}") from error
    new = [item for item in wire.items if item.status == NEW]
    left = tuple(item.line_reference for item in new if told.lines.get(item.line_reference) != item.quantity)
    new = [item for item in new if item.line_reference not in left]
    if not new:
        return Acknowledged(sent=False, left=left)
    items = [_item(item, retailer, told, clock()) for item in new]
    if retailer.supplier_reference == "sftp_ack" and source.settings.outgoing_dir:
        await _file(told, wire, items, (source.settings.outgoing_dir, clock()))
        return Acknowledged(sent=True, left=left, waits=True)
    await source.client.send("POST", f"{path_of(told.channel_id)}acknowledge/?format=json", {"items": items})
    return Acknowledged(sent=True, left=left)


async def _file(
    told: Acknowledgement, wire: WireOrder, items: Sequence[Mapping[str, Any]], place: tuple[Path, datetime]
) -> None:
    """Once for each order; then only looked after: nobody confirms that a file was taken but the order's lines. `place`:
    folder, and now.
    """
    folder, now = place
    file = File(folder, name_of(told.placed_at, told.channel_id))
    if told.filed_at is None:
        head = {
            "order_number": wire.order_reference,
            "supplier_ref": told.number,
            "test_flag": "Y" if wire.test_flag else "N",
        }
        await _touch(file.write, spell(head, items))
    elif text := await _touch(file.refusal):
        raise refused(text)
    elif now - told.filed_at > TAKEN_WITHIN:
        fix = "see whether the SFTP job runs, then retry: the file is written anew"
        raise PermanentError("E-SFTP-FILE", f"{file.name} was written a day ago, nothing came of it: {fix}")


async def _touch(deed: Callable[..., T], *given: str) -> T:
    try:
        return await to_thread(deed, *given)
    except OSError as error:
        fix = "give the worker an outgoing_dir that it may write, then retry"
        raise PermanentError("E-SFTP-FILE", f"{type(error).__name__} at {error.filename}: {fix}") from error


def _item(item: WireItem, retailer: Retailer, told: Acknowledgement, now: datetime) -> dict[str, Any]:
    """`part_number` and `line_ref` exactly as they were read."""
    body: dict[str, Any] = {
        "part_number": item.part_number,
        "line_ref": item.line_reference,
        "quantity": item.quantity,
    }
    if retailer.ack_sub_status:
        body["sub_status"] = retailer.ack_sub_status
    if retailer.fulfillment_route:
        body["fulfillment_route"] = retailer.fulfillment_route
    if retailer.supplier_reference == "ack_comment" and retailer.comments:
        body["comment"] = told.number
    body.update(_dates(item, retailer, told.placed_at, now))
    if missing := ", ".join(sorted(name for name in retailer.ack_required if not body.get(name))):
        fix = "fill it in the retailer's profile (setting RETAILERS), then retry"
        raise PermanentError("E-RETAILER-FIELD", f"{missing}: retailer {retailer.id} requires it: {fix}")
    return body


def _dates(
    item: WireItem, retailer: Retailer, placed_at: datetime, now: datetime
) -> Iterator[tuple[str, str]]:
    """Never in the past and never before the order; a promise that cannot be kept is a person's business."""
    if not retailer.tells_dates:
        return
    calendar = retailer.calendar
    dispatch = calendar.add(calendar.first_day(max(placed_at, now)), retailer.dispatch_days)
    delivery = calendar.add(dispatch, retailer.delivery_days)
    promised = _promised(item)
    if promised is not None and delivery > promised:
        fix = f"agree another date with the retailer: the first possible is {delivery}"
        raise PermanentError("E-DATE-WINDOW", f"line {item.line_reference} is promised for {promised}; {fix}")
    yield "supplier_dispatch_date", f"{dispatch}{NOON}"
    yield "supplier_delivery_date", f"{delivery}{NOON}"


def _promised(item: WireItem) -> date | None:
    """The civil date, as it was written."""
    if not item.promised_date:
        return None
    try:
        return civil_day(moment(item.promised_date))
    except ValueError as error:
        raise PermanentError(
            "E-DATE-FORMAT", f"line {item.line_reference}: promised_date is no date"
        ) from error
