"""Why a set of rows is not taken: everything wrong with it, each with its row."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from app.domain.errors import SluiceError
from app.domain.row import Dated, Row
from app.domain.rows import TABLES, PostingRow, TaxRow

Numbered = tuple[int, Row]
"""A row with the number under which its author finds it."""


@dataclass(frozen=True, slots=True)
class Problem:
    """`row`: the line of a CSV file, the place among a TOML table's entries (from 1), 0 for the table as a whole."""

    table: str
    row: int
    field: str
    text: str


class RefusedError(SluiceError):
    """Nothing was taken over. `problems` holds all of them."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        sentences = (f"{one.table}, row {one.row}, {one.field or 'row'}: {one.text}" for one in problems)
        super().__init__("\n".join(sentences))
        self.problems = tuple(problems)


class UnsoundError(RefusedError):
    """Rows that are stored already are none any longer. `row` is then the place among those stored, from 1."""


def validate(
    table: str, raw: Sequence[tuple[int, Mapping[str, Any]]]
) -> tuple[list[Numbered], list[Problem]]:
    """The rows that are sound by themselves, and what is wrong with the others and with all of them together."""
    model = TABLES.get(table)
    if model is None:
        return [], [Problem(table, 0, "", f"no such table; there are {', '.join(TABLES)}")]
    sound: list[Numbered] = []
    problems: list[Problem] = []
    for number, values in raw:
        try:
            sound.append((number, model.model_validate(values)))
        except ValidationError as error:
            problems += _explain(table, number, error)
    return sound, [*problems, *find_clashes(table, sound)]


def _explain(table: str, number: int, error: ValidationError) -> Iterator[Problem]:
    for one in error.errors(include_url=False, include_input=False):
        yield Problem(table, number, ".".join(str(part) for part in one["loc"]), one["msg"])


def find_clashes(table: str, rows: Sequence[Numbered]) -> Iterator[Problem]:
    """Rows that could not stand beside each other, told at the later one."""
    keys: dict[str, int] = {}
    positions: dict[int, int] = {}
    kin: dict[str, list[tuple[int, TaxRow]]] = {}
    for number, row in rows:
        if (other := keys.setdefault(row.key, number)) != number:
            yield Problem(table, number, "", f"the same as row {other}: {row.key}")
        elif isinstance(row, PostingRow) and (other := positions.setdefault(row.position, number)) != number:
            yield Problem(table, number, "position", f"row {other} has the same")
        elif isinstance(row, TaxRow):
            earlier = kin.setdefault(row.model_copy(update={"valid_from": None}).key, [])
            if other := next((place for place, one in earlier if _meet(one, row)), 0):
                yield Problem(table, number, "valid_from", f"holds on days on which row {other} does")
            earlier.append((number, row))


def _meet(one: Dated, two: Dated) -> bool:
    starts = max((row.valid_from for row in (one, two) if row.valid_from), default=None)
    ends = min((row.valid_to for row in (one, two) if row.valid_to), default=None)
    return starts is None or ends is None or starts <= ends
