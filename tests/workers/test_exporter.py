import asyncio
import math
import time

import asyncpg
import httpx
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from app.settings import load
from app.telemetry.catalogue import make_metrics
from app.telemetry.words import Role
from workers.exporter import LOCK, Exporter, serve
from workers.looks import LOOKS, SLICE, SLICES_A_LOOK

NOW = 1_800_000_000.0


class Scene:
    """An exporter, its registry, and a way to make rows without the outbox."""

    def __init__(self, conn):
        self.conn = conn
        self.registry = CollectorRegistry()
        self.exporter = Exporter(make_metrics(self.registry, Role.EXPORTER), clock=lambda: NOW)

    async def look(self):
        await self.exporter.look(self.conn)

    def value(self, name, **labels):
        return self.registry.get_sample_value("sluice_" + name, labels)

    async def message(self, number, *, state="ready", key=True, source="uk", **columns):
        """An open message; `columns` of message_state besides."""
        await self.received(number, source=source, key=key)
        row = {"id": number, "kind": "k", "destination": "sage200:main", "source": source, "state": state}
        row |= columns
        names = ", ".join(row)
        marks = ", ".join(f"${place}" for place in range(1, len(row) + 1))
        await self.conn.execute(f"INSERT INTO message_state ({names}) VALUES ({marks})", *row.values())
        for lane in columns.get("lanes", ()):
            await self.ticket(lane, columns["ticket"], number)
        if "order_lane" in columns:
            await self.ticket(columns["order_lane"], columns["order_ticket"], number)

    async def received(self, number, *, source="uk", key=True, cls="notice"):
        await self.conn.execute(
            "INSERT INTO message (id, kind, cls, destination, source, key) VALUES ($1, 'k', $2, 'sage200:main', $3, $4)",
            number,
            cls,
            source,
            f"key/{number}" if key else None,
        )
        if key:
            await self.key(number, source=source)
        await self.conn.execute(
            "SELECT setval('message_id_seq', greatest($1, last_value)) FROM message_id_seq", number
        )

    async def key(self, number, *, source="uk"):
        await self.conn.execute(
            "INSERT INTO idempotency_key (key, message_id, source, body_hash) VALUES ($1, $2, $3, '')",
            f"key/{number}",
            number,
            source,
        )

    async def receipt(self, number):
        await self.conn.execute(
            "INSERT INTO receipt (message_id, kind, source, result, keyed) VALUES ($1, 'k', 'uk', 'applied', true)",
            number,
        )

    async def ticket(self, lane, ticket, number):
        await self.conn.execute(
            "INSERT INTO ticket (lane, ticket, message_id) VALUES ($1, $2, $3)", lane, ticket, number
        )


@pytest.fixture
async def scene(pool):
    async with pool.acquire() as conn:
        yield Scene(conn)


async def test_open_messages_are_counted_by_state_and_destination(scene):
    for number, state in enumerate(["ready", "ready", "in_doubt", "parked"], start=1):
        await scene.message(number, state=state)
    await scene.look()
    assert scene.value("messages", state="ready", destination="sage200:main") == 2
    assert scene.value("messages", state="leased", destination="sage200:main") == 0
    assert scene.value("effects_in_doubt") == 1


async def test_oldest_is_the_snapshots_time_where_nothing_waits(scene):
    await scene.message(1)
    await scene.conn.execute("UPDATE message_state SET received_at = to_timestamp(1700000000)")
    await scene.look()
    oldest = "oldest_message_timestamp_seconds"
    assert scene.value(oldest, state="ready", destination="sage200:main") == 1_700_000_000
    assert scene.value(oldest, state="parked", destination="sage200:main") == NOW


async def test_count_falls_back_to_zero_when_the_messages_are_gone(scene):
    await scene.message(1, state="parked")
    await scene.look()
    await scene.conn.execute("DELETE FROM message_state")
    await scene.look()
    assert scene.value("messages", state="parked", destination="sage200:main") == 0


async def test_despatches_that_one_side_lacks_are_counted_with_the_oldest(scene):
    at = "to_timestamp(1700000000)"
    await scene.conn.execute(
        f"INSERT INTO shipped (connection, ref, shipment, goods, seen_at) VALUES ('uk', '1', 'S1', '{{}}', {at}), ('uk', '1', 'S2', '{{}}', now())"
    )
    await scene.look()
    pending, oldest = "despatches_pending", "despatches_pending_oldest_timestamp_seconds"
    assert [scene.value(pending, direction=one) for one in ("to_erp", "to_channel")] == [2, 0]
    assert [scene.value(oldest, direction=one) for one in ("to_erp", "to_channel")] == [1_700_000_000, NOW]


