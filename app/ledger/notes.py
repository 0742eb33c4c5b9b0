"""D_c of flows.md 2.1: despatches of the ERP that a channel was not told yet. Its goods have left the ERP's stock, and the
channel still holds them for its shopper.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import asyncpg

from app.domain.despatch import Note
from app.ledger.parcel import ParcelTold, goods_of


@dataclass(frozen=True, slots=True)
class NotesSeen:
    """Fact: these are all the notes that the document has now. `name`: connection and ref of its order."""

    erp: str
    document_id: int
    name: tuple[str, str]
    notes: tuple[Note, ...]


async def record(conn: asyncpg.Connection, facts: Sequence[NotesSeen]) -> None:
    """A note that is gone before its channel was told leaves nothing to tell; what was told stays as it was told."""
    for fact in sorted(facts, key=lambda fact: (fact.erp, fact.document_id)):
        numbers = [note.number for note in fact.notes]
        await conn.execute(
            """
            DELETE FROM despatch_seen
            WHERE erp = $1 AND document_id = $2 AND note <> ALL($3::text[]) AND told_at IS NULL
            """,
            fact.erp,
            fact.document_id,
            numbers,
        )
        for note in sorted(fact.notes, key=lambda note: note.number):
            await _keep(conn, fact, note)


async def _keep(conn: asyncpg.Connection, fact: NotesSeen, note: Note) -> None:
    await conn.execute(
        """
        INSERT INTO despatch_seen AS kept (erp, document_id, note, connection, ref, goods, told_at)
        VALUES ($1, $2, $3, $4, $5, $6,
                (SELECT told_at FROM parcel_told WHERE connection = $4 AND ref = $5 AND note = $3))
        ON CONFLICT (erp, document_id, note) DO UPDATE SET goods = excluded.goods WHERE kept.told_at IS NULL
        """,
        fact.erp,
        fact.document_id,
        note.number,
        *fact.name,
        goods_of(note),
    )


async def tell(conn: asyncpg.Connection, facts: Sequence[ParcelTold]) -> None:
    for fact in facts:
        await conn.execute(
            """
            UPDATE despatch_seen SET told_at = now()
            WHERE connection = $1 AND ref = $2 AND note = $3 AND told_at IS NULL
            """,
            fact.connection,
            fact.ref,
            fact.note.number,
        )


async def told_by_hand(pool: asyncpg.Pool, connection: str, ref: str) -> list[dict[str, Decimal]]:
    """Goods of each note that a person told the channel of: the ERP's normalised code -> units."""
    rows = await pool.fetch(
        """
        SELECT goods FROM despatch_seen AS d
        WHERE connection = $1 AND ref = $2 AND told_at IS NOT NULL AND NOT EXISTS (
            SELECT FROM parcel_told AS p WHERE p.connection = d.connection AND p.ref = d.ref AND p.note = d.note
        )
        ORDER BY note
        """,
        connection,
        ref,
    )
    return [{code: Decimal(units) for code, units in row["goods"].items()} for row in rows]


async def tell_by_hand(conn: asyncpg.Connection, message_ids: Sequence[int]) -> None:
    """A person says that the channel has what these messages were to tell it."""
    await conn.execute(
        """
        UPDATE despatch_seen AS d SET told_at = now() FROM message AS m
        WHERE m.id = ANY($1::bigint[]) AND d.connection = m.source AND d.ref = m.order_ref
          AND d.note = m.body ->> 'note' AND d.told_at IS NULL
        """,
        list(message_ids),
    )
