"""What channels shipped by themselves: gone, whatever the ERP's books still hold (RC-02)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import asyncpg


@dataclass(frozen=True, slots=True)
class ShippedSeen:
    """Fact: the channel shows that this left. `goods`: the ERP's code -> units."""

    connection: str
    ref: str
    shipment: str
    goods: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class ShippedConfirmed:
    """Fact: the ERP has despatched it."""

    connection: str
    ref: str
    shipment: str


async def noted(pool: asyncpg.Pool, connection: str, refs: Sequence[str]) -> dict[str, frozenset[str]]:
    """Order -> its shipments that we know of; orders without any are left out."""
    rows = await pool.fetch(
        """
        SELECT ref, array_agg(shipment) AS shipments FROM shipped
        WHERE connection = $1 AND ref = ANY($2::text[]) GROUP BY ref
        """,
        connection,
        list(refs),
    )
    return {row["ref"]: frozenset(row["shipments"]) for row in rows}


async def confirmed(pool: asyncpg.Pool, connection: str, ref: str) -> list[dict[str, Decimal]]:
    """Goods of each shipment of the order that the ERP has despatched."""
    rows = await pool.fetch(
        "SELECT goods FROM shipped WHERE connection = $1 AND ref = $2 AND confirmed_at IS NOT NULL",
        connection,
        ref,
    )
    return [{code: Decimal(units) for code, units in row["goods"].items()} for row in rows]


async def of_messages(conn: asyncpg.Connection, ids: Sequence[int]) -> list[ShippedConfirmed]:
    """What these messages were to confirm, of those that were to confirm any."""
    rows = await conn.fetch(
        """
        SELECT source, order_ref, body ->> 'shipment' AS shipment FROM message
        WHERE id = ANY($1::bigint[]) AND kind LIKE '%.despatch.confirm'
        """,
        list(ids),
    )
    return [ShippedConfirmed(row["source"], row["order_ref"], row["shipment"]) for row in rows]


async def record(conn: asyncpg.Connection, facts: Sequence[ShippedSeen | ShippedConfirmed]) -> None:
    for fact in sorted(facts, key=lambda one: (one.connection, one.ref, one.shipment)):
        if isinstance(fact, ShippedSeen):
            await _note(conn, fact)
        else:
            await confirm(conn, fact)


async def _note(conn: asyncpg.Connection, fact: ShippedSeen) -> None:
    await conn.execute(
        """
        INSERT INTO shipped (connection, ref, shipment, goods) VALUES ($1, $2, $3, $4)
        ON CONFLICT (connection, ref, shipment) DO NOTHING
        """,
        fact.connection,
        fact.ref,
        fact.shipment,
        {code: f"{units.normalize():f}" for code, units in fact.goods.items()},
    )


async def confirm(conn: asyncpg.Connection, fact: ShippedConfirmed) -> None:
    await conn.execute(
        """
        UPDATE shipped SET confirmed_at = now()
        WHERE connection = $1 AND ref = $2 AND shipment = $3 AND confirmed_at IS NULL
        """,
        fact.connection,
        fact.ref,
        fact.shipment,
    )