@pytest.mark.parametrize(
    ("cause", "columns"),
    [
        ("in_doubt", {"state": "in_doubt"}),
        ("parked", {"state": "parked"}),
        ("retry", {"state": "ready", "due_at": "later"}),
        ("snooze", {"state": "ready", "due_at": "later"}),
        ("destination", {"state": "ready"}),
    ],
)
async def test_lane_is_blocked_by_the_cause_of_its_head(scene, cause, columns):
    later = await scene.conn.fetchval("SELECT now() + interval '1 hour'")
    given = {name: later if value == "later" else value for name, value in columns.items()}
    if cause == "destination":
        await scene.conn.execute(
            "INSERT INTO destination (name, resume_at) VALUES ('sage200:main', now() + interval '1 hour')"
        )
    await scene.message(1, **given, order_lane="order:uk/1", order_ticket=1, lanes=["sku:A"], ticket=2)
    await scene.message(2, state="waiting", blockers=1, lanes=["sku:A"], ticket=3)
    await scene.conn.execute("INSERT INTO attempt (message_id, token, verdict) VALUES (1, 1, 'retry')")
    if cause == "snooze":
        await scene.conn.execute("INSERT INTO attempt (message_id, token, verdict) VALUES (1, 2, 'snooze')")
    await scene.look()
    blocked = {sample.labels["cause"]: sample.value for sample in _samples(scene, "sluice_lanes_blocked")}
    assert blocked.pop(cause) == 1
    assert set(blocked.values()) == {0}


async def test_lane_that_moves_is_not_blocked(scene):
    await scene.message(1, state="leased", lanes=["sku:A"], ticket=1)
    await scene.message(2, state="waiting", blockers=1, lanes=["sku:A"], ticket=2)
    await scene.message(3, state="parked", order_lane="order:uk/3", order_ticket=3)
    await scene.look()
    assert {sample.value for sample in _samples(scene, "sluice_lanes_blocked")} == {0}


def _samples(scene, name):
    return [sample for metric in scene.registry.collect() for sample in metric.samples if sample.name == name]


async def test_key_without_an_end_is_unaccounted(scene):
    await scene.message(1)
    await scene.received(2)
    await scene.receipt(2)
    await scene.look()
    assert scene.value("messages_unaccounted") == 0
    await scene.key(3)
    await scene.message(4)
    await scene.conn.execute("DELETE FROM message_state WHERE id = 4")
    await scene.look()
    assert scene.value("messages_unaccounted") == 2


async def test_state_message_needs_no_receipt(scene):
    await scene.received(1, key=False, cls="state")
    await scene.look()
    assert scene.value("messages_unaccounted") == 0


