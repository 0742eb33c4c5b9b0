"""Sage 200 as an ERP."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

import httpx

from app.connectors.sage200.amend import Amends
from app.connectors.sage200.catalogue import Catalogue
from app.connectors.sage200.client import Client
from app.connectors.sage200.confirm import COURIERS, Confirm
from app.connectors.sage200.despatches import Despatches
from app.connectors.sage200.lookups import Finder
from app.connectors.sage200.orders import Orders
from app.connectors.sage200.phrasebook import Phrasebook
from app.connectors.sage200.preflight import Preflight
from app.connectors.sage200.prices import Prices
from app.connectors.sage200.reference import Reference
from app.connectors.sage200.settings import Sage200Settings
from app.connectors.sage200.tokens import Tokens
from app.domain.erp import Erp
from app.domain.tokens import TokenStore

CONNECT_SECONDS = 10.0
KEEPALIVE_SECONDS = (
    5.0  # a create on a connection that the other side has closed would be in doubt for nothing
)


@asynccontextmanager
async def open_erp(
    connection: str,
    settings: Sage200Settings,
    store: TokenStore,
    clock: Callable[[], datetime],
    transport: httpx.AsyncBaseTransport | None = None,
) -> AsyncIterator[Erp]:
    """`clock`: UTC, aware. `transport`: for tests, or to measure."""
    deadline = settings.timeout_seconds
    async with httpx.AsyncClient(
        transport=transport,
        # Well before the deadline, which cannot tell whether anything was sent.
        timeout=httpx.Timeout(deadline, connect=min(CONNECT_SECONDS, deadline / 2)),
        limits=httpx.Limits(max_connections=settings.concurrency + 1, keepalive_expiry=KEEPALIVE_SECONDS),
        follow_redirects=False,
        trust_env=False,
    ) as http:
        client = Client(settings, Tokens(settings, store, http, clock), http, clock)
        reference = Reference(client, settings, clock)
        book = Phrasebook(settings.locked_phrases)
        orders = Orders(client, reference, settings, book)
        amends = Amends(client, reference, settings, book)
        despatches = Despatches(client, settings, connection)
        confirm = Confirm(client, book, despatches, Finder(COURIERS, client, settings, clock))
        yield Erp(
            name="sage200",
            connection=connection,
            facts=reference.facts,
            probe=orders.probe,
            place=orders.place,
            find=orders.find,
            prices=Prices(client, reference).find,
            preflight=Preflight(client, reference, orders, settings).problems,
            notes=despatches.notes,
            progress=confirm.progress,
            confirm_despatch=confirm.confirm,
            consult=book.consult,
            polls={"despatches": despatches.lines, "corrections": despatches.receipts},
            contents=amends.contents,
            change=amends.change,
            release=amends.release,
            lock_seconds=settings.lock_seconds,
            catalogue=Catalogue(client).page,
            charset=settings.charset,
            slots=settings.concurrency,
            deadline=deadline,
        )
