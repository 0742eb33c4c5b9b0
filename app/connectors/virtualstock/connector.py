"""Opens one account at Virtualstock as a channel."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import httpx

from app.connectors.virtualstock.acknowledge import acknowledge
from app.connectors.virtualstock.cancel import answer_cancellation
from app.connectors.virtualstock.catalogue import read_catalogue
from app.connectors.virtualstock.client import Client
from app.connectors.virtualstock.dispatch import Carriers, ship
from app.connectors.virtualstock.mapping import Reading, map_order, ref_of
from app.connectors.virtualstock.poll import ACKNOWLEDGED, ORDERS, STATUSES, Source, gone, read_orders
from app.connectors.virtualstock.preflight import find_gaps
from app.connectors.virtualstock.returns import acknowledge_return, read_returns
from app.connectors.virtualstock.settings import VirtualstockSettings
from app.connectors.virtualstock.webhook import CONTENT_TYPE, Hook, receive
from app.domain.channel import Budget, Channel, Poll
from app.domain.order import Order, Unreadable

_ORDERS_MOST = 25
_AT_ONCE = 0.4
"""Share of a minute's requests that may go at once; the rest comes evenly, so that no minute holds more than all."""


@asynccontextmanager
async def open_channel(
    connection: str,
    settings: VirtualstockSettings,
    clock: Callable[[], datetime],
    *,
    transport: httpx.AsyncBaseTransport | None = None,
) -> AsyncIterator[Channel]:
    """`clock`: UTC, aware. `transport`: for tests."""
    async with httpx.AsyncClient(timeout=settings.timeout_seconds, transport=transport) as http:
        yield _channel(Source(Client(settings, http, clock), connection, settings), clock)


def _channel(source: Source, clock: Callable[[], datetime]) -> Channel:
    settings, carriers = source.settings, Carriers(source, clock)
    hook = Hook(source.connection, settings.push_username, settings.push_password.get_secret_value())
    rate = settings.requests_per_minute
    return Channel(
        name="virtualstock",
        connection=source.connection,
        prefix=settings.prefix,
        content_type=CONTENT_TYPE,
        receive=partial(receive, hook=hook) if settings.push_username else None,
        polls=_polls(source),
        fetch_orders=partial(fetch_orders, source=source, clock=clock),
        unpack=partial(unpack, source=source),
        gone=partial(gone, source=source),
        stamped=False,
        most_orders=_ORDERS_MOST,
        acknowledge=partial(acknowledge, source=source, clock=clock),
        answer_cancellation=partial(answer_cancellation, source=source),
        signed=False,
        ship=None if settings.ships_itself else partial(ship, source=source, carriers=carriers),
        carriers=carriers.read,
        catalogue=partial(read_catalogue, source=source),
        acknowledge_return=partial(acknowledge_return, source=source),
        preflight=partial(find_gaps, settings=settings),
        tolerances={code: one.price_tolerance for code, one in settings.retailers.items() if one.price_check},
        new_orders="open_orders",
        patience={
            code: timedelta(hours=one.acknowledge_hours)
            for code, one in settings.retailers.items()
            if one.acknowledge_hours
        },
        account=f"{settings.root} {settings.username}",
        number_prefix=settings.number_prefix,
        budget=Budget(rate * (1 - _AT_ONCE) / 60, rate * _AT_ONCE),
        meter=source.client.meter,
    )


def _polls(source: Source) -> Mapping[str, Poll]:
    """Where despatches begin in the channel, they show as orders that leave the acknowledged ones: those are walked as
    often as the new ones then.
    """
    returns = partial(read_returns, source=source)
    if source.settings.ships_itself:
        orders = partial(read_orders, source=source, statuses=STATUSES + ACKNOWLEDGED)
        return {"open_orders": orders, "returns": returns}
    return {
        "open_orders": partial(read_orders, source=source),
        "acknowledged_orders": partial(read_orders, source=source, statuses=ACKNOWLEDGED),
        "returns": returns,
    }


async def fetch_orders(
    refs: Sequence[str], *, source: Source, clock: Callable[[], datetime]
) -> Mapping[str, Order | Unreadable]:
    """One request each: there is no list of chosen orders. Refs of retailers that are not configured are left out."""
    found: dict[str, Order | Unreadable] = {}
    for ref in refs:
        code, _, reference = ref.partition("-")
        retailer = source.settings.retailers.get(code)
        if retailer is None or not reference:
            continue
        params: dict[str, str | int] = {
            "order_reference": reference,
            "retailer_id": retailer.id,
            "format": "json",
        }
        at = clock()
        answer = await source.client.get(ORDERS, params)
        rows = answer.get("results", ()) if isinstance(answer, dict) else ()
        for row in rows:
            if isinstance(row, dict) and _is(row, ref, source):
                found[ref] = map_order(ref, row, Reading(source.connection, source.settings, at))
    return found


def _is(row: Mapping[str, Any], ref: str, source: Source) -> bool:
    try:
        return ref_of(row, source.settings) == ref
    except ValueError:
        return False


def unpack(ref: str, body: Mapping[str, Any], *, source: Source) -> Order | Unreadable | None:
    """The order that a notice brought along from a list; None where it brought none, and where it has another name by now
    since its retailer was configured: under that name it was listed anew.
    """
    row, at = body.get("order"), body.get("read_at")
    if not isinstance(row, dict) or not isinstance(at, str) or not _is(row, ref, source):
        return None
    return map_order(ref, row, Reading(source.connection, source.settings, datetime.fromisoformat(at)))