async def test_loss_deep_in_history_is_found_in_turn_and_not_forgotten(scene):
    await scene.key(1)
    await scene.message(40 * SLICE)
    for _ in range(40 // SLICES_A_LOOK + 1):
        await scene.look()
    assert scene.value("messages_unaccounted") == 1
    await scene.look()
    assert scene.value("messages_unaccounted") == 1
    await scene.receipt(1)
    await scene.look()
    assert scene.value("messages_unaccounted") == 0


async def test_dropped_partition_is_accounted_for_by_its_rollup(scene):
    for number in (1, 2, 3):
        await scene.received(number)
        await scene.receipt(number)
    await scene.message(1_000_001)
    await scene.conn.execute("DROP TABLE receipt_p0")
    await scene.conn.execute("INSERT INTO message_rollup VALUES ('uk', 'applied', 2)")
    for _ in range(10):
        await scene.look()
    assert scene.value("messages_unaccounted") == 1
    await scene.conn.execute("UPDATE message_rollup SET messages = 3")
    await scene.look()
    assert scene.value("messages_unaccounted") == 0


async def test_cases_are_counted_while_they_are_open(scene):
    await scene.conn.execute(
        """INSERT INTO exception_case (source, flag, code, owner, violations)
        VALUES ('uk', false, 'E-VAT-UNMAPPED', 'finance', '[]'), ('uk', false, 'E-VAT-UNMAPPED', 'finance', '[]')"""
    )
    await scene.look()
    assert scene.value("exceptions", code="E-VAT-UNMAPPED", owner="finance") == 2
    await scene.conn.execute("UPDATE exception_case SET closed_at = now()")
    await scene.look()
    assert scene.value("exceptions", code="E-VAT-UNMAPPED", owner="finance") is None


async def test_poll_shows_how_far_it_is(scene):
    await scene.conn.execute(
        "INSERT INTO poll_cursor (connection, poll, cursor, horizon) VALUES ('uk', 'orders', '{}', to_timestamp(1700000000))"
    )
    await scene.look()
    assert scene.value("poll_watermark_timestamp_seconds", connection="uk", poll="orders") == 1_700_000_000


async def test_last_event_of_a_quiet_source_is_remembered(scene):
    await scene.received(1, source="uk")
    await scene.conn.execute("UPDATE message SET received_at = to_timestamp(1700000000)")
    await scene.look()
    await scene.received(900_000, source="us")
    await scene.look()
    last = "source_last_event_timestamp_seconds"
    assert scene.value(last, connection="uk") == 1_700_000_000
    assert scene.value(last, connection="us") > 1_700_000_000


async def test_look_that_fails_spoils_no_other(scene):
    await scene.message(1)
    await scene.conn.execute("ALTER TABLE exception_case RENAME TO gone")
    await scene.look()
    assert scene.value("messages", state="ready", destination="sage200:main") == 1
    assert scene.value("snapshot_errors_total", query="cases") == 1
    assert scene.value("snapshot_last_success_timestamp_seconds") == 0


async def test_whole_look_tells_when_it_was(scene):
    await scene.look()
    assert scene.value("snapshot_last_success_timestamp_seconds") == NOW


async def test_looks_cannot_write(scene):
    async def write(conn, *_rest):
        await conn.execute("DELETE FROM audit")

    scene.exporter.looks = {"bad": write}
    await scene.look()
    assert scene.value("snapshot_errors_total", query="bad") == 1


async def test_look_that_takes_too_long_is_cut(scene):
    async def doze(conn, *_rest):
        await conn.execute("SELECT pg_sleep(30)")

    scene.exporter.looks = {"slow": doze}
    started = time.monotonic()
    await scene.look()
    assert scene.value("snapshot_errors_total", query="slow") == 1
    assert time.monotonic() - started < 10


async def test_hidden_exporter_shows_no_number_that_looks_healthy(scene):
    await scene.message(1)
    await scene.look()
    scene.exporter.hide()
    assert math.isnan(scene.value("messages_unaccounted"))
    assert math.isnan(scene.value("effects_in_doubt"))
    assert b"sluice_messages{" not in generate_latest(scene.registry)


async def get(port, path):
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        return await client.get(path)


async def until(check):
    async with asyncio.timeout(20):
        while not await check():
            continue  # each check is a request of its own


@pytest.fixture
def settings(database_url, unused_tcp_port):
    return load(
        {
            "SLUICE_DATABASE_URL": database_url,
            "SLUICE_REDIS_URL": "redis://127.0.0.1:1",
            "SLUICE_METRICS_PORT": str(unused_tcp_port),
            "SLUICE_SNAPSHOT_SECONDS": "0.05",
        }
    )


async def running(settings, check):
    task = asyncio.create_task(serve(settings))

    async def shows():
        assert not task.done()
        try:
            return await check()
        except httpx.TransportError:
            return False

    try:
        await until(shows)
    finally:
        task.cancel()
        await asyncio.wait({task})


async def test_role_serves_what_it_saw(settings):
    async def shows():
        text = (await get(settings.metrics_port, "/metrics")).text
        return "sluice_messages_unaccounted 0.0" in text

    await running(settings, shows)


async def test_replica_without_the_lock_is_ready_and_silent(settings, database_url):
    holder = await asyncpg.connect(database_url)
    assert await holder.fetchval("SELECT pg_try_advisory_lock($1)", LOCK)

    async def shows():
        ready = await get(settings.metrics_port, "/readyz")
        text = (await get(settings.metrics_port, "/metrics")).text
        return ready.status_code == 200 and "sluice_messages_unaccounted NaN" in text

    await running(settings, shows)
    await holder.close()


async def test_role_outlives_a_lost_connection(settings, database_url):
    admin = await asyncpg.connect(database_url)
    await admin.execute("INSERT INTO destination (name) VALUES ('first')")
    killed = asyncio.Event()

    async def shows():
        text = (await get(settings.metrics_port, "/metrics")).text
        if 'destination="first"' in text and not killed.is_set():
            await admin.execute("INSERT INTO destination (name) VALUES ('second')")
            await admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sluice-exporter'"
                " AND datname = current_database()"
            )
            killed.set()
        return killed.is_set() and 'destination="second"' in text

    await running(settings, shows)
    await admin.close()


def test_every_look_has_a_series_from_the_start():
    registry = CollectorRegistry()
    make_metrics(registry, Role.EXPORTER, {"query": tuple(LOOKS)})
    for name in LOOKS:
        assert registry.get_sample_value("sluice_snapshot_errors_total", {"query": name}) == 0
