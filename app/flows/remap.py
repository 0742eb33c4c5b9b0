"""Remap: a mapping is written, and all that waited on its table is released with it, in one transaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from app.domain.lanes import normalise
from app.domain.refusals import PhraseRow, says
from app.domain.row import Row
from app.domain.rows import AliasRow
from app.flows.release import lanes_for
from app.ledger import audit
from app.mappings.read import load, read_table
from app.mappings.write import LOCK, Change, Difference, apply, compare, put
from app.outbox import replay as outbox
from app.outbox.enter import enter_all


@dataclass(frozen=True, slots=True)
class Remapped:
    """`messages`: ids released, in order. What is still unmapped parks again, with what is still missing."""

    change: Change
    messages: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Edit:
    """`whole`: the table becomes `rows`; otherwise they are added, or replace those of their keys. `check` is shown the
    table as it is, once nobody else can change it, and raises to leave it so.
    """

    table: str
    rows: Sequence[Row]
    actor: str
    reason: str
    whole: bool = False
    check: Callable[[Sequence[Row]], None] | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """`messages`: ids that would be released, in order, by the very question that releases them."""

    difference: Difference
    messages: tuple[int, ...]


async def plan(pool: asyncpg.Pool, wanted: Edit) -> Planned:
    """What `edit` would do now. Raises RefusedError with every problem."""
    async with pool.acquire() as conn:
        kept = () if wanted.whole else await read_table(conn, wanted.table)
        whole = {row.key: row for row in (*kept, *wanted.rows)}
        difference = await compare(
            conn, wanted.table, tuple(whole.values()) if not wanted.whole else wanted.rows
        )
        return Planned(difference, tuple(await waits_on(conn, difference)))


async def edit(pool: asyncpg.Pool, wanted: Edit) -> Remapped:
    """Raises RefusedError with every problem."""
    write = apply if wanted.whole else put
    async with pool.acquire() as conn, conn.transaction():
        if wanted.check is not None:
            await conn.execute(LOCK)
            wanted.check(await read_table(conn, wanted.table))
        change = await write(conn, wanted.table, wanted.rows, actor=wanted.actor, reason=wanted.reason)
        done = await _released(conn, change)
    await enter_all(pool)
    return done


async def remap(pool: asyncpg.Pool, table: str, rows: Sequence[Row], *, actor: str, reason: str) -> Remapped:
    """Adds rows, or replaces those of their keys. Raises RefusedError with every problem."""
    return await edit(pool, Edit(table, rows, actor, reason))


async def replace_table(
    pool: asyncpg.Pool, table: str, rows: Sequence[Row], *, actor: str, reason: str
) -> Remapped:
    """The table becomes `rows`: what is not among them goes. Raises RefusedError with every problem."""
    return await edit(pool, Edit(table, rows, actor, reason, whole=True))


async def _released(conn: asyncpg.Connection, change: Change) -> Remapped:
    difference = change.difference
    if not _touched(difference):
        return Remapped(change, ())
    waiting = await waits_on(conn, difference)
    released = await outbox.release(conn, await lanes_for(conn, waiting, await load(conn)))
    await audit.note(
        conn,
        change.actor,
        "mappings.write",
        difference.table,
        reason=change.reason,
        added=[row.key for row in difference.added],
        changed=[row.key for _, row in difference.changed],
        removed=[row.key for row in difference.removed],
        messages=released,
        before=_plain([*(before for before, _ in difference.changed), *difference.removed]),
        after=_plain([*(after for _, after in difference.changed), *difference.added]),
    )
    return Remapped(change, tuple(released))


def _touched(difference: Difference) -> list[Row]:
    both = [row for pair in difference.changed for row in pair]
    return [*difference.added, *both, *difference.removed]


def _plain(rows: Sequence[Row]) -> list[dict[str, Any]]:
    return [row.model_dump(mode="json", exclude_defaults=True) for row in rows]


async def waits_on(conn: asyncpg.Connection, difference: Difference) -> list[int]:
    """Parked messages that these rows might mend, oldest first. An alias mends its own spelling and no other, a phrase the
    texts that it fits.
    """
    touched = _touched(difference)
    if not touched:
        return []
    rows = await conn.fetch(
        """
        SELECT e.message_id, array_agg(v ->> 'value') AS wrong
        FROM exception_case AS e CROSS JOIN LATERAL jsonb_array_elements(e.violations) AS v
        WHERE e.closed_at IS NULL AND NOT e.flag AND e.needs @> ARRAY[$1] AND e.message_id IS NOT NULL
          AND v ->> 'need' = $1
        GROUP BY e.message_id ORDER BY e.message_id
        """,
        difference.table,
    )
    return [row["message_id"] for row in rows if any(_mends(touched, value or "") for value in row["wrong"])]


def _mends(touched: Sequence[Row], wrong: str) -> bool:
    return any(
        normalise(wrong) == normalise(row.alias)
        if isinstance(row, AliasRow)
        else not isinstance(row, PhraseRow) or says(row.phrase, wrong)
        for row in touched
    )
