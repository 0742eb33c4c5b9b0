"""Complete polling of lists that tell no changes and shift while they are read (virtualstock.md 4, 13; R-42).

A walk goes page by page through the statuses that matter. What a row holds is compared with what it held when it was
last listed; a walk that found something new is followed by another one at once, until one finds nothing.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import simplejson
from pydantic import ValidationError

from app.connectors.virtualstock.client import Client
from app.connectors.virtualstock.mapping import ref_of
from app.connectors.virtualstock.notices import order_notice, unreadable
from app.connectors.virtualstock.payloads import WirePage, last_number, storable
from app.connectors.virtualstock.settings import VirtualstockSettings
from app.domain.channel import Listed, Page, Walk
from app.domain.errors import TransientError
from app.domain.message import Draft

STATUSES = ("ORDER", "CANCEL", "RMA")
QUIET = ("ORDER_ACK",)
"""An order with one line in CANCEL goes by its least advanced line (virtualstock.md 13): it is listed here."""
ORDERS = "restapi/v4/orders/"
_SPELL = simplejson.JSONEncoder(use_decimal=True, sort_keys=True, ensure_ascii=True).encode


@dataclass(frozen=True, slots=True)
class Source:
    client: Client
    connection: str
    settings: VirtualstockSettings


async def read_orders(
    cursor: dict[str, Any], now: datetime, *, source: Source, statuses: Sequence[str] = STATUSES
) -> Page:
    """cursor: `status`, `offset`: where the walk goes on; `number`: of the walk.

    Rows that move to a page that was read are found by the next walk.
    """
    place, offset = int(cursor.get("status", 0)), int(cursor.get("offset", 0))
    number = int(cursor.get("number", 1))
    size = source.settings.page_size
    params: dict[str, str | int] = {
        "status": statuses[place],
        "limit": size,
        "offset": offset,
        "format": "json",
    }
    page = await _page(source, params)
    rows = tuple(_listed(row, statuses[place], (number, now), source) for row in page.results)
    # The server may give less than was asked for, never nothing while there is more.
    onward = offset + len(page.results)
    if page.results and onward < page.count:
        step = {"status": place, "offset": onward, "number": number}
        return Page((), step, more=True, walk=Walk(number, rows))
    if place + 1 < len(statuses):
        step = {"status": place + 1, "offset": 0, "number": number}
        return Page((), step, more=True, walk=Walk(number, rows))
    return Page((), {"number": number + 1}, horizon=now, walk=Walk(number, rows, ended=True))


async def _page(source: Source, params: dict[str, str | int]) -> WirePage:
    try:
        return WirePage.model_validate(await source.client.get(ORDERS, params))
    except ValidationError as error:
        raise TransientError("orders: not the shape of a page") from error


def _listed(row: dict[str, Any], status: str, walk: tuple[int, datetime], source: Source) -> Listed:
    """One that names neither itself nor its retailer parks alone."""
    number, now = walk
    spelt = _SPELL(row).encode("ascii")
    fingerprint = hashlib.sha256(spelt).hexdigest()[:32]
    try:
        item = f"{status}/{last_number(str(row.get('url')))}"
        ref = ref_of(row, source.settings)
        # A retailer that is configured later gives its orders another name: then they are to be read anew.
        fingerprint = hashlib.sha256(ref.encode() + spelt).hexdigest()[:32]
    except ValueError:
        draft = unreadable(source.connection, f"list/{fingerprint}", "url, retailer, order_reference", spelt)
        return Listed(f"{status}/?{fingerprint}", fingerprint, draft)
    key = f"list/{item}/{number}/{fingerprint}"
    body = {"via": "poll", "status": status, "order": storable(row), "read_at": now.isoformat()}
    return Listed(item, fingerprint, order_notice(source.connection, key, ref, body))


def gone(items: Sequence[tuple[str, str]], number: int, *, source: Source) -> tuple[Draft, ...]:
    """Notices to read each again: (item, order ref) of rows that left their list, maybe by somebody else's doing."""
    return tuple(
        order_notice(source.connection, f"left/{item}/{number}", ref, {"via": "left"}) for item, ref in items
    )
