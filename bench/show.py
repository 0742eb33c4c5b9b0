"""Results on paper: JSON, a table, a plot."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


def write(folder: Path, result: Mapping[str, Any], *, quick: bool) -> Path:
    """A quick look never overwrites a figure."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result['name']}{'.quick' if quick else ''}.json"
    path.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    return path


def show(results: Sequence[Mapping[str, Any]]) -> None:
    console = Console()
    for result in results:
        verdict = f"{'met' if result['met'] else 'MISSED'}: {result['aim']}"
        table = Table(title=f"{result['name']}, {result['ours']['unit']}", caption=verdict)
        for heading in ("who", "median", "min-max", "p50 ms", "p99 ms", "ours ÷ theirs"):
            table.add_column(heading, justify="left" if heading == "who" else "right")
        for row in rows_of(result):
            table.add_row(*row)
        console.print(table)
        for text in result["skipped"]:
            console.print(f"skipped: {text}", highlight=False)


def rows_of(result: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    yield "Sluice", *_shown(result["ours"]), ""
    for one in result["references"]:
        yield f"{one['name']} {one['version']}".strip(), *_shown(one), f"{one['ratio']:.2f}"


def _shown(figures: Mapping[str, Any]) -> tuple[str, str, str, str]:
    return (
        number(figures["median"]),
        f"{number(figures['min'])}-{number(figures['max'])}",
        number(figures["p50"]),
        number(figures["p99"]),
    )


def number(value: float | None) -> str:
    """Three digits that mean something."""
    if value is None:
        return ""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}"
