"""An ERP without idempotency: whatever is written is a document, written again it is a second one. Nothing here knows
the outbox; its connections are its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg


@dataclass(frozen=True, slots=True)
class Document:
    """`ticket`: the place that its message held in the lanes of `skus` when it was written, None where it held none."""

    key: str
    ref: str
    number: int
    skus: tuple[str, ...]
    ticket: int | None


async def found(pool: asyncpg.Pool) -> None:
    await pool.execute(
        """
        CREATE TABLE document (seq bigserial PRIMARY KEY, key text NOT NULL, ref text NOT NULL, number int NOT NULL,
                               skus text[] NOT NULL, ticket bigint);
        CREATE INDEX document_key ON document (key);
        CREATE FUNCTION seek(keys text[]) RETURNS SETOF text LANGUAGE plpgsql AS $$
        BEGIN
            LOCK TABLE document IN SHARE MODE;
            RETURN QUERY SELECT key FROM document WHERE key = ANY(keys);
        END $$;
        """
    )


async def write(pool: asyncpg.Pool, documents: Sequence[Document], deadline: datetime) -> set[str]:
    """In this order. What would be late is not written at all, as with a server that has a time-out of its own."""
    rows = await pool.fetch(
        """
        INSERT INTO document (key, ref, number, skus, ticket)
        SELECT key, ref, number, string_to_array(skus, ' '), ticket
        FROM unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::bigint[]) WITH ORDINALITY
            AS given(key, ref, number, skus, ticket, place)
        WHERE clock_timestamp() < $6 ORDER BY place RETURNING key
        """,
        [one.key for one in documents],
        [one.ref for one in documents],
        [one.number for one in documents],
        [" ".join(one.skus) for one in documents],
        [one.ticket for one in documents],
        deadline,
    )
    return {row["key"] for row in rows}


async def seek(pool: asyncpg.Pool, keys: Sequence[str]) -> set[str]:
    """Waits for what is being written: what is not found after its deadline will never be there."""
    return {row["key"] for row in await pool.fetch("SELECT seek($1::text[]) AS key", list(keys))}


async def read(pool: asyncpg.Pool) -> list[Document]:
    """All, as they were written."""
    rows = await pool.fetch("SELECT key, ref, number, skus, ticket FROM document ORDER BY seq")
    return [
        Document(row["key"], row["ref"], row["number"], tuple(row["skus"]), row["ticket"]) for row in rows
    ]


async def aside(pool: asyncpg.Pool) -> frozenset[str]:
    """Keys of what left its lanes while it was in doubt: it may have been written after those that came behind it."""
    rows = await pool.fetch(
        "SELECT key FROM message AS m JOIN receipt AS r ON r.message_id = m.id WHERE r.aside = 'in_doubt'"
    )
    return frozenset(row["key"] for row in rows)
