"""Places in lanes. Lock first; then, in a new statement, stand or leave: the new snapshot is what makes it right."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import asyncpg


class MovedError(Exception):
    """A message changed between the look and the lock: the transaction is given up and tried again later."""


async def lock(conn: asyncpg.Connection, lanes: Iterable[str]) -> None:
    """Locks lane rows in the one order, making those that are missing.

    The conflict arm locks the row even though it updates nothing, also when another transaction has just deleted it.
    """
    keys = sorted(set(lanes))
    if keys:
        await conn.execute(
            """
            INSERT INTO lane (key) SELECT key FROM unnest($1::text[]) WITH ORDINALITY AS given(key, place) ORDER BY place
            ON CONFLICT (key) DO UPDATE SET key = excluded.key WHERE false
            """,
            keys,
        )


async def draw(conn: asyncpg.Connection, count: int) -> list[int]:
    """Rising numbers. Only ever called while all lanes concerned are locked: drawn earlier, ticket order would not
    be commit order, and two lanes could disagree about who came first.
    """
    rows = await conn.fetch("SELECT nextval('ticket_seq') AS number FROM generate_series(1, $1::int)", count)
    return sorted(row["number"] for row in rows)


@dataclass(frozen=True, slots=True)
class Standing:
    """A message about to stand in `lanes` under `ticket`."""

    message_id: int
    lanes: Sequence[str]
    ticket: int


async def stand(conn: asyncpg.Connection, standings: Sequence[Standing]) -> None:
    places = [(lane, standing) for standing in standings for lane in standing.lanes]
    await conn.execute(
        "INSERT INTO ticket (lane, ticket, message_id) SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[])",
        [lane for lane, _ in places],
        [standing.ticket for _, standing in places],
        [standing.message_id for _, standing in places],
    )


@dataclass(frozen=True, slots=True)
class Freed:
    """What leaving brought: message -> lanes that it now heads, and the new heads of order lanes."""

    heads: dict[int, int]
    order_heads: list[int]


async def leave(
    conn: asyncpg.Connection, places: Sequence[tuple[str, int]], *, keep: Collection[str] = ()
) -> Freed:
    """Removes (lane, ticket) places of locked lanes and says who moved up. Leaving from mid-lane moves nobody up.

    Lanes that are empty then go too, but for those of `keep`. The snapshot is that of this statement: it begins when the
    locks are held, and what it deletes itself is left out by name.
    """
    if not places:
        return Freed({}, [])
    rows = await conn.fetch(
        """
        WITH gone AS (SELECT lane, number FROM unnest($1::text[], $2::bigint[]) AS gone(lane, number)),
        left_ AS (
            DELETE FROM ticket USING gone WHERE ticket.lane = gone.lane AND ticket.ticket = gone.number
        ), next AS (
            SELECT first.lane, first.number, head.ticket, head.message_id
            FROM (SELECT lane, min(number) AS number, array_agg(number) AS numbers FROM gone GROUP BY lane) AS first
            LEFT JOIN LATERAL (
                SELECT ticket, message_id FROM ticket WHERE ticket.lane = first.lane AND ticket.ticket <> ALL(first.numbers)
                ORDER BY ticket.ticket LIMIT 1) AS head ON true
        ), emptied AS (
            DELETE FROM lane USING next WHERE lane.key = next.lane AND next.ticket IS NULL AND lane.key <> ALL($3::text[])
        )
        SELECT message_id, lane LIKE 'order:%' AS is_order, count(*)::int AS lanes
        FROM next WHERE ticket > number GROUP BY message_id, is_order
        """,
        [lane for lane, _ in places],
        [ticket for _, ticket in places],
        list(keep),
    )
    return Freed(
        {row["message_id"]: row["lanes"] for row in rows if not row["is_order"]},
        [row["message_id"] for row in rows if row["is_order"]],
    )


async def sweep(conn: asyncpg.Connection, lanes: Iterable[str]) -> None:
    """Removes those of the locked lanes that are empty; called last, when whoever came in the same transaction stands."""
    if keys := sorted(lanes):
        await conn.execute(
            """
            DELETE FROM lane WHERE key = ANY($1::text[])
            AND NOT EXISTS (SELECT FROM ticket WHERE ticket.lane = lane.key)
            """,
            keys,
        )
