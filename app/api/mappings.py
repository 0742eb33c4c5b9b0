"""/api/v1/mappings: the tables that people edit. Planned first; applying releases what waited for a row."""

from collections.abc import Sequence
from typing import Annotated, Any

import asyncpg
from fastapi import APIRouter, Depends, Header, Path, Response
from pydantic import BaseModel, Field

from app.api.auth import Mapper, Reader
from app.api.exceptions import Reason
from app.api.once import Once
from app.api.paging import Listing
from app.api.problems import FieldError, ProblemError
from app.api.state import Given, State
from app.domain.row import Row
from app.domain.rows import TABLES
from app.flows import remap
from app.flows.remap import Edit, edit
from app.mappings.read import read_table, version_of
from app.mappings.refusal import Problem, RefusedError, UnsoundError, validate
from app.mappings.write import Difference

routes = APIRouter(prefix="/api/v1/mappings", tags=["mappings"])
Table = Annotated[str, Path(pattern="^[a-z_]{1,40}$")]
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        description="The ETag that the table was read with; needed to apply. `*`: whatever it is",
    ),
]
RawRow = dict[str, Any]


class TableView(BaseModel):
    table: str
    rows: list[RawRow]


class Import(BaseModel):
    """`apply`: false only tells what would change. `reason` is kept in the audit trail."""

    rows: Annotated[list[RawRow], Field(max_length=50_000)]
    reason: Reason
    apply: bool = False


class Plan(BaseModel):
    """`changed`: before and after. `released`: messages that waited for these rows and go on, or, in a plan, would."""

    table: str
    applied: bool
    added: list[RawRow]
    changed: list[tuple[RawRow, RawRow]]
    removed: list[RawRow]
    equal: int
    released: list[int]


@routes.get("", operation_id="listMappings")
async def listing(_reader: Reader) -> Listing[str]:
    """The names of the tables."""
    return Listing(items=list(TABLES))


@routes.get("/{table}", operation_id="getMapping")
async def one(state: Given, _reader: Reader, response: Response, table: Table) -> TableView:
    """All rows of one table; its ETag goes into If-Match of a change."""
    rows = await known(state.pool, table)
    response.headers["etag"] = etag(rows)
    return TableView(table=table, rows=[plain(row) for row in rows])


class Editing:
    """A dependency: who changes a table, what of it they have seen, and whether they asked before."""

    def __init__(self, mapper: Mapper, once: Annotated[Once, Depends()], if_match: IfMatch = None) -> None:
        self.actor = mapper.actor
        self.answer = once.answer
        self._if_match = if_match

    def require(self) -> None:
        """Raises ProblemError `precondition_required`."""
        if self._if_match is None:
            raise ProblemError("precondition_required", "Read the table and send its ETag as If-Match")

    def check(self, rows: Sequence[Row]) -> None:
        """Raises ProblemError `precondition_failed` if the table is not the one that was seen."""
        if self._if_match is None or self._if_match == "*":
            return
        if (current := etag(rows)) not in {one.strip() for one in self._if_match.split(",")}:
            raise ProblemError("precondition_failed", headers={"etag": current})


Editor = Annotated[Editing, Depends()]


@routes.put("/{table}", operation_id="replaceMapping")
async def replace(state: Given, editor: Editor, table: Table, given: Import) -> Plan:
    """The table becomes these rows. A faulty set is refused whole, with every fault."""
    return await change(state, editor, table, given, whole=True)


@routes.post("/{table}/rows", operation_id="addMappingRows")
async def add(state: Given, editor: Editor, table: Table, given: Import) -> Plan:
    """These rows are added, or replace those of their keys; the others stay."""
    return await change(state, editor, table, given, whole=False)


async def change(state: State, editor: Editing, table: str, given: Import, *, whole: bool) -> Plan:
    await known(state.pool, table)
    rows = sound(table, given.rows)
    wanted = Edit(table, rows, editor.actor, given.reason, whole=whole, check=editor.check)
    if not given.apply:
        return await planned(state.pool, wanted)
    editor.require()
    return await editor.answer(Plan, lambda: applied(state, wanted))


async def planned(pool: asyncpg.Pool, wanted: Edit) -> Plan:
    try:
        found = await remap.plan(pool, wanted)
    except UnsoundError:
        raise
    except RefusedError as refused:
        raise refusal(refused.problems) from refused
    return plan(found.difference, found.messages, applied=False)


async def applied(state: State, wanted: Edit) -> Plan:
    try:
        done = await edit(state.pool, wanted)
    except UnsoundError:
        raise
    except RefusedError as refused:
        raise refusal(refused.problems) from refused
    await state.intake.ring()
    return plan(done.change.difference, done.messages, applied=True)


async def known(pool: asyncpg.Pool, table: str) -> tuple[Row, ...]:
    if table not in TABLES:
        raise ProblemError("not_found", f"There are {', '.join(TABLES)}")
    return await read_table(pool, table)


def sound(table: str, raw: Sequence[RawRow]) -> tuple[Row, ...]:
    """Raises ProblemError with every fault, by place of the row."""
    rows, problems = validate(table, list(enumerate(raw, 1)))
    if problems:
        raise refusal(problems)
    return tuple(row for _, row in rows)


def refusal(problems: Sequence[Problem]) -> ProblemError:
    return ProblemError("invalid", "Nothing was taken over", errors=[locate(one) for one in problems])


def locate(problem: Problem) -> FieldError:
    field = problem.field.replace(".", "/")
    place = f"/rows/{problem.row - 1}" if problem.row else "/rows"
    return FieldError(f"{place}/{field}" if field else place, problem.text)


def etag(rows: Sequence[Row]) -> str:
    return f'"{version_of(rows)}"'


def plain(row: Row) -> RawRow:
    return row.model_dump(mode="json")


def plan(difference: Difference, released: Sequence[int], *, applied: bool) -> Plan:
    return Plan(
        table=difference.table,
        applied=applied,
        added=[plain(row) for row in difference.added],
        changed=[(plain(before), plain(after)) for before, after in difference.changed],
        removed=[plain(row) for row in difference.removed],
        equal=len(difference.equal),
        released=list(released),
    )
