"""The API's root: opens what intake and the internal API need, serves until told to stop, drains."""

import asyncio
import gc
import itertools
import secrets
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from types import FrameType

import asyncpg
import structlog
import uvicorn
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.requests import Request
from starlette.responses import RedirectResponse
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.api.compose import compose
from app.api.problems import NO_REQUEST
from app.api.state import State
from app.api.webhooks import UNKNOWN, Intake
from app.console.compose import console
from app.console.desk import Desk
from app.console.render import templates
from app.db.session import TROUBLE, open_pool
from app.outbox.flush import Flusher, Measure
from app.registry import CONNECTORS, Connector, open_channels
from app.settings import Settings
from app.telemetry.catalogue import make_metrics
from app.telemetry.probes import serve_probes
from app.telemetry.words import Role
from app.wake import Doorbell

GRACE_SECONDS = 20
BACKLOG = 2048


def build(state: State) -> FastAPI:
    api = compose()
    api.state.sluice = state
    desk = Desk(state.pool, state.prefixes(), state.now, state.intake.ring, state.zone, templates(state.zone))
    api.mount("/console", console(desk))
    api.add_route("/console", to_console, include_in_schema=False)
    return api


async def to_console(request: Request) -> RedirectResponse:
    return RedirectResponse(f"{request.url.path}/", 308)


@dataclass(frozen=True, slots=True)
class Running:
    """`draining`: set it to be no longer ready, before the listener closes."""

    state: State
    draining: asyncio.Event


def utc_now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def open_state(
    settings: Settings, connectors: Sequence[Connector] = CONNECTORS
) -> AsyncIterator[Running]:
    """Opened in this order, closed in the other: the flusher drains while Postgres is still there."""
    measure = Measure()
    url = settings.database_url.get_secret_value()
    async with AsyncExitStack() as stack:
        intake_pool = await stack.enter_async_context(
            open_pool(url, size=measure.flushers, application="sluice-intake", by_key=True)
        )
        pool = await stack.enter_async_context(
            open_pool(url, size=settings.database_pool, application="sluice-api")
        )
        channels = await stack.enter_async_context(open_channels(settings.configured(), utc_now, connectors))
        registry = CollectorRegistry()
        sources = [*(channel.connection for channel in channels.values()), UNKNOWN]
        metrics = make_metrics(registry, Role.API, {"source": sources})
        doorbell = await stack.enter_async_context(
            Doorbell(settings.redis_url.get_secret_value(), metrics.wakes_lost_total.inc)
        )
        flusher = await stack.enter_async_context(Flusher(intake_pool, measure=measure))
        log = structlog.get_logger().bind()
        intake = Intake(
            channels=channels,
            store=flusher.append,
            ring=doorbell.ring,
            metrics=metrics,
            log=log,
            now=utc_now,
            monotonic=time.monotonic,
            networks=settings.webhook_networks,
        )
        state = State(pool, channels, intake, utc_now, minting(), log, settings.console_zone)

        draining = asyncio.Event()

        async def ready() -> bool:
            return not draining.is_set() and await asks(pool)

        await stack.enter_async_context(
            serve_probes(registry, ready, settings.metrics_host, settings.metrics_port_of("api"))
        )
        yield Running(state, draining)


def minting() -> Callable[[], str]:
    """Request ids: unique over processes by their beginning, within one by their count."""
    process, count = secrets.token_hex(6), itertools.count(1)
    return lambda: f"{process}-{next(count)}"


async def asks(pool: asyncpg.Pool) -> bool:
    """A migrated Postgres alone: without Redis we are slower, without Sage we queue."""
    return bool(await pool.fetchval("SELECT EXISTS (SELECT FROM alembic_version)", timeout=2))


class Protocol(HttpToolsProtocol):
    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's signature
        """To bytes that are no request: there is no application yet to ask."""
        self.transport.write(NO_REQUEST)
        self.transport.close()


class Server(uvicorn.Server):
    """`draining` is set as soon as it is told to stop; requests under way are still answered."""

    def __init__(self, config: uvicorn.Config, draining: asyncio.Event) -> None:
        super().__init__(config)
        self._draining = draining

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._draining.set()
        super().handle_exit(sig, frame)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Uvicorn raises the signal again once it has stopped, which would end us before the flusher has drained."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)


async def serve(settings: Settings) -> None:
    """Until SIGTERM or SIGINT."""
    async with open_state(settings) as running:
        listener = listen(settings.http_host, settings.http_port)
        running.state.log.info("api.started", port=listener.getsockname()[1])
        try:
            await asks(running.state.pool)
        except TROUBLE as error:
            running.state.log.warning("database.away", error=type(error).__name__)
        server = Server(configuration(build(running.state)), running.draining)
        # What is there from the start stays to the end: looking through it again and again would hold up whoever waits.
        gc.collect()
        gc.freeze()
        await server.serve(sockets=[listener])
        running.state.log.info("api.stopped")


def listen(host: str, port: int) -> socket.socket:
    """Bound here, so that a port that was left to the system is known."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(BACKLOG)
    return listener


def configuration(api: FastAPI) -> uvicorn.Config:
    """One process: several behind one metrics port count wrong. Whose X-Forwarded-For is believed is uvicorn's own
    FORWARDED_ALLOW_IPS to say: the loopback's unless given.
    """
    return uvicorn.Config(
        api,
        loop="uvloop",
        http=Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=True,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
