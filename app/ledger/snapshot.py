"""Order snapshots: the newest state of each channel order that we have seen, and how two of them compare."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import asyncpg
from pydantic import TypeAdapter

from app.domain.lanes import sku_key
from app.domain.order import Order

_ORDER: TypeAdapter[Order] = TypeAdapter(Order)
_PASSING = (
    *("standing", "hold_reason", "channel_status", "updated_at", "payment_method", "shipped", "paused"),
    *("unpriced", "unacknowledged", "dispatched"),
)
"""Fields whose change alone changes nothing that the ERP was told; a line that gets its price changes in its figures."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`content`: digest of what the ERP is told; equal content needs no new document. `sent`: an older state of the order
    that it may have been told, without an answer.
    """

    order: Order
    content: bytes
    version_at: datetime
    sent: Order | None = None


@dataclass(frozen=True, slots=True)
class OrderSeen:
    """Fact: this is the newest state of the order that we know."""

    order: Order


def to_json(order: Order) -> dict[str, Any]:
    dumped: dict[str, Any] = _ORDER.dump_python(order, mode="json")
    return dumped


def from_json(stored: Mapping[str, Any]) -> Order:
    return _ORDER.validate_python(dict(stored))


def content_of(order: Order) -> bytes:
    """SHA-256 over the parts of an order that a sales order is made of; 10.0 and 10.00 are the same money. What an order
    lacks leaves no trace, so that a field that we learn to read makes no older order look edited.
    """
    plain = _ORDER.dump_python(order)
    kept = {name: value for name, value in plain.items() if name not in _PASSING and value is not None}
    return hashlib.sha256(json.dumps(kept, default=_spell, sort_keys=True).encode()).digest()


def _spell(value: object) -> str:
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)


async def read(
    conn: asyncpg.Pool | asyncpg.Connection, connection: str, refs: Sequence[str]
) -> dict[str, Snapshot]:
    rows = await conn.fetch(
        """
        SELECT ref, snapshot, snapshot_hash, version_at, sent FROM order_snapshot
        WHERE connection = $1 AND ref = ANY($2::text[])
        """,
        connection,
        list(refs),
    )
    return {row["ref"]: _snapshot(row) for row in rows}


def _snapshot(row: asyncpg.Record) -> Snapshot:
    sent = from_json(row["sent"]) if row["sent"] else None
    return Snapshot(from_json(row["snapshot"]), row["snapshot_hash"], row["version_at"], sent)


async def record(conn: asyncpg.Connection, orders: Sequence[Order]) -> None:
    """Keeps what is newer than what is kept; a late, older read changes nothing."""
    newest = {(order.connection, order.ref): order for order in sorted(orders, key=lambda o: o.updated_at)}
    rows = await conn.fetch(
        """
        INSERT INTO order_snapshot AS kept (connection, ref, snapshot, snapshot_hash, standing, hold_reason, version_at)
        SELECT connection, ref, snapshot::jsonb, digest, standing, hold_reason, version_at
        FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::text[], $6::text[], $7::timestamptz[])
            AS given(connection, ref, snapshot, digest, standing, hold_reason, version_at)
        ORDER BY connection, ref
        ON CONFLICT (connection, ref) DO UPDATE SET snapshot = excluded.snapshot,
            snapshot_hash = excluded.snapshot_hash, standing = excluded.standing,
            hold_reason = excluded.hold_reason, version_at = excluded.version_at, changed_at = now(),
            sent = CASE WHEN kept.snapshot_hash <> excluded.snapshot_hash AND EXISTS (
                SELECT FROM message AS m JOIN intent AS i ON i.message_id = m.id
                WHERE m.source = kept.connection AND m.order_ref = kept.ref AND i.request_hash = kept.snapshot_hash
            ) THEN kept.snapshot ELSE kept.sent END
        WHERE kept.version_at <= excluded.version_at
        RETURNING connection, ref
        """,
        [order.connection for order in newest.values()],
        [order.ref for order in newest.values()],
        [json.dumps(to_json(order), ensure_ascii=False) for order in newest.values()],
        [content_of(order) for order in newest.values()],
        [order.standing.value for order in newest.values()],
        [order.hold_reason for order in newest.values()],
        [order.updated_at for order in newest.values()],
    )
    await _record_lines(conn, [newest[row["connection"], row["ref"]] for row in rows])


async def _record_lines(conn: asyncpg.Connection, orders: Sequence[Order]) -> None:
    """Lines that vanished from the channel keep their row with nothing ordered: counters never disappear."""
    await conn.execute(
        """
        UPDATE order_line AS l SET cancelled = greatest(l.cancelled, l.ordered), ordered = 0
        FROM unnest($1::text[], $2::text[]) AS given(connection, ref)
        WHERE l.connection = given.connection AND l.ref = given.ref
        """,
        [order.connection for order in orders],
        [order.ref for order in orders],
    )
    lines = [(order, line) for order in orders for line in order.lines]
    await conn.execute(
        """
        INSERT INTO order_line (connection, ref, line_ref, sku, ordered, cancelled)
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int[], $6::int[])
        ON CONFLICT (connection, ref, line_ref) DO UPDATE SET sku = excluded.sku, ordered = excluded.ordered,
            cancelled = excluded.cancelled
        """,
        [order.connection for order, _ in lines],
        [order.ref for order, _ in lines],
        [line.ref for _, line in lines],
        [sku_key(line.sku) for _, line in lines],
        [line.quantity for _, line in lines],
        [line.cancelled for _, line in lines],
    )
