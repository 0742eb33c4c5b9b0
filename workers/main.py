"""The worker's root: opens what flows need, works until told to stop, finishes what is in hand."""

import asyncio
import os
import random
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import structlog
from arq.connections import RedisSettings
from arq.worker import Function, Worker
from prometheus_client import CollectorRegistry
from redis.exceptions import RedisError

from app.db.clock import DatabaseClock
from app.db.session import TROUBLE, open_pool
from app.flows.context import Context
from app.flows.signal import Signal
from app.flows.work import flows_at, work
from app.ledger.tokens import Tokens
from app.mappings.shelf import Shelf
from app.registry import CONNECTORS, Connector, erp_destination, open_channels, open_erp
from app.settings import Settings
from app.telemetry.catalogue import Metrics, make_metrics
from app.telemetry.probes import serve_probes
from app.telemetry.words import Role
from app.wake import QUEUE, deserialise, serialise
from workers.jobs import drain

GRACE_SECONDS = 25.0
CLOCK_SECONDS = 30.0
REDIS_REST_SECONDS = 2.0
POLL_DELAY_SECONDS = 0.02

log = structlog.get_logger()


async def serve(settings: Settings) -> None:
    """Until cancelled; then nothing new is claimed and what is in hand gets `GRACE_SECONDS` to be settled."""
    signal = Signal()
    async with open_context(settings) as ctx, asyncio.TaskGroup() as group:
        bell = group.create_task(listen(settings.redis_url.get_secret_value(), signal))
        time = group.create_task(_keep_time(ctx))
        engine = group.create_task(work(ctx, signal))
        log.info("worker.started", worker=ctx.worker)
        try:
            await asyncio.shield(engine)
        except asyncio.CancelledError:
            await _finish(engine, signal)
            raise
        finally:
            for task in (bell, time, engine):
                task.cancel()


async def _finish(engine: asyncio.Task[None], signal: Signal) -> None:
    signal.stop()
    with suppress(TimeoutError):
        async with asyncio.timeout(GRACE_SECONDS):
            await asyncio.shield(engine)
    log.info("worker.stopped")


@asynccontextmanager
async def open_context(
    settings: Settings, connectors: Sequence[Connector] = CONNECTORS
) -> AsyncIterator[Context]:
    url, clock = settings.database_url.get_secret_value(), DatabaseClock()
    worker = f"{socket.gethostname()}:{os.getpid()}"
    registry = CollectorRegistry()
    async with (
        open_pool(url, size=settings.database_pool, application="sluice-worker", by_key=True) as pool,
        open_channels(settings.configured(), clock, connectors) as channels,
        open_erp(
            settings.configured(),
            Tokens(pool, erp_destination(connectors), settings.secrets_dir),
            clock,
            connectors,
        ) as erp,
    ):
        await clock.look(pool)
        metrics = make_metrics(registry, Role.WORKER)
        pace = settings.pace()
        shelf = Shelf(pool)
        if erp.consult is not None:
            erp.consult(shelf.phrases)
        ctx = Context(pool, clock, random.SystemRandom(), channels, erp, shelf, metrics, pace, worker)
        _start_counters(ctx, metrics)

        async def ready() -> bool:
            return bool(await pool.fetchval("SELECT true", timeout=2))

        port = settings.metrics_port_of(Role.WORKER)
        async with serve_probes(registry, ready, settings.metrics_host, port):
            yield ctx


def _start_counters(ctx: Context, metrics: Metrics) -> None:
    """A series that first appears at 1 has no increase: every kind starts at 0."""
    for kinds in flows_at(ctx).values():
        for kind in kinds:
            for outcome in ("applied", "no_effect", "retried", "parked", "in_doubt"):
                metrics.messages_total.labels(kind, outcome)


async def _keep_time(ctx: Context) -> None:
    while True:
        await asyncio.sleep(CLOCK_SECONDS)
        if isinstance(ctx.now, DatabaseClock):
            with suppress(*TROUBLE):
                await ctx.now.look(ctx.pool)


async def listen(redis_url: str, signal: Signal) -> None:
    """The doorbell. arq gives up when Redis goes away; we do not, and work goes on meanwhile by our own looks."""
    while True:
        bell = Worker(
            functions=[
                Function("drain", drain, timeout_s=5, keep_result_s=0, keep_result_forever=False, max_tries=1)
            ],
            queue_name=QUEUE,
            redis_settings=RedisSettings.from_dsn(redis_url),
            job_serializer=serialise,
            job_deserializer=deserialise,
            ctx={"signal": signal},
            handle_signals=False,
            poll_delay=POLL_DELAY_SECONDS,
            keep_result=0,
            max_jobs=4,
            health_check_interval=15,
            log_results=False,
        )
        try:
            await bell.async_run()
        except (OSError, RedisError) as error:
            log.warning("doorbell.away", error=type(error).__name__)
        finally:
            with suppress(OSError, RedisError):
                await bell.close()
        await asyncio.sleep(REDIS_REST_SECONDS)
