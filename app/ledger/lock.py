"""Locks of ours on documents of the ERP: remembered before they are taken, so that none outlives us (R-58)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import asyncpg


@dataclass(frozen=True, slots=True)
class Taken:
    """`lock_id`: None where no answer said whether there is one."""

    document_id: int
    lock_id: int | None


async def begin(pool: asyncpg.Pool, erp: str, document_id: int, worker: str) -> None:
    await pool.execute(
        """
        INSERT INTO erp_lock (erp, document_id, worker) VALUES ($1, $2, $3)
        ON CONFLICT (erp, document_id) DO UPDATE SET lock_id = NULL, worker = excluded.worker, taken_at = now()
        """,
        erp,
        document_id,
        worker,
    )


async def take(pool: asyncpg.Pool, erp: str, document_id: int, lock_id: int) -> None:
    await pool.execute(
        "UPDATE erp_lock SET lock_id = $3 WHERE erp = $1 AND document_id = $2", erp, document_id, lock_id
    )


async def end(pool: asyncpg.Pool, erp: str, document_id: int) -> None:
    await pool.execute("DELETE FROM erp_lock WHERE erp = $1 AND document_id = $2", erp, document_id)


async def drop(pool: asyncpg.Pool, erp: str, taken: Taken) -> None:
    """Unless another one was begun on the document since."""
    await pool.execute(
        "DELETE FROM erp_lock WHERE erp = $1 AND document_id = $2 AND lock_id IS NOT DISTINCT FROM $3",
        erp,
        taken.document_id,
        taken.lock_id,
    )


async def left(
    pool: asyncpg.Pool, erp: str, older: timedelta, document_id: int | None = None
) -> Sequence[Taken]:
    """Those that nobody can be holding on purpose any more; of one document, if told."""
    rows = await pool.fetch(
        """
        SELECT document_id, lock_id FROM erp_lock
        WHERE erp = $1 AND taken_at < now() - $2::interval AND document_id = coalesce($3, document_id)
        ORDER BY document_id
        """,
        erp,
        older,
        document_id,
    )
    return [Taken(row["document_id"], row["lock_id"]) for row in rows]
