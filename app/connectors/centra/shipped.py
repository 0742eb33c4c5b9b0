"""What left by Centra's own doing, where despatches begin there (centra.md 4): read with its order, and found by itself."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import Field, TypeAdapter

from app.connectors.centra.client import query
from app.connectors.centra.documents import SHIPPED
from app.connectors.centra.notices import notice
from app.connectors.centra.payloads import Id, Text, Wire, moment
from app.connectors.centra.poll import PAGE_SIZE, Source, in_store
from app.connectors.centra.ship import MARK
from app.domain.calendar import civil_day
from app.domain.channel import Page
from app.domain.errors import TransientError
from app.domain.message import Draft
from app.domain.order import Shipped


class WireOrderLine(Wire):
    id: int


class WireShippedLine(Wire):
    quantity: int = Field(ge=0)
    order_line: WireOrderLine


class WireCarrier(Wire):
    carrier_name: Text = ""
    service_name: Text = ""


class WireDeparture(Wire):
    """A shipment within its order."""

    number: Text
    is_shipped: bool
    shipped_at: Text = ""
    tracking_number: Text = ""
    additional_message: Text = ""
    carrier_information: WireCarrier | None = None
    lines: tuple[WireShippedLine, ...] = ()


class WireNumber(Wire):
    number: Id


class WireFound(Wire):
    """A shipment by itself."""

    id: Id
    number: Text
    updated_at: Text
    order: WireNumber


_DEPARTURES = TypeAdapter(tuple[WireDeparture, ...])
_FOUND = TypeAdapter(tuple[WireFound, ...])


def read_shipped(raw: Mapping[str, Any], zone: ZoneInfo) -> tuple[Shipped, ...]:
    """Those that left and that we did not make ourselves, when despatches began in the ERP. Raises ValueError."""
    found = _DEPARTURES.validate_python(raw.get("shipments") or ())
    ours = (one for one in found if one.is_shipped and not one.additional_message.startswith(MARK))
    return tuple(_shipped(one, zone) for one in ours)


def _shipped(wire: WireDeparture, zone: ZoneInfo) -> Shipped:
    carrier = wire.carrier_information or WireCarrier()
    day = civil_day(moment(wire.shipped_at, zone)) if wire.shipped_at else None
    lines = tuple((str(line.order_line.id), line.quantity) for line in wire.lines)
    names = (carrier.carrier_name.strip(), carrier.service_name.strip(), wire.tracking_number.strip())
    return Shipped(wire.number, lines, *names, day)


async def find_orders(ids: Sequence[int], *, source: Source) -> Mapping[int, str]:
    """Shipment -> order. What is no shipment of this store is left out."""
    found: dict[int, str] = {}
    for start in range(0, len(ids), PAGE_SIZE):
        some = list(ids[start : start + PAGE_SIZE])
        found |= {one.id: str(one.order.number) for one in await _find({"id": some}, 1, source)}
    return found


async def read_completed(cursor: dict[str, Any], now: datetime, *, source: Source) -> Page:
    """Shipments that left, by their last change, from a little before the newest that was seen: one that leaves need
    not move its order's own stamp. cursor: `since`, when the last finished walk began; `at`, `page` and `began` of an
    unfinished one: what changes while it goes on is the next one's.
    """
    settings = source.settings
    first = now - timedelta(days=settings.backfill_days)
    since = datetime.fromisoformat(cursor["since"]) if "since" in cursor else first
    start = (
        datetime.fromisoformat(cursor["at"])
        if "at" in cursor
        else since - timedelta(seconds=settings.overlap_seconds)
    )
    page, began = int(cursor.get("page", 1)), cursor.get("began", now.isoformat())
    rows = await _find({"isShipped": True, "updatedAt": {"from": start.isoformat()}}, page, source)
    drafts = tuple(_drafts(rows, source.connection))
    if len(rows) == PAGE_SIZE:
        step = {"since": since.isoformat(), "at": start.isoformat(), "page": page + 1, "began": began}
        return Page(drafts, step, more=True)
    return Page(drafts, {"since": began}, horizon=datetime.fromisoformat(began))


def _drafts(rows: Sequence[WireFound], connection: str) -> Iterator[Draft]:
    for row in rows:
        body = {
            "type": "order",
            "action": "shipped",
            "id": row.order.number,
            "date": row.updated_at,
            "via": "shipments",
        }
        yield notice(connection, f"shipped/{row.id}/{row.updated_at}", body)


async def _find(where: dict[str, Any], page: int, source: Source) -> tuple[WireFound, ...]:
    variables = {"where": where | in_store(source), "limit": PAGE_SIZE, "page": page}
    data = await query(source.client, SHIPPED, variables)
    try:
        return _FOUND.validate_python(data.get("shipments"))
    except ValueError as error:
        raise TransientError("shipments: not the shape of the schema") from error
