"""The two ways to look for what no webhook told: the events queue and the sweep (centra.md 6, 11)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import simplejson
import structlog
from pydantic import TypeAdapter

from app.connectors.centra.client import Client, NotPermittedError, mutate, query
from app.connectors.centra.documents import CHANGED, CONFIRM, EVENTS, LISTEN
from app.connectors.centra.notices import KNOWN_TYPES, notice, unreadable
from app.connectors.centra.payloads import INT_MOST, Changed, QueueEvent, moment
from app.connectors.centra.settings import CentraSettings
from app.domain.channel import Page
from app.domain.errors import PermanentError, TransientError
from app.domain.message import Draft

PAGE_SIZE = 200

_SETTLING = timedelta(seconds=60)
_EVENTS = TypeAdapter(tuple[QueueEvent, ...])
_CHANGED = TypeAdapter(tuple[Changed, ...])


@dataclass(frozen=True, slots=True)
class Source:
    client: Client
    connection: str
    settings: CentraSettings


async def read_events(cursor: dict[str, Any], now: datetime, *, source: Source) -> Page:
    """The oldest unconfirmed events, the same ones until they are confirmed. Subscribes first, which is additive.

    Events of other stores are not read: confirming them would steal them from the connection that shares the queue.
    A token that may not read the queue parks this poll alone: webhooks and the sweep do without it.
    """
    try:
        listening = ["Order", *(["Shipment"] if source.settings.ships_itself else [])]
        if cursor.get("listening") != listening:
            listeners = [{"objectType": name} for name in listening]
            _warn(source, await mutate(source.client, LISTEN, {"input": listeners}))
        events, reached = await _queue(source)
    except NotPermittedError as error:
        raise PermanentError("E-CENTRA-PERMISSION", str(error)) from error
    more = len(events) >= PAGE_SIZE
    drafts = (_event_draft(event, source.connection) for event in events)
    return Page(
        drafts=tuple(draft for draft in drafts if draft),
        cursor={"listening": listening},
        more=more,
        confirm=tuple(str(event.id) for event in events),
        horizon=reached[-1] if more else now,
    )


async def _queue(source: Source) -> tuple[tuple[QueueEvent, ...], list[datetime]]:
    """The events and their moments."""
    data = await query(source.client, EVENTS, {"where": in_store(source), "limit": PAGE_SIZE})
    try:
        events = _EVENTS.validate_python(data.get("events"))
        return events, [moment(event.created_at, source.settings.zone) for event in events]
    except ValueError as error:
        raise TransientError("events: not the shape of the schema") from error


async def confirm(ids: Sequence[str], *, source: Source) -> None:
    """May be repeated: what somebody else confirmed meanwhile is not asked for again, and a refusal counts only while
    all of these events are still in the queue. An empty list is answered without a request.
    """
    if not ids:
        return
    numbers = {int(number) for number in ids}
    try:
        await _confirm(numbers, source)
    except PermanentError:
        events, _ = await _queue(source)
        left = numbers & {event.id for event in events}
        if left == numbers:
            raise
        if left:
            await _confirm(left, source)


async def _confirm(numbers: set[int], source: Source) -> None:
    _warn(source, await mutate(source.client, CONFIRM, {"input": {"eventsIds": sorted(numbers)}}))


async def read_changed(cursor: dict[str, Any], now: datetime, *, source: Source) -> Page:
    """Orders by the moment of their last change, from a little before the newest change that was seen.

    cursor: `since`, the newest change of all finished walks; `at` and `page`, where an unfinished walk goes on. It
    goes on from the last change rather than the next page, because orders that change meanwhile move to the end and
    would shift others over a page's edge; pages are for more than 200 orders of one moment.
    """
    settings = source.settings
    first = now - timedelta(days=settings.backfill_days)
    since = datetime.fromisoformat(cursor["since"]) if "since" in cursor else first
    overlapped = since - timedelta(seconds=settings.overlap_seconds)
    start = datetime.fromisoformat(cursor["at"]) if "at" in cursor else overlapped
    page = cursor.get("page", 1)
    rows = await _changed_from(start, page, source)
    drafts = tuple(_sweep_draft(number, change, now, source.connection) for number, change in rows)
    newest = max([since, start, *(change for _, change in rows)])
    if len(rows) < PAGE_SIZE:
        # A stamp of the future, from a clock that is wrong, must not make us skip what lies before it.
        return Page(drafts, {"since": min(newest, now).isoformat()}, horizon=now)
    onward = max(start, rows[-1][1])
    step = {"since": since.isoformat(), "at": onward.isoformat(), "page": 1 if onward > start else page + 1}
    return Page(drafts, step, more=True, horizon=onward)


async def _changed_from(start: datetime, page: int, source: Source) -> list[tuple[int, datetime]]:
    where = {"updatedAt": {"from": start.isoformat()}} | in_store(source)
    data = await query(source.client, CHANGED, {"where": where, "limit": PAGE_SIZE, "page": page})
    try:
        rows = _CHANGED.validate_python(data.get("orders"))
        return [(row.number, moment(row.stamp, source.settings.zone)) for row in rows]
    except ValueError as error:
        raise TransientError("orders: not the shape of the schema") from error


def _event_draft(event: QueueEvent, connection: str) -> Draft | None:
    """None for a type that we have no word for: it is confirmed, or it would block the queue for ever."""
    word, key = event.object_type.lower(), f"event/{event.id}"
    if word not in KNOWN_TYPES:
        return None
    if not 1 <= event.object_reference <= INT_MOST:
        raw = simplejson.dumps(event.model_dump(), sort_keys=True).encode()
        return unreadable(connection, key, "objectReference", raw)
    body = {
        "type": word,
        "action": event.change_type.lower(),
        "id": event.object_reference,
        "date": event.created_at,
        "via": "events",
    }
    return notice(connection, key, body)


def _sweep_draft(number: int, change: datetime, now: datetime, connection: str) -> Draft:
    # Stamps have whole seconds: a second change in the same second would have the key of the first. So an order that
    # is read while its stamp is young is read once more, under its final key, when the overlap shows it again.
    young = "/young" if now - change < _SETTLING else ""
    date = change.isoformat()
    body = {"type": "order", "action": "changed", "id": number, "date": date, "via": "sweep"}
    return notice(connection, f"sweep/{number}/{date}{young}", body)


def in_store(source: Source) -> dict[str, Any]:
    """The part of a `where` that leaves other stores out."""
    return {} if source.settings.store is None else {"storeId": [source.settings.store]}


def _warn(source: Source, warnings: Sequence[str]) -> None:
    """Neither mutation loses anything by a warning: what is not confirmed comes again."""
    if warnings:
        structlog.get_logger().warning("centra.warned", connection=source.connection, warnings=len(warnings))
