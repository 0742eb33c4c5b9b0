"""A third channel, as somebody would add one: it lives in the tests, and nothing in `app` knows of it."""

import hmac
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Any

import httpx
import simplejson
from pydantic import TypeAdapter, ValidationError

from app.domain.channel import Acknowledged, Acknowledgement, Begin, Channel, Page, Shipment
from app.domain.errors import ForgedError, MalformedError, PermanentError, TransientError
from app.domain.message import Draft, MessageClass
from app.domain.order import Order, Unreadable
from tests.connectors.toy.client import Client
from tests.connectors.toy.mapping import WireOrder, map_order
from tests.connectors.toy.settings import ToySettings

_NEWS = TypeAdapter(tuple[tuple[int, str], ...])


@asynccontextmanager
async def open_channel(
    connection: str,
    settings: ToySettings,
    clock: Callable[[], datetime],
    *,
    transport: httpx.AsyncBaseTransport | None = None,
) -> AsyncIterator[Channel]:
    headers = {"Authorization": f"Bearer {settings.token.get_secret_value()}"}
    async with httpx.AsyncClient(headers=headers, transport=transport) as http:
        client = Client(connection, settings, http, clock)
        yield Channel(
            name="toy",
            connection=connection,
            prefix=settings.prefix,
            content_type="application/json",
            receive=partial(receive, client=client),
            polls={"news": partial(read_news, client=client)},
            confirm=partial(confirm, client=client),
            fetch_orders=partial(fetch_orders, client=client),
            acknowledge=partial(acknowledge, client=client),
            ship=partial(ship, client=client),
            answer_cancellation=partial(answer_cancellation, client=client),
        )


def receive(raw: bytes, headers: Mapping[str, str], _: datetime, *, client: Client) -> tuple[Draft, ...]:
    given = headers.get("x-stall-mac")
    if given is None:
        raise ForgedError("missing")
    right = hmac.digest(client.settings.secret.get_secret_value().encode(), raw, "sha256").hex()
    if not hmac.compare_digest(given.encode(), right.encode()):
        raise ForgedError("mismatch")
    try:
        parsed = simplejson.loads(raw)
        return (_notice(client.connection, *_told([parsed])[0]),)
    except (ValueError, RecursionError, TransientError):
        raise MalformedError("no news") from None


async def read_news(cursor: dict[str, Any], now: datetime, *, client: Client) -> Page:
    after = cursor.get("after", 0)
    answer = await client.ask("GET", "news", params={"after": after})
    told = _told(answer.get("news"))
    drafts = tuple(_notice(client.connection, *one) for one in told)
    ids = tuple(str(number) for number, _ in told)
    reached = max([after, *(number for number, _ in told)])
    return Page(drafts, {"after": reached}, more=bool(answer.get("more")), confirm=ids, horizon=now)


def _told(news: Any) -> tuple[tuple[int, str], ...]:
    try:
        told = _NEWS.validate_python([(one["id"], one["order"]) for one in news])
    except (ValidationError, TypeError, KeyError, AttributeError) as error:
        raise TransientError("news: not the shape of the list") from error
    if not all(ref.isascii() and ref.isdigit() and len(ref) < 10 for _, ref in told):
        raise TransientError("news: not the number of an order")
    return told


def _notice(connection: str, number: int, ref: str) -> Draft:
    return Draft(
        kind="toy.order",
        cls=MessageClass.NOTICE,
        destination=f"toy:{connection}",
        source=connection,
        key=f"toy/{connection}/news/{number}",
        order_ref=ref,
        body={"id": number},
    )


async def confirm(ids: Sequence[str], *, client: Client) -> None:
    await client.ask("POST", "news/forget", json={"ids": [int(one) for one in ids]})


async def fetch_orders(refs: Sequence[str], *, client: Client) -> Mapping[str, Order | Unreadable]:
    found = await _rows([ref for ref in refs if ref.isascii() and ref.isdigit()], client)
    return {ref: map_order(client.connection, ref, row) for ref, row in found.items()}


async def _rows(refs: Sequence[str], client: Client) -> dict[str, dict[str, Any]]:
    if not refs:
        return {}
    rows = (await client.ask("GET", "orders", params={"refs": ",".join(refs)})).get("orders")
    if not isinstance(rows, list):
        raise TransientError("orders: no list")
    return {row["ref"]: row for row in rows if isinstance(row, dict) and row.get("ref") in refs}


async def _now(ref: str, client: Client) -> WireOrder:
    rows = await _rows([ref], client)
    try:
        return WireOrder.model_validate(rows[ref])
    except (KeyError, ValidationError) as error:
        raise PermanentError("E-TOY-REFUSED", "the stall does not show the order") from error


async def acknowledge(told: Acknowledgement, *, client: Client) -> Acknowledged:
    if (await _now(told.ref, client)).state != "new":
        return Acknowledged(sent=False)
    await client.ask("POST", f"orders/{told.ref}/accept", json={"number": told.number})
    return Acknowledged(sent=True)


async def ship(told: Shipment, begin: Begin, *, client: Client) -> bool:
    """The note's number goes along, so that a repeat is seen."""
    parcel = told.parcel
    if any(one.get("note") == parcel.note for one in (await _now(told.ref, client)).parcels):
        return False
    await begin()
    body = {
        "note": parcel.note,
        "carrier": parcel.carrier,
        "tracking": parcel.tracking,
        "lines": dict(parcel.lines),
    }
    await client.ask("POST", f"orders/{told.ref}/parcels", json=body)
    return True


async def answer_cancellation(channel_id: str, _lines: frozenset[str], *, client: Client) -> bool:
    order = await _now(channel_id, client)
    if order.state == "cancelled" or not order.asked_to_cancel:
        return False
    await client.ask("POST", f"orders/{channel_id}/agree", json={})
    return True
