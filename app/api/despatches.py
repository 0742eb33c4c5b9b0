"""/api/v1/despatches: what one side has shipped and the other does not know yet."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel

from app.api.auth import Reader
from app.api.paging import Pager, text
from app.api.state import Given
from app.ledger import despatches

routes = APIRouter(prefix="/api/v1", tags=["despatches"])
Pending = Annotated[Literal["pending"], Query(alias="state", description="not applied on both sides yet")]


class Despatches(BaseModel):
    """`backlog`: of each direction, all pages together."""

    backlog: list[despatches.Backlog]
    items: list[despatches.DespatchRow]
    next_cursor: str | None = None


@routes.get("/despatches", operation_id="listDespatches")
async def listing(
    state: Given, _reader: Reader, pager: Annotated[Pager, Depends()], _state: Pending = "pending"
) -> Despatches:
    """Despatches that are not applied everywhere, the oldest first: where each is, since when, and why it waits."""
    rows = await despatches.pending(
        state.pool, after=pager.start(_place, despatches.FIRST), limit=pager.fetch
    )
    page = pager.page(rows, lambda row: [row.since.isoformat(), *row.place[1:]])
    return Despatches(
        backlog=await despatches.backlog(state.pool), items=page.items, next_cursor=page.next_cursor
    )


@routes.get(
    "/despatches.csv",
    operation_id="exportDespatches",
    response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def export(state: Given, _reader: Reader) -> Response:
    """The same, whole, for a spreadsheet."""
    rows = await despatches.pending(state.pool, limit=None)
    name = {"content-disposition": 'attachment; filename="despatches.csv"'}
    return Response(despatches.sheet(rows), media_type="text/csv", headers=name)


def _place(given: Any) -> despatches.Place:
    since, direction, connection, ref, name = given
    at = datetime.fromisoformat(text(since))
    if at.tzinfo is None:
        raise ValueError
    return at, text(direction), text(connection), text(ref), text(name)
