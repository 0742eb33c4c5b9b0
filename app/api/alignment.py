"""/api/v1/alignment: what would fail if somebody ordered it."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from app.api.auth import Reader
from app.api.paging import Pager, text
from app.api.state import Given
from app.domain.align import Misfit
from app.ledger import alignment

routes = APIRouter(prefix="/api/v1/alignment", tags=["alignment"])
Kind = Annotated[
    Literal["failing", "unoffered"],
    Query(description="articles whose orders would park, or the ERP's products that no channel offers"),
]


class Alignment(BaseModel):
    """`failing`: SKUs that will fail if ordered, null before the first comparison. `walks`: how old the figures are."""

    failing: int | None
    walks: list[alignment.WalkRow]
    items: list[alignment.MisfitRow]
    next_cursor: str | None = None


@routes.get("", operation_id="showAlignment")
async def show(
    state: Given, _reader: Reader, pager: Annotated[Pager, Depends()], kind: Kind = "failing"
) -> Alignment:
    """The catalogues as they were last compared, at night or when somebody asked for it."""
    wanted = alignment.FAILING if kind == "failing" else (Misfit.UNOFFERED,)
    rows = await alignment.misfits(
        state.pool, wanted, after=pager.start(_place, alignment.FIRST), limit=pager.fetch
    )
    page = pager.page(rows, lambda row: list(row.place))
    return Alignment(
        failing=await alignment.failing(state.pool),
        walks=await alignment.walks(state.pool),
        items=page.items,
        next_cursor=page.next_cursor,
    )


def _place(given: Any) -> alignment.Place:
    misfit, destination, code, barcode = given
    return text(misfit), text(destination), text(code), text(barcode)
