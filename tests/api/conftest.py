"""A gateway API over a made-up shop: signed bodies of one event a line."""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import asyncpg
import httpx
import pytest
from prometheus_client import CollectorRegistry

from app.api.flood import Flood
from app.api.state import State
from app.api.webhooks import UNKNOWN, Intake
from app.domain.channel import Channel
from app.domain.errors import ForgedError, MalformedError
from app.domain.message import Draft, MessageClass
from app.flows.keys import SCOPES, create
from app.main import build
from app.outbox.flush import Flusher
from app.telemetry.catalogue import make_metrics
from app.telemetry.words import Role

NOW = datetime(2026, 3, 2, 9, 14, tzinfo=UTC)
SECRET = b"shop-secret"
FORM = "application/x-www-form-urlencoded"


def sign(body: bytes) -> str:
    return hmac.new(SECRET, body, hashlib.sha256).hexdigest()


def signed(body: bytes, **more: str) -> dict:
    return {"content": body, "headers": {"content-type": FORM, "x-signature": sign(body), **more}}


def verify(raw, headers, now):
    """One draft a line; `unreadable` and `stale` are what they say, `bug` is a connector's own fault. What follows a
    `!` is not in the key.
    """
    given = headers.get("x-signature")
    if given is None:
        raise ForgedError("missing")
    if not hmac.compare_digest(given, sign(raw)):
        raise ForgedError("mismatch")
    if raw == b"stale":
        raise ForgedError("stale")
    if raw == b"unreadable":
        raise MalformedError("no list of events")
    if raw == b"bug":
        raise KeyError("Mrs Smith")
    return tuple(notice(line) for line in raw.decode().split("\n"))


def notice(line):
    ref = line.partition(":")[0]
    return Draft(
        kind="shop.order",
        cls=MessageClass.NOTICE,
        destination="shop:uk",
        source="uk",
        key=f"shop/uk/{line.partition('!')[0]}",
        order_ref=ref,
        body={"line": line},
    )


SHOP = Channel("shop", "uk", prefix="UK", content_type=FORM, receive=verify)
MUTE = Channel("shop", "mute", prefix="MU")


@dataclass
class Log:
    """Keeps events as the JSON writer would get them."""

    events: list = field(default_factory=list)

    def info(self, event, **fields):
        self.events.append((event, fields))

    exception = info


@dataclass
class Shop:
    """The API and what it was built from. `tick` is the monotonic clock."""

    client: httpx.AsyncClient
    state: State
    log: Log
    registry: CollectorRegistry
    rings: list
    tick: list
    pool: asyncpg.Pool

    async def post(self, body: bytes, **more: str) -> httpx.Response:
        return await self.client.post("/webhooks/shop/uk", **signed(body, **more))

    def counted(self, result: str, source: str = "uk") -> float:
        return self.registry.get_sample_value("sluice_webhooks_total", {"source": source, "result": result})

    async def key(self, *scopes: str) -> dict:
        made = await create(self.pool, "test", scopes or SCOPES)
        return {"authorization": f"Bearer {made.key}"}


Open = Callable[..., Shop]


def make_state(pool, store, **more) -> tuple[State, Log, CollectorRegistry, list, list]:
    registry, log, rings, tick = CollectorRegistry(), Log(), [], [0.0]

    async def ring() -> None:
        rings.append(1)

    intake = Intake(
        channels={channel.destination: channel for channel in (SHOP, MUTE)},
        store=store,
        ring=ring,
        metrics=make_metrics(registry, Role.API, {"source": ["uk", "mute", UNKNOWN]}),
        log=log,
        now=lambda: NOW,
        monotonic=lambda: tick[0],
        **{"flood": Flood(burst=3, rate=1), **more},
    )
    state = State(pool, intake.channels, intake, lambda: NOW, lambda: "request-1", log)
    return state, log, registry, rings, tick


def open_shop(pool, store, **more) -> Shop:
    state, log, registry, rings, tick = make_state(pool, store, **more)
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(build(state), client=("192.0.2.1", 1)), base_url="http://gateway"
    )
    return Shop(client, state, log, registry, rings, tick, pool)


@pytest.fixture
async def shop(pool: asyncpg.Pool) -> AsyncIterator[Shop]:
    """Stores in Postgres."""
    async with Flusher(pool) as flusher:
        made = open_shop(pool, flusher.append)
        async with made.client:
            yield made


async def never(_drafts):
    await asyncio.Event().wait()
