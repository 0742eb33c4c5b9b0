"""What channels were told of despatch notes: the ERP's own notes may be corrected or reversed afterwards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import asyncpg

from app.domain.despatch import Note, Parcel


@dataclass(frozen=True, slots=True)
class ParcelTold:
    """Fact: the channel knows of this note, as it was then."""

    connection: str
    ref: str
    note: Note
    parcel: Parcel


@dataclass(frozen=True, slots=True)
class Told:
    """`lines`: units of the channel's lines. `says`: what the note said when it was told."""

    lines: Mapping[str, int]
    says: tuple[str, str, Mapping[str, str]]

    def still_says(self, note: Note) -> bool:
        return self.says == _says(note)


def goods_of(note: Note) -> dict[str, str]:
    """The ERP's normalised code -> units, exact, as text."""
    return {line.code: f"{line.quantity.normalize():f}" for line in note.lines}


def _says(note: Note) -> tuple[str, str, dict[str, str]]:
    return note.courier.strip(), note.consignment.strip(), goods_of(note)


async def read(pool: asyncpg.Pool, connection: str, ref: str) -> dict[str, Told]:
    """Note -> what was told of it."""
    rows = await pool.fetch(
        "SELECT note, lines, courier, consignment, goods FROM parcel_told WHERE connection = $1 AND ref = $2",
        connection,
        ref,
    )
    return {
        row["note"]: Told(dict(row["lines"]), (row["courier"], row["consignment"], dict(row["goods"])))
        for row in rows
    }


async def record(conn: asyncpg.Connection, facts: Sequence[ParcelTold]) -> None:
    for fact in facts:
        courier, consignment, goods = _says(fact.note)
        await conn.execute(
            """
            INSERT INTO parcel_told (connection, ref, note, lines, courier, consignment, goods)
            VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (connection, ref, note) DO NOTHING
            """,
            fact.connection,
            fact.ref,
            fact.note.number,
            dict(fact.parcel.lines),
            courier,
            consignment,
            goods,
        )
