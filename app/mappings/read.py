"""The mapping tables out of Postgres, as one value."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import asyncpg

from app.domain.row import Row
from app.domain.rows import TABLES
from app.domain.rules import Mappings, index
from app.mappings.refusal import Problem, UnsoundError, validate

Connection = asyncpg.Connection | asyncpg.Pool

ROWS = """
SELECT table_name, row_key, row::text AS row,
       (SELECT md5(string_agg(concat_ws('|', table_name, row_key, row::text), E'\\n' ORDER BY table_name, row_key))
        FROM mapping_row) AS version
FROM mapping_row
ORDER BY table_name, row_key
"""
VERSION = """
SELECT md5(string_agg(concat_ws('|', table_name, row_key, row::text), E'\\n' ORDER BY table_name, row_key)) AS version
FROM mapping_row
"""
TABLE = "SELECT row_key, row::text AS row FROM mapping_row WHERE table_name = $1 ORDER BY row_key"


async def load(conn: Connection) -> Mappings:
    """All tables as of one moment. Raises UnsoundError if a stored row is none (any longer): fail closed. Tables that
    only a newer release reads are passed over.
    """
    records = await conn.fetch(ROWS)
    rows: list[Row] = []
    problems: list[Problem] = []
    for table in TABLES:
        stored = [record for record in records if record["table_name"] == table]
        sound, wrong = validate(table, _number(stored))
        rows += [row for _, row in sound]
        problems += wrong
    if problems:
        raise UnsoundError(problems)
    return index(rows, version=records[0]["version"] if records else "")


async def refresh(conn: Connection, known: Mappings) -> Mappings:
    """`known` itself while nothing has changed: one small query."""
    (record,) = await conn.fetch(VERSION)
    return known if (record["version"] or "") == known.version else await load(conn)


async def read_table(conn: Connection, table: str) -> tuple[Row, ...]:
    """The rows of one table, in the order of their keys. Raises UnsoundError as `load` does."""
    rows, problems = validate(table, _number(await conn.fetch(TABLE, table)))
    if problems:
        raise UnsoundError(problems)
    return tuple(row for _, row in rows)


def version_of(rows: Sequence[Row]) -> str:
    """Of a table as a person has seen it, to tell whether it is still the same when they change it."""
    text = json.dumps([row.model_dump(mode="json") for row in rows], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _number(records: list[Any]) -> list[tuple[int, dict[str, Any]]]:
    return [(place, json.loads(record["row"])) for place, record in enumerate(records, 1)]
