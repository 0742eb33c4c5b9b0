"""Complete polling of lists that tell no changes and shift while they are read (virtualstock.md 4, 13; R-42).

A walk goes page by page through the statuses that matter. What a row holds is compared with what it held when it was
last listed; a walk that found something new is followed by another one at once, until one finds nothing.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

import simplejson
from pydantic import ValidationError

from app.connectors.virtualstock.client import Client
from app.connectors.virtualstock.mapping import LONDON, moment, ref_of
from app.connectors.virtualstock.notices import order_notice, unreadable
from app.connectors.virtualstock.payloads import WirePage, last_number, storable
from app.connectors.virtualstock.settings import VirtualstockSettings
from app.domain.channel import Listed, Page, Walk
from app.domain.errors import TransientError
from app.domain.message import Draft

STATUSES = ("ORDER", "CANCEL", "RMA")
ACKNOWLEDGED = ("ORDER_ACK", "BACKORDER")
"""Walked too where despatches begin in the channel: what leaves these lists may have been dispatched."""
ORDERS = "restapi/v4/orders/"
_SPELL = simplejson.JSONEncoder(use_decimal=True, sort_keys=True, ensure_ascii=True).encode


@dataclass(frozen=True, slots=True)
class Source:
    client: Client
    connection: str
    settings: VirtualstockSettings


async def read_orders(cursor: dict[str, Any], now: datetime, *, source: Source) -> Page:
    """cursor: `status`, `offset`: where the walk goes on; `number`: of the walk.

    Rows that move to a page that was read are found by the next walk.
    """
    place, offset = int(cursor.get("status", 0)), int(cursor.get("offset", 0))
    number = int(cursor.get("number", 1))
    statuses = (*STATUSES, *(ACKNOWLEDGED if source.settings.ships_itself else ()))
    status = statuses[min(place, len(statuses) - 1)]
    page = await read_page(source, ORDERS, _params(source, status, offset))
    rows = tuple(_listed(row, status, (number, now), source) for row in page.results)
    # The server may give less than was asked for, never nothing while there is more.
    onward = offset + len(page.results)
    if page.results and onward < page.count:
        step = {"status": place, "offset": onward, "number": number}
        return Page((), step, more=True, walk=Walk(number, rows))
    if place + 1 < len(statuses):
        step = {"status": place + 1, "offset": 0, "number": number}
        return Page((), step, more=True, walk=Walk(number, rows))
    return Page((), {"number": number + 1}, horizon=now, walk=Walk(number, rows, ended=True))


async def read_acknowledged(cursor: dict[str, Any], now: datetime, *, source: Source) -> Page:
    """Orders that are acknowledged without our doing: by hand, or before the database was restored. Those from before the
    first start are left to whoever acknowledged them. cursor: `since`; `status`, `offset`: where the pass goes on.
    """
    chosen = source.settings.acknowledged_since
    since = datetime.fromisoformat(cursor["since"]) if "since" in cursor else now.replace(microsecond=0)
    if chosen is not None:
        since = datetime.combine(chosen, time(), LONDON)
    place, offset = int(cursor.get("status", 0)), int(cursor.get("offset", 0))
    page = await read_page(source, ORDERS, _params(source, ACKNOWLEDGED[place], offset))
    drafts = tuple(draft for row in page.results if (draft := _late(row, since, source)))
    onward, rest = offset + len(page.results), {"since": since.isoformat()}
    if page.results and onward < page.count:
        return Page((), {**rest, "status": place, "offset": onward}, more=True, unseen=drafts)
    if place + 1 < len(ACKNOWLEDGED):
        return Page((), {**rest, "status": place + 1}, more=True, unseen=drafts)
    return Page((), rest, unseen=drafts)


def _late(row: dict[str, Any], since: datetime, source: Source) -> Draft | None:
    """Bare, under a key that stays: one that cannot be read is not told at each pass."""
    try:
        ref, number = ref_of(row, source.settings), last_number(str(row.get("url")))
        if moment(str(row.get("order_date"))) < since:
            return None
    except ValueError:
        return None
    return order_notice(source.connection, f"acknowledged/{number}/{ref}", ref, {"via": "sweep"})


def _params(source: Source, status: str, offset: int) -> dict[str, str | int]:
    return {"status": status, "limit": source.settings.page_size, "offset": offset, "format": "json"}


async def read_page(source: Source, path: str, params: dict[str, str | int]) -> WirePage:
    try:
        return WirePage.model_validate(await source.client.get(path, params))
    except ValidationError as error:
        raise TransientError(f"{path}: not the shape of a page") from error


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
    if status in ACKNOWLEDGED:
        body["if_known"] = True  # somebody else took it in hand before we saw it: it is in the books already
    return Listed(item, fingerprint, order_notice(source.connection, key, ref, body))


def gone(items: Sequence[tuple[str, str]], number: int, *, source: Source) -> tuple[Draft, ...]:
    """Notices to read each again: (item, order ref) of rows that left their list, maybe by somebody else's doing."""
    return tuple(
        order_notice(source.connection, f"left/{item}/{number}", ref, {"via": "left"}) for item, ref in items
    )
