"""Finds orders by any of their names: the channel's number, `connection/number`, our key in the ERP, the ERP's number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import asyncpg

Name = tuple[str, str]
"""Connection and the channel's number."""


@dataclass(frozen=True, slots=True)
class OrderRow:
    """`snapshot` is in our words and holds personal data; it is null for an order that only a notice told of."""

    connection: str
    ref: str
    standing: str
    hold_reason: str
    version_at: datetime | None
    first_seen_at: datetime | None
    changed_at: datetime | None
    snapshot: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class BindingRow:
    """The document that an order became. `adopted`: found there, not answered to our send."""

    erp: str
    document_id: int
    document_no: str
    probe_key: str
    net: Decimal
    tax: Decimal
    gross: Decimal
    adopted: bool
    bound_at: datetime


async def names(pool: asyncpg.Pool, reference: str, prefixes: Mapping[str, str]) -> list[Name]:
    """Every order that `reference` may mean. `prefixes`: connection -> prefix of its keys in the ERP."""
    spelled = _spelled(reference, prefixes)
    rows = await pool.fetch(
        """
        WITH named AS (
            SELECT connection, ref FROM unnest($1::text[], $2::text[]) AS spelled(connection, ref)
        )
        SELECT connection, ref FROM named WHERE EXISTS (
            SELECT FROM order_snapshot AS o WHERE o.connection = named.connection AND o.ref = named.ref)
        UNION SELECT connection, ref FROM named WHERE EXISTS (
            SELECT FROM message AS m WHERE m.source = named.connection AND m.order_ref = named.ref)
        UNION SELECT connection, ref FROM binding WHERE document_no = $3
        UNION SELECT connection, ref FROM binding WHERE probe_key = $3
        UNION SELECT m.source, m.order_ref FROM intent AS i JOIN message AS m ON m.id = i.message_id
            WHERE i.probe_key = $3 AND m.order_ref IS NOT NULL
        ORDER BY connection, ref
        """,
        [connection for connection, _ in spelled],
        [ref for _, ref in spelled],
        reference,
    )
    return [(row["connection"], row["ref"]) for row in rows]


def _spelled(reference: str, prefixes: Mapping[str, str]) -> list[Name]:
    found = [(connection, reference) for connection in prefixes]
    connection, slash, ref = reference.partition("/")
    if slash:
        found.append((connection, ref))
    found += [
        (connection, reference[len(prefix) + 1 :])
        for connection, prefix in prefixes.items()
        if prefix and reference.upper().startswith(f"{prefix.upper()}-")
    ]
    return found


async def order(pool: asyncpg.Pool, name: Name) -> OrderRow:
    row = await pool.fetchrow(
        """
        SELECT connection, ref, standing, hold_reason, version_at, first_seen_at, changed_at, snapshot
        FROM order_snapshot WHERE connection = $1 AND ref = $2
        """,
        *name,
    )
    return OrderRow(**dict(row)) if row else OrderRow(*name, "unknown", "", None, None, None, None)


async def binding(pool: asyncpg.Pool, name: Name) -> BindingRow | None:
    row = await pool.fetchrow(
        """
        SELECT erp, document_id, document_no, probe_key, net, tax, gross, adopted, bound_at
        FROM binding WHERE connection = $1 AND ref = $2
        """,
        *name,
    )
    return BindingRow(**dict(row)) if row else None


async def standing(
    pool: asyncpg.Pool, wanted: str | None, *, after: Name = ("", ""), limit: int = 50
) -> Sequence[OrderRow]:
    """Orders by their names; with `wanted`, those of one standing (`held` is the waiting list)."""
    rows = await pool.fetch(
        """
        SELECT connection, ref, standing, hold_reason, version_at, first_seen_at, changed_at, snapshot
        FROM order_snapshot
        WHERE ($1::text IS NULL OR standing = $1) AND (connection, ref) > ($2, $3)
        ORDER BY connection, ref LIMIT $4
        """,
        wanted,
        *after,
        limit,
    )
    return [OrderRow(**dict(row)) for row in rows]
