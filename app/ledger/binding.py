"""Bindings: which document in the ERP is which channel order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import asyncpg

from app.domain.erp import Document
from app.domain.lanes import sku_key
from app.domain.money import NOTHING
from app.domain.order import Order
from app.ledger.snapshot import from_json, to_json


@dataclass(frozen=True, slots=True)
class Bound:
    """Fact: `document` is the order. `content`: digest of the snapshot that was sent, b"" where we cannot know. `codes`:
    channel line -> the ERP's code that it was posted under. `order`: that snapshot, None where it is not known.
    """

    connection: str
    ref: str
    erp: str
    probe_key: str
    document: Document
    content: bytes
    adopted: bool
    codes: Mapping[str, str] = field(default_factory=dict)
    order: Order | None = None


@dataclass(frozen=True, slots=True)
class Revised:
    """Fact: the bound document now holds what this snapshot, of that digest, says. `codes`: of its lines."""

    connection: str
    ref: str
    document: Document
    content: bytes
    order: Order
    codes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Ended:
    """Fact: the bound document is cancelled, or gone. It holds nothing of what the channel may show again."""

    connection: str
    ref: str


@dataclass(frozen=True, slots=True)
class Proven:
    """Fact: the document that a person named is this one. `codes`: as in `Bound`."""

    connection: str
    ref: str
    document: Document
    codes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Binding:
    """`document_id`: 0 where a person named the document."""

    document_id: int
    document_no: str
    probe_key: str
    content: bytes
    codes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Applied:
    """What the ERP was last told of an order, None where it is not known; net, tax and gross of the document then.
    `articles`: SKU keys of all that the ERP was told or the channel ever showed of it.
    """

    order: Order | None
    totals: tuple[Decimal, Decimal, Decimal]
    articles: frozenset[str] = frozenset()


async def read(
    pool: asyncpg.Pool | asyncpg.Connection, connection: str, refs: Sequence[str]
) -> dict[str, Binding]:
    rows = await pool.fetch(
        """
        SELECT ref, document_id, document_no, probe_key, snapshot_hash, codes FROM binding
        WHERE connection = $1 AND ref = ANY($2::text[])
        """,
        connection,
        list(refs),
    )
    return {row["ref"]: _binding(row) for row in rows}


def _binding(row: asyncpg.Record) -> Binding:
    return Binding(
        row["document_id"],
        row["document_no"],
        row["probe_key"],
        row["snapshot_hash"],
        dict(row["codes"] or {}),
    )


async def applied(pool: asyncpg.Pool, connection: str, ref: str) -> Applied:
    row = await pool.fetchrow(
        """
        SELECT applied, net, tax, gross, codes, array(
            SELECT sku FROM order_line AS l WHERE (l.connection, l.ref) = (b.connection, b.ref)) AS skus
        FROM binding AS b WHERE connection = $1 AND ref = $2
        """,
        connection,
        ref,
    )
    if row is None:
        return Applied(None, (NOTHING, NOTHING, NOTHING))
    order = from_json(row["applied"]) if row["applied"] else None
    articles = frozenset({*map(sku_key, row["codes"].values()), *row["skus"]})
    return Applied(order, (row["net"], row["tax"], row["gross"]), articles)


async def of_documents(
    pool: asyncpg.Pool, erp: str, document_ids: Sequence[int]
) -> dict[int, tuple[str, str, Binding]]:
    """Document -> (connection, ref, binding), for those that are ours."""
    rows = await pool.fetch(
        """
        SELECT connection, ref, document_id, document_no, probe_key, snapshot_hash, codes FROM binding
        WHERE erp = $1 AND document_id = ANY($2::bigint[])
        """,
        erp,
        list(document_ids),
    )
    return {row["document_id"]: (row["connection"], row["ref"], _binding(row)) for row in rows}


async def record(conn: asyncpg.Connection, facts: Sequence[Bound]) -> None:
    """The first binding of an order stands; a second one would be the incident that the probe exists to prevent."""
    for fact in sorted(facts, key=lambda fact: (fact.connection, fact.ref)):
        await conn.execute(
            """
            INSERT INTO binding (connection, ref, erp, document_id, document_no, probe_key, snapshot_hash, net, tax,
                                 gross, adopted, codes, applied)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (connection, ref) DO NOTHING
            """,
            fact.connection,
            fact.ref,
            fact.erp,
            fact.document.id,
            fact.document.number,
            fact.probe_key,
            fact.content,
            fact.document.net,
            fact.document.tax,
            fact.document.gross,
            fact.adopted,
            dict(fact.codes),
            to_json(fact.order) if fact.order else None,
        )


async def revise(conn: asyncpg.Connection, fact: Revised) -> None:
    await conn.execute(
        """
        UPDATE binding SET snapshot_hash = $3, net = $4, tax = $5, gross = $6, applied = $7, codes = codes || $8
        WHERE connection = $1 AND ref = $2
        """,
        fact.connection,
        fact.ref,
        fact.content,
        fact.document.net,
        fact.document.tax,
        fact.document.gross,
        to_json(fact.order),
        dict(fact.codes),
    )


async def end(conn: asyncpg.Connection, fact: Ended) -> None:
    await conn.execute(
        "UPDATE binding SET snapshot_hash = '' WHERE connection = $1 AND ref = $2", fact.connection, fact.ref
    )


async def rename(conn: asyncpg.Connection, connection: str, ref: str, document_no: str) -> None:
    """A person names another document for an order whose first one was not found."""
    await conn.execute(
        "UPDATE binding SET document_no = $3 WHERE connection = $1 AND ref = $2 AND document_id = 0",
        connection,
        ref,
        document_no,
    )


async def prove(conn: asyncpg.Connection, fact: Proven) -> None:
    await conn.execute(
        """
        UPDATE binding SET document_id = $3, net = $4, tax = $5, gross = $6, codes = $7
        WHERE connection = $1 AND ref = $2 AND document_id = 0
        """,
        fact.connection,
        fact.ref,
        fact.document.id,
        fact.document.net,
        fact.document.tax,
        fact.document.gross,
        dict(fact.codes),
    )


async def leave(conn: asyncpg.Connection, connection: str, ref: str) -> None:
    """A person lets the document stand as it is: what the channel shows now is no longer an edit of it."""
    await conn.execute(
        """
        UPDATE binding AS b SET snapshot_hash = o.snapshot_hash, applied = o.snapshot FROM order_snapshot AS o
        WHERE b.connection = $1 AND b.ref = $2 AND o.connection = b.connection AND o.ref = b.ref
        """,
        connection,
        ref,
    )


async def is_of_another(conn: asyncpg.Connection, document_no: str, name: tuple[str, str]) -> bool:
    """Whether an order other than `name` (connection, ref) is that document."""
    found: bool = await conn.fetchval(
        "SELECT EXISTS (SELECT FROM binding WHERE document_no = $1 AND (connection, ref) <> ($2, $3))",
        document_no,
        *name,
    )
    return found
