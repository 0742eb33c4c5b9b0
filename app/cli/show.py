"""Data on stdout: JSON for a script, a table for a person. Everything else goes to stderr."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter
from rich.console import Console
from rich.table import Table

AsJson = Annotated[bool, typer.Option("--json", help="for a script")]
Apply = Annotated[bool, typer.Option("--apply", help="do it; without, only the plan is shown")]
Reason = Annotated[str, typer.Option(help="why; kept in the audit trail")]


def show_json(value: Any) -> None:
    """Money stays exact: a Decimal becomes a string."""
    plain = TypeAdapter(Any).dump_python(value, mode="json", fallback=str)
    sys.stdout.write(json.dumps(plain, indent=2, ensure_ascii=False) + "\n")


def show_rows(rows: Sequence[Any], columns: Sequence[str], *, as_json: bool) -> None:
    """Dataclasses or mappings; all their fields as JSON, `columns` as a table."""
    plain = [_fields(row) for row in rows]
    if as_json:
        show_json(plain)
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in plain:
        table.add_row(*(_cell(row[column]) for column in columns))
    # Wide enough when piped: a reader without a terminal wants no folded cells.
    Console(width=None if sys.stdout.isatty() else 500, highlight=False).print(table)


def _fields(row: Any) -> Mapping[str, Any]:
    if is_dataclass(row) and not isinstance(row, type):
        return asdict(row)
    return dict(row)


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case datetime():
            return value.strftime("%Y-%m-%d %H:%M:%S")
        case list() | tuple():
            return ", ".join(str(item) for item in value)
    return str(value)


def say(sentence: str) -> None:
    typer.echo(sentence, err=True)


def planned(count: int, what: str) -> None:
    """The end of a plan that is not carried out."""
    say(f"Plan: {count} {what}. Nothing was changed; add --apply to do it.")
