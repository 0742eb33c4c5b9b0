"""I_k of flows.md 2.1: units accepted for a channel and not yet in the ERP, parked ones included: never resold."""

from collections.abc import Sequence

import asyncpg


async def reserved(pool: asyncpg.Pool, skus: Sequence[str]) -> dict[str, dict[str, int]]:
    """Normalised SKU -> connection -> units."""
    rows = await pool.fetch(
        """
        SELECT l.sku, l.connection, sum(l.ordered)::int AS units FROM order_line AS l
        JOIN order_snapshot AS o USING (connection, ref)
        WHERE l.sku = ANY($1::text[]) AND o.standing IN ('releasable', 'held')
          AND NOT EXISTS (SELECT FROM binding AS b WHERE b.connection = l.connection AND b.ref = l.ref)
        GROUP BY l.sku, l.connection
        """,
        list(skus),
    )
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        found.setdefault(row["sku"], {})[row["connection"]] = row["units"]
    return found
