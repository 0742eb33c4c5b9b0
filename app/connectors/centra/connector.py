"""Opens one connection to Centra as a channel."""

import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Any

import httpx

from app.connectors.centra.catalogue import read_catalogue
from app.connectors.centra.client import Client, query
from app.connectors.centra.documents import ORDERS, SHIPPED_ORDERS
from app.connectors.centra.mapping import Reading, map_order
from app.connectors.centra.payloads import INT_MOST
from app.connectors.centra.poll import PAGE_SIZE, Source, confirm, in_store, read_changed, read_events
from app.connectors.centra.preflight import find_problems
from app.connectors.centra.settings import CentraSettings
from app.connectors.centra.ship import ship
from app.connectors.centra.shipped import find_orders, read_completed
from app.connectors.centra.webhook import CONTENT_TYPE, Hook, receive
from app.domain.channel import Budget, Channel, Poll
from app.domain.errors import PermanentError
from app.domain.order import Order, Unreadable

_BURST_SECONDS = 10.0
_NUMBER = re.compile(r"[1-9][0-9]{0,9}")


@asynccontextmanager
async def open_channel(
    connection: str,
    settings: CentraSettings,
    clock: Callable[[], datetime],
    *,
    transport: httpx.AsyncBaseTransport | None = None,
) -> AsyncIterator[Channel]:
    """`clock`: UTC, aware. `transport`: for tests. Without webhook secrets the channel receives nothing."""
    headers = {"Authorization": f"Bearer {settings.token.get_secret_value()}"}
    # Each step may take as long as the whole; the client's own deadline covers them all.
    async with httpx.AsyncClient(
        headers=headers, timeout=settings.timeout_seconds, transport=transport
    ) as http:
        client = Client(http, str(settings.base_url), clock, settings.timeout_seconds)
        source = Source(client, connection, settings)
        yield _channel(source)


def _channel(source: Source) -> Channel:
    settings = source.settings
    secrets = tuple(secret.get_secret_value().encode() for secret in settings.webhook_secrets)
    hook = Hook(source.connection, secrets, settings.tolerance_seconds)
    polls: dict[str, Poll] = {"orders": partial(read_changed, source=source)}
    if settings.events_enabled:
        polls["events"] = partial(read_events, source=source)
    if settings.ships_itself:
        polls["shipments"] = partial(read_completed, source=source)
    return Channel(
        name="centra",
        connection=source.connection,
        prefix=settings.prefix,
        content_type=CONTENT_TYPE,
        receive=partial(receive, hook=hook) if secrets else None,
        polls=polls,
        confirm=partial(confirm, source=source) if settings.events_enabled else None,
        fetch_orders=partial(fetch_orders, source=source),
        ship=None if settings.ships_itself else partial(ship, source=source),
        find_orders=partial(find_orders, source=source) if settings.ships_itself else None,
        catalogue=partial(read_catalogue, source=source),
        preflight=partial(find_problems, source=source),
        budget=Budget(settings.requests_per_second, settings.requests_per_second * _BURST_SECONDS),
        meter=source.client.meter,
    )


async def fetch_orders(refs: Sequence[str], *, source: Source) -> Mapping[str, Order | Unreadable]:
    """One query for up to 200 refs. Refs that cannot be an order number are left out, as unknown ones are.

    Whether `orders` hides held orders by itself is not documented (centra.md 3.2): what is missing is asked for once
    more among those, or an order that is put on hold would look like one that is not there yet.
    """
    settings = source.settings
    numbers = {int(ref) for ref in refs if _NUMBER.fullmatch(ref) and int(ref) <= INT_MOST}
    if len(numbers) > PAGE_SIZE:
        raise ValueError(f"{len(numbers)} orders at once: Centra gives {PAGE_SIZE}")
    rows = await _read(numbers, {}, source)
    rows |= await _read(numbers - rows.keys(), {"isOnHold": True}, source)
    reading = Reading(source.connection, settings.release_statuses, settings.zone)
    return {str(number): map_order(str(number), row, reading) for number, row in rows.items()}


async def _read(numbers: set[int], where: dict[str, Any], source: Source) -> dict[int, dict[str, Any]]:
    if not numbers:
        return {}
    # The limit is part of what a query costs, so it is no higher than need be.
    variables = {"where": {"number": sorted(numbers), **in_store(source), **where}, "limit": len(numbers)}
    document = SHIPPED_ORDERS if source.settings.ships_itself else ORDERS
    rows = (await query(source.client, document, variables)).get("orders")
    if not isinstance(rows, list):
        raise PermanentError("E-CENTRA-QUERY", "orders: not a list")
    return {row["number"]: row for row in rows if isinstance(row, dict) and row.get("number") in numbers}
