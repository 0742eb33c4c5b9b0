"""What the outbox forgets as soon as it is used, written down by triggers of the attack's own: places as they were drawn,
leases, settlements. And a clock of Postgres that can be set.
"""

from collections.abc import Mapping

import asyncpg

from tests.chaos.history import Flight, Message, Outbox, Place, Settlement

CLOCK = """
CREATE SCHEMA chaos;
CREATE TABLE chaos.clock (seconds double precision NOT NULL);
INSERT INTO chaos.clock VALUES (0);
CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
    $$ SELECT pg_catalog.clock_timestamp() + (SELECT seconds FROM chaos.clock) * interval '1 second' $$;
CREATE FUNCTION public.now() RETURNS timestamptz LANGUAGE sql STABLE AS
    $$ SELECT pg_catalog.now() + (SELECT seconds FROM chaos.clock) * interval '1 second' $$;
"""
TRIGGERS = """
CREATE SCHEMA IF NOT EXISTS chaos;
CREATE SEQUENCE chaos.step;
CREATE TABLE chaos.place (lane text, ticket bigint, message_id bigint);
CREATE TABLE chaos.flight (message_id bigint, token bigint, lanes text[], begun bigint, ended bigint);
CREATE INDEX ON chaos.flight (message_id);
CREATE TABLE chaos.settled (message_id bigint, at bigint, result text);

CREATE FUNCTION chaos.note_place() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO chaos.place SELECT lane, ticket, message_id FROM fresh; RETURN NULL; END $$;
CREATE TRIGGER note AFTER INSERT ON ticket REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION chaos.note_place();

CREATE FUNCTION chaos.note_flight() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF OLD.state = 'leased' THEN
        UPDATE chaos.flight SET ended = nextval('chaos.step') WHERE message_id = OLD.id AND ended IS NULL;
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.state = 'leased' THEN
        INSERT INTO chaos.flight VALUES (NEW.id, NEW.token, array_remove(
            array_append(CASE WHEN NEW.ticket IS NULL THEN '{}' ELSE NEW.lanes END, NEW.order_lane), NULL),
            nextval('chaos.step'), NULL);
    END IF;
    RETURN NULL; END $$;
CREATE TRIGGER note_lease AFTER UPDATE ON message_state FOR EACH ROW
    WHEN ((OLD.state = 'leased' OR NEW.state = 'leased') AND (OLD.state, OLD.token) IS DISTINCT FROM (NEW.state, NEW.token))
    EXECUTE FUNCTION chaos.note_flight();
CREATE TRIGGER note_end AFTER DELETE ON message_state FOR EACH ROW
    WHEN (OLD.state = 'leased') EXECUTE FUNCTION chaos.note_flight();

CREATE FUNCTION chaos.note_settled() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO chaos.settled SELECT message_id, nextval('chaos.step'), result FROM fresh; RETURN NULL; END $$;
CREATE TRIGGER note AFTER INSERT ON receipt REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION chaos.note_settled();
"""


async def install_clock(conn: asyncpg.Connection) -> None:
    """Before the migrations, so that defaults of columns obey it too; `set_clock` sets it."""
    await conn.execute(CLOCK)
    name = await conn.fetchval("SELECT current_database()")
    await conn.execute(f'ALTER DATABASE "{name}" SET search_path = public, pg_catalog')


async def set_clock(pool: asyncpg.Pool, seconds: float) -> None:
    """From now on Postgres is so much ahead of the real time."""
    await pool.execute("UPDATE chaos.clock SET seconds = $1", float(seconds))


async def install(conn: asyncpg.Connection) -> None:
    """After the migrations, before anything is appended."""
    await conn.execute(TRIGGERS)


async def read_outbox(pool: asyncpg.Pool, prefixes: Mapping[str, str]) -> Outbox:
    """`prefixes`: connection -> beginning of its documents' names in the ERP."""
    async with pool.acquire() as conn, conn.transaction(isolation="repeatable_read", readonly=True):
        messages = await conn.fetch("SELECT id, source, cls, key, kind, order_ref FROM message")
        open_ = await conn.fetch("SELECT id, state, aside FROM message_state")
        receipts = await conn.fetch("SELECT message_id, result, aside FROM receipt")
        keys = await conn.fetch("SELECT key, message_id FROM idempotency_key")
        dirty = await conn.fetch("SELECT sku FROM dirty_sku")
        places = await conn.fetch("SELECT lane, ticket, message_id FROM chaos.place")
        flights = await conn.fetch("SELECT message_id, lanes, begun, ended FROM chaos.flight")
        settled = await conn.fetch("SELECT message_id, at, result FROM chaos.settled")
    asides = {row["id"]: row["aside"] for row in open_} | {
        row["message_id"]: row["aside"] for row in receipts
    }
    return Outbox(
        messages={row["id"]: _message(row, prefixes) for row in messages},
        keys={row["key"]: row["message_id"] for row in keys},
        open={row["id"]: row["state"] for row in open_},
        receipts={row["message_id"]: row["result"] for row in receipts},
        asides={number: reason for number, reason in asides.items() if reason is not None},
        dirty=frozenset(row["sku"] for row in dirty),
        places=[Place(row["lane"], row["ticket"], row["message_id"]) for row in places],
        flights=[
            Flight(row["message_id"], tuple(row["lanes"]), row["begun"], row["ended"]) for row in flights
        ],
        settled=[Settlement(row["message_id"], row["at"], row["result"]) for row in settled],
    )


def _message(row: asyncpg.Record, prefixes: Mapping[str, str]) -> Message:
    prefix = prefixes.get(row["source"])
    places = row["kind"].endswith(".sales_order.place") and prefix is not None
    fact = f"{prefix}-{row['order_ref']}" if places else None
    return Message(row["id"], row["source"], row["cls"], row["key"], fact)
