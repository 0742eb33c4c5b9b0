"""Complete polling of lists that tell no changes and shift while they are read (virtualstock.md 4, 13; R-42).

A walk goes page by page through the statuses that matter. What a row holds is compared with what it held when it was
last listed; a walk that found something new is followed by another one at once, until one finds nothing.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

import simplejson
from pydantic import ValidationError

from app.connectors.virtualstock.client import Client
from app.connectors.virtualstock.mapping import moment, ref_of
from app.connectors.virtualstock.notices import order_notice, unreadable
from app.connectors.virtualstock.payloads import WirePage, last_number, storable
from app.connectors.virtualstock.settings import VirtualstockSettings
from app.domain.calendar import LONDON
from app.domain.channel import Listed, Page, Walk
from app.domain.errors import TransientError
from app.domain.message import Draft

STATUSES = ("ORDER", "CANCEL", "RMA")
ACKNOWLEDGED = ("ORDER_ACK", "BACKORDER")
"""Walked too: an order goes by its least advanced line (virtualstock.md 13), so that one line to cancel does not take it to
CANCEL; somebody else may have acknowledged it, or it may be dispatched in the portal.
"""
ORDERS = "restapi/v4/orders/"
FIRST_DAYS, WINDOW_DAYS = 2, 3
"""A window of 73 hours begins so many days ago; the next one ends where it began (virtualstock.md 4)."""
FIRST_LOOK = timedelta(days=30)
_SPELL = simplejson.JSONEncoder(use_decimal=True, sort_keys=True, ensure_ascii=True).encode


@dataclass(frozen=True, slots=True)
class Source:
    client: Client
    connection: str
    settings: VirtualstockSettings


@dataclass(frozen=True, slots=True)
class _Seen:
    """Where and when a row was listed. `first`: orders from before it are somebody else's, where acknowledged."""

    status: str
    number: int
    at: datetime
    first: datetime


async def read_orders(
    cursor: dict[str, Any], now: datetime, *, source: Source, statuses: Sequence[str] = STATUSES
) -> Page:
    """cursor: `status`, `offset`: where the walk goes on; `number`: of the walk; `since`: of the first one. Where lists have
    a window also `days`: how far it is moved back, `began`: when the walk did, `through`: when the last whole one did.

    Rows that move to a page that was read are found by the next walk.
    """
    place, offset = min(int(cursor.get("status", 0)), len(statuses) - 1), int(cursor.get("offset", 0))
    since = datetime.fromisoformat(cursor["since"]) if "since" in cursor else now.replace(microsecond=0)
    seen = _Seen(statuses[place], int(cursor.get("number", 1)), now, _first(source, since))
    window = _window(cursor, now) if source.settings.change_window else {}
    params = _params(source, seen.status, offset) | ({"chg_days": window["days"]} if window else {})
    page = await read_page(source, ORDERS, params)
    rows = tuple(_listed(row, seen, source) for row in page.results)
    kept = {"number": seen.number, "since": since.isoformat()}
    # The server may give less than was asked for, never nothing while there is more.
    onward = offset + len(page.results)
    step: dict[str, Any] | None = None
    if page.results and onward < page.count:
        step = {"status": place, "offset": onward}
    elif place + 1 < len(statuses):
        step = {"status": place + 1, "offset": 0}
    elif window and _reaches_back(window, now) > timedelta(days=window["days"]):
        step = {"days": window["days"] + WINDOW_DAYS}
    if step is not None:
        return Page((), {**kept, **window, **step}, more=True, walk=Walk(seen.number, rows))
    after = {**kept, "number": seen.number + 1} | ({"through": window["began"]} if window else {})
    return Page((), after, horizon=now, walk=Walk(seen.number, rows, ended=True))


def _window(cursor: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    through = cursor.get("through", (now - FIRST_LOOK).isoformat())
    return {
        "days": cursor.get("days", FIRST_DAYS),
        "began": cursor.get("began", now.isoformat()),
        "through": through,
    }


def _reaches_back(window: Mapping[str, Any], now: datetime) -> timedelta:
    return now - datetime.fromisoformat(window["through"])


def _first(source: Source, since: datetime) -> datetime:
    """Orders from before it that somebody else acknowledged are left to them."""
    chosen = source.settings.acknowledged_since
    return since if chosen is None else datetime.combine(chosen, time(), LONDON)


def _params(source: Source, status: str, offset: int) -> dict[str, str | int]:
    return {"status": status, "limit": source.settings.page_size, "offset": offset, "format": "json"}


async def read_page(source: Source, path: str, params: dict[str, str | int]) -> WirePage:
    try:
        return WirePage.model_validate(await source.client.get(path, params))
    except ValidationError as error:
        raise TransientError(f"{path}: not the shape of a page") from error


def _listed(row: dict[str, Any], seen: _Seen, source: Source) -> Listed:
    """One that names neither itself nor its retailer parks alone."""
    spelt = _SPELL(row).encode("ascii")
    fingerprint = hashlib.sha256(spelt).hexdigest()[:32]
    try:
        item = f"{seen.status}/{last_number(str(row.get('url')))}"
        ref = ref_of(row, source.settings)
        # A retailer that is configured later gives its orders another name: then they are to be read anew.
        fingerprint = hashlib.sha256(ref.encode() + spelt).hexdigest()[:32]
    except ValueError:
        draft = unreadable(source.connection, f"list/{fingerprint}", "url, retailer, order_reference", spelt)
        return Listed(f"{seen.status}/?{fingerprint}", fingerprint, draft)
    key = f"list/{item}/{seen.number}/{fingerprint}"
    body = {"via": "poll", "status": seen.status, "order": storable(row), "read_at": seen.at.isoformat()}
    if seen.status in ACKNOWLEDGED and _is_older(row, seen.first):
        body["if_known"] = True  # it was acknowledged before our time: it is in the books already
    return Listed(item, fingerprint, order_notice(source.connection, key, ref, body))


def _is_older(row: dict[str, Any], first: datetime) -> bool:
    """One whose date cannot be read is looked at."""
    try:
        return moment(str(row.get("order_date"))) < first
    except ValueError:
        return False


def gone(items: Sequence[tuple[str, str]], number: int, *, source: Source) -> tuple[Draft, ...]:
    """Notices to read each again: (item, order ref) of rows that left their list, maybe by somebody else's doing.
    What leaves the acknowledged ones was dispatched by us, unless despatches begin in the channel, or the ERP has
    not even got it.
    """
    ours = () if source.settings.ships_itself else tuple(f"{status}/" for status in ACKNOWLEDGED)
    return tuple(
        order_notice(
            source.connection,
            f"left/{item}/{number}",
            ref,
            {"via": "left"} | ({"if_unposted": True} if item.startswith(ours) else {}),
        )
        for item, ref in items
    )
