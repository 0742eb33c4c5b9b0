"""What the lists of channels held when they were last walked: only what is new or changed becomes a message."""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from app.domain.channel import Listed, Walk


@dataclass(frozen=True, slots=True)
class Walked:
    """Fact: a page of a walk was read. `new`: items that were not listed before."""

    connection: str
    poll: str
    walk: Walk
    new: frozenset[str]


@dataclass(frozen=True, slots=True)
class Dropped:
    """Fact: our own doing takes the order off the lists; nobody has to look why it left."""

    connection: str
    ref: str


@dataclass(frozen=True, slots=True)
class Doubted:
    """Fact: rows of the order count as changed, whatever they hold when they are listed next; one that leaves is missed."""

    connection: str
    ref: str


@dataclass(frozen=True, slots=True)
class Found:
    """`fresh`: rows that are new or changed, of which `new` were not listed before. `left`: (item, order ref) of what
    left the list; `again`: the walk found something new on this page or an earlier one. Both are told when it ends.
    """

    fresh: tuple[Listed, ...]
    new: frozenset[str] = frozenset()
    left: tuple[tuple[str, str], ...] = ()
    again: bool = False


async def compare(pool: asyncpg.Pool, connection: str, poll: str, walk: Walk) -> Found:
    items = [row.item for row in walk.rows]
    known = await pool.fetch(
        "SELECT item, fingerprint FROM channel_listing WHERE connection = $1 AND poll = $2 AND item = ANY($3::text[])",
        connection,
        poll,
        items,
    )
    fingerprints = {row["item"]: row["fingerprint"] for row in known}
    fresh = tuple(row for row in walk.rows if fingerprints.get(row.item) != row.fingerprint)
    new = frozenset(row.item for row in fresh if row.item not in fingerprints)
    if not walk.ended:
        return Found(fresh, new)
    rows = await pool.fetch(
        """
        SELECT item, order_ref, walk < $3::bigint AS left_it FROM channel_listing
        WHERE connection = $1 AND poll = $2 AND (walk < $3::bigint OR changed_in = $3::bigint) AND item <> ALL($4::text[])
        """,
        connection,
        poll,
        walk.number,
        items,
    )
    left = tuple((row["item"], row["order_ref"]) for row in rows if row["left_it"] and row["order_ref"])
    return Found(fresh, new, left, bool(new) or any(not row["left_it"] for row in rows))


async def record(conn: asyncpg.Connection, fact: Walked) -> None:
    rows: Sequence[Listed] = list({row.item: row for row in fact.walk.rows}.values())
    await conn.execute(
        """
        INSERT INTO channel_listing AS kept (connection, poll, item, fingerprint, order_ref, walk, changed_in)
        SELECT $1, $2, item, fingerprint, order_ref, $3::bigint, CASE WHEN new THEN $3::bigint ELSE 0 END
        FROM unnest($4::text[], $5::text[], $6::text[], $7::bool[]) AS given(item, fingerprint, order_ref, new)
        ON CONFLICT (connection, poll, item) DO UPDATE SET fingerprint = excluded.fingerprint, walk = excluded.walk,
            changed_in = greatest(kept.changed_in, excluded.changed_in)
        """,
        fact.connection,
        fact.poll,
        fact.walk.number,
        [row.item for row in rows],
        [row.fingerprint for row in rows],
        [row.draft.order_ref for row in rows],
        [row.item in fact.new for row in rows],
    )
    if fact.walk.ended:
        await conn.execute(
            "DELETE FROM channel_listing WHERE connection = $1 AND poll = $2 AND walk < $3",
            fact.connection,
            fact.poll,
            fact.walk.number,
        )


async def drop(conn: asyncpg.Connection, facts: Sequence[Dropped]) -> None:
    await conn.execute(
        """
        DELETE FROM channel_listing AS l USING unnest($1::text[], $2::text[]) AS given(connection, ref)
        WHERE l.connection = given.connection AND l.order_ref = given.ref
        """,
        [fact.connection for fact in facts],
        [fact.ref for fact in facts],
    )


async def doubt(conn: asyncpg.Connection, fact: Doubted) -> None:
    await conn.execute(
        "UPDATE channel_listing SET fingerprint = '' WHERE connection = $1 AND order_ref = $2",
        fact.connection,
        fact.ref,
    )
