"""Changes to a mapping table: planned first, then all or nothing, in the caller's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from app.domain.row import Row
from app.domain.rows import TABLES
from app.mappings.read import read_table
from app.mappings.refusal import Problem, RefusedError, find_clashes

LOCK = "LOCK TABLE mapping_row IN SHARE ROW EXCLUSIVE MODE"
NEXT_VERSION = "SELECT coalesce(max(version), 0) + 1 FROM mapping_row"
PUT = """
INSERT INTO mapping_row (table_name, row_key, row, version, changed_at, changed_by)
SELECT $1, new.row_key, new.row::jsonb, $4, now(), $5
FROM unnest($2::text[], $3::text[]) AS new (row_key, row)
ON CONFLICT (table_name, row_key) DO UPDATE
SET row = excluded.row, version = excluded.version, changed_at = excluded.changed_at, changed_by = excluded.changed_by
"""
REMOVE = "DELETE FROM mapping_row WHERE table_name = $1 AND row_key = ANY($2::text[])"


@dataclass(frozen=True, slots=True)
class Difference:
    """What a table would become. `changed`: (before, after)."""

    table: str
    added: tuple[Row, ...]
    changed: tuple[tuple[Row, Row], ...]
    removed: tuple[Row, ...]
    equal: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """What was done, by whom and why, for the audit. `version`: of the rows written, None if there were none."""

    difference: Difference
    actor: str
    reason: str
    version: int | None


async def compare(conn: asyncpg.Connection, table: str, rows: Sequence[Row]) -> Difference:
    """What `apply` would do. Raises RefusedError with everything that keeps `rows` from being the whole table."""
    _refuse(table, rows)
    before = {row.key: row for row in await read_table(conn, table)}
    after = {row.key: row for row in rows}
    return Difference(
        table=table,
        added=tuple(row for key, row in after.items() if key not in before),
        changed=tuple(
            (before[key], row) for key, row in after.items() if key in before and before[key] != row
        ),
        removed=tuple(row for key, row in before.items() if key not in after),
        equal=tuple(row for key, row in after.items() if before.get(key) == row),
    )


async def apply(
    conn: asyncpg.Connection, table: str, rows: Sequence[Row], *, actor: str, reason: str
) -> Change:
    """The table becomes `rows`. Other writers wait until the caller's transaction ends."""
    await conn.execute(LOCK)
    difference = await compare(conn, table, rows)
    return await _write(conn, difference, actor, reason)


async def put(
    conn: asyncpg.Connection, table: str, rows: Sequence[Row], *, actor: str, reason: str
) -> Change:
    """These rows are added or replace those of their keys; the others stay, and must agree with them."""
    await conn.execute(LOCK)
    _refuse(table, rows)
    whole = {row.key: row for row in (*await read_table(conn, table), *rows)}
    difference = await compare(conn, table, tuple(whole.values()))
    return await _write(conn, difference, actor, reason)


async def _write(conn: asyncpg.Connection, difference: Difference, actor: str, reason: str) -> Change:
    written = (*difference.added, *(after for _, after in difference.changed))
    version = await conn.fetchval(NEXT_VERSION) if written else None
    if written:
        keys, texts = [row.key for row in written], [row.model_dump_json() for row in written]
        await conn.execute(PUT, difference.table, keys, texts, version, actor)
    if difference.removed:
        await conn.execute(REMOVE, difference.table, [row.key for row in difference.removed])
    return Change(difference, actor, reason, version)


def _refuse(table: str, rows: Sequence[Row]) -> None:
    model = TABLES.get(table)
    if model is None:
        raise RefusedError([Problem(table, 0, "", f"no such table; there are {', '.join(TABLES)}")])
    strangers = [
        Problem(table, place, "", f"a {type(row).__name__}")
        for place, row in enumerate(rows, 1)
        if type(row) is not model
    ]
    if problems := [*strangers, *find_clashes(table, tuple(enumerate(rows, 1)))]:
        raise RefusedError(problems)
