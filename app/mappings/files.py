"""Mapping tables as files: CSV for one table, TOML for any number. What is written reads back as the same rows."""

import csv
import io
import json
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from app.domain.row import Row
from app.domain.rows import TABLES
from app.mappings.refusal import Problem, RefusedError, validate


def parse_csv(table: str, text: str) -> tuple[Row, ...]:
    """An empty cell is the column's default. Raises RefusedError with every fault, by line of the file."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    raw: list[tuple[int, Mapping[str, Any]]] = []
    problems: list[Problem] = []
    try:
        header = [name.strip() for name in next(reader, [])]
        for cells in reader:
            if len(cells) > len(header):
                problems.append(Problem(table, reader.line_num, "", "more cells than the header has names"))
            elif any(cells):
                named = zip(header, cells, strict=False)
                raw.append((reader.line_num, {name: cell for name, cell in named if cell.strip()}))
    except csv.Error as error:
        problems.append(Problem(table, reader.line_num, "", f"not CSV: {error}"))
        header = []
    twice = sorted({name for name in header if header.count(name) > 1})
    problems += [Problem(table, 1, name, "the column is there twice") for name in twice]
    rows, wrong = validate(table, raw)
    if problems := [*problems, *_strange_columns(table, header), *wrong]:
        raise RefusedError(problems)
    return tuple(row for _, row in rows)


def _strange_columns(table: str, header: Sequence[str]) -> list[Problem]:
    """Told even where every cell under them is empty."""
    known = TABLES[table].model_fields if table in TABLES else {}
    return [Problem(table, 1, name, "no such column") for name in header if name not in known]


def parse_toml(text: str) -> dict[str, tuple[Row, ...]]:
    """`[[customers]]` and so on. Raises RefusedError with every fault of every table."""
    try:
        tables = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise RefusedError([Problem("", 0, "", f"not TOML: {error}")]) from error
    parsed: dict[str, tuple[Row, ...]] = {}
    problems: list[Problem] = []
    for table, entries in tables.items():
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            problems.append(Problem(table, 0, "", f"not a list of [[{table}]]"))
            continue
        rows, wrong = validate(table, list(enumerate(entries, 1)))
        problems += wrong
        parsed[table] = tuple(row for _, row in rows)
    if problems:
        raise RefusedError(problems)
    return parsed


def write_csv(table: str, rows: Sequence[Row]) -> str:
    """Every column of the table, in the order of its model."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    columns = list(TABLES[table].model_fields)
    writer.writerow(columns)
    for row in rows:
        values = row.model_dump(mode="json")
        writer.writerow([_cell(values[column]) for column in columns])
    return out.getvalue()


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def write_toml(tables: Mapping[str, Sequence[Row]]) -> str:
    """Columns that have their default are left out."""
    blocks = [_block(table, row) for table, rows in tables.items() for row in rows]
    return "\n".join(blocks)


def _block(table: str, row: Row) -> str:
    values = row.model_dump(exclude_defaults=True)
    return "".join((f"[[{table}]]\n", *(f"{name} = {_literal(value)}\n" for name, value in values.items())))


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | date):
        return str(value)
    return json.dumps(str(value), ensure_ascii=False)
