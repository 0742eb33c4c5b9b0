"""What our ledger knows of a SKU and the ERP's books do not show: I, S and D of flows.md 2.1, order by order."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import asyncpg

from app.domain.availability import Term
from app.domain.lanes import sku_key
from app.domain.rules import Mappings


@dataclass(frozen=True, slots=True)
class Outstanding:
    """Units of one order. `name`: the channel's shipment or the ERP's despatch note, "" for what is only accepted."""

    term: Term
    connection: str
    ref: str
    name: str
    units: Decimal
    since: datetime


async def read(pool: asyncpg.Pool, code: str, mappings: Mappings) -> list[Outstanding]:
    """The oldest first. `code`: the ERP's. An order that is not in the ERP counts under the code that its line's SKU is
    or is an alias of; what only a barcode would tell is told by the ERP.
    """
    wanted = sku_key(code)
    spellings = {wanted, *(alias for (_, alias), named in mappings.sku_aliases.items() if named == wanted)}
    rows = await pool.fetch(
        """
        SELECT 'accepted' AS term, l.connection, l.ref, '' AS name, l.ordered::numeric AS units,
               o.first_seen_at AS since, l.sku
        FROM order_line AS l JOIN order_snapshot AS o USING (connection, ref)
        WHERE l.sku = ANY($2::text[]) AND l.ordered > 0 AND o.standing IN ('releasable', 'held')
          AND NOT EXISTS (SELECT FROM binding AS b WHERE b.connection = l.connection AND b.ref = l.ref)
        UNION ALL SELECT 'shipped', connection, ref, shipment, (goods ->> $1)::numeric, seen_at, NULL
        FROM shipped WHERE confirmed_at IS NULL AND goods ? $1
        UNION ALL SELECT 'despatched', connection, ref, note, (goods ->> $1)::numeric, seen_at, NULL
        FROM despatch_seen WHERE told_at IS NULL AND goods ? $1
        ORDER BY since, connection, ref, name
        """,
        wanted,
        sorted(spellings),
    )
    return [
        Outstanding(Term(row["term"]), row["connection"], row["ref"], row["name"], row["units"], row["since"])
        for row in rows
        if row["sku"] is None or (mappings.find_alias(row["connection"], row["sku"]) or row["sku"]) == wanted
    ]


def units_of(rows: Iterable[Outstanding], term: Term) -> dict[str, Decimal]:
    """Connection -> units."""
    found: dict[str, Decimal] = {}
    for row in rows:
        if row.term is term:
            found[row.connection] = found.get(row.connection, Decimal(0)) + row.units
    return found
