"""CSV for people: a spreadsheet shall take no text of a channel for a formula. Pure."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_sheet(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Times in UTC. A cell that a spreadsheet would work out gets an apostrophe in front."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([_cell(row[column]) for column in columns] for row in rows)
    return text.getvalue()


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="seconds")
        case Mapping():
            told = ", ".join(f"{units} x {name}" for name, units in value.items())
        case _:
            told = str(value)
    return f"'{told}" if told.startswith(_FORMULA) else told
