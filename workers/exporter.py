"""The role `exporter`: looks at the database on a timer and shows what it saw, whoever scrapes and however often.

One replica holds an advisory lock and looks; the others show that they live, and nothing else.
"""

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import asyncpg
import structlog
from asyncpg.exceptions import PostgresError
from prometheus_client import CollectorRegistry

from app.db.session import TROUBLE, open_pool
from app.settings import Settings
from app.telemetry.catalogue import Metrics, make_metrics
from app.telemetry.probes import serve_probes
from app.telemetry.words import Role
from workers.looks import LOOKS, Look, Memory

LOCK = 7_309_480_156
STATEMENT_MILLISECONDS = 2_000


@dataclass(slots=True)
class Exporter:
    """`clock`: seconds since the epoch, the snapshot's own time. `looked_at`: when the timer last came round."""

    metrics: Metrics
    clock: Callable[[], float] = time.time
    looks: Mapping[str, Look] = field(default_factory=lambda: LOOKS)
    memory: Memory = field(default_factory=Memory)
    looked_at: float = -math.inf

    async def look(self, conn: asyncpg.Connection) -> None:
        failed = [name for name, look in self.looks.items() if not await self._ask(conn, name, look)]
        if not failed:
            self.metrics.snapshot_last_success_timestamp_seconds.set(self.clock())

    async def _ask(self, conn: asyncpg.Connection, name: str, look: Look) -> bool:
        try:
            async with conn.transaction(isolation="repeatable_read", readonly=True):
                await conn.execute(f"SET LOCAL statement_timeout = {STATEMENT_MILLISECONDS}")
                await look(conn, self.metrics, self.memory, self.clock())
        except PostgresError as error:
            if conn.is_closed():
                raise
            self.metrics.snapshot_errors_total.labels(name).inc()
            structlog.get_logger().warning("snapshot.failed", operation=name, error=type(error).__name__)
            return False
        return True

    def hide(self) -> None:
        """Shows nothing that another replica may know better; a gauge without labels can only say NaN."""
        self.memory = Memory()
        shown = self.metrics
        for gauge in (
            shown.messages,
            shown.oldest_message_timestamp_seconds,
            shown.lanes_blocked,
            shown.despatches_pending,
            shown.despatches_pending_oldest_timestamp_seconds,
            shown.exceptions,
            shown.poll_watermark_timestamp_seconds,
            shown.source_last_event_timestamp_seconds,
        ):
            gauge.clear()
        shown.messages_unaccounted.set(math.nan)
        shown.effects_in_doubt.set(math.nan)


async def serve(settings: Settings) -> None:
    """Until it is cancelled. Without Postgres it goes on trying, unready, and what it showed last grows old."""
    registry = CollectorRegistry()
    exporter = Exporter(make_metrics(registry, Role.EXPORTER, {"query": tuple(LOOKS)}))
    exporter.hide()
    patience = 3 * settings.snapshot_seconds + len(LOOKS) * STATEMENT_MILLISECONDS / 1000

    async def ready() -> bool:
        return exporter.clock() - exporter.looked_at < patience

    port = settings.metrics_port_of(Role.EXPORTER)
    async with serve_probes(registry, ready, settings.metrics_host, port) as bound:
        structlog.get_logger().info("exporter.started", port=bound)
        while True:
            try:
                await _watch(settings, exporter)
            except TROUBLE as error:
                structlog.get_logger().warning("exporter.lost_database", error=type(error).__name__)
            await asyncio.sleep(settings.snapshot_seconds)


async def _watch(settings: Settings, exporter: Exporter) -> None:
    url = settings.database_url.get_secret_value()
    async with open_pool(url, size=1, application="sluice-exporter") as pool, pool.acquire() as conn:
        leads = False
        while True:
            leads = leads or await conn.fetchval("SELECT pg_try_advisory_lock($1)", LOCK)
            if leads:
                await exporter.look(conn)
            else:
                exporter.hide()
            exporter.looked_at = exporter.clock()
            await asyncio.sleep(settings.snapshot_seconds)
