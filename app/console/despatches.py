"""What one side shipped and the other does not know yet; and why a figure of stock is what it is."""

from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from app.console.desk import desk_of
from app.console.door import visit_of
from app.console.form import asked
from app.console.refusal import RefusalError
from app.console.render import page
from app.domain.availability import Term
from app.domain.lanes import sku_key
from app.ledger import despatches, outstanding
from app.mappings.read import load

PAGE = 50
SKU_MOST = 200


async def listing(request: Request) -> Response:
    visit, desk, fields = await visit_of(request), desk_of(request), asked(request)
    rows = await despatches.pending(desk.pool, after=_place(fields.get("after", "")), limit=PAGE + 1)
    context = {
        "visit": visit,
        "rows": rows[:PAGE],
        "next": _spelled(rows[PAGE - 1].place) if len(rows) > PAGE else None,
        "backlog": await despatches.backlog(desk.pool),
    }
    return page(request, "despatches.html", context)


async def export(request: Request) -> Response:
    """The whole list for a spreadsheet."""
    await visit_of(request)
    rows = await despatches.pending(desk_of(request).pool, limit=None)
    name = {"content-disposition": 'attachment; filename="despatches.csv"'}
    return Response(despatches.sheet(rows), media_type="text/csv", headers=name)


async def stock(request: Request) -> Response:
    visit, desk, fields = await visit_of(request), desk_of(request), asked(request)
    sku = fields.get("sku", "")[:SKU_MOST]
    rows = await outstanding.read(desk.pool, sku, await load(desk.pool)) if sku else []
    context = {
        "visit": visit,
        "sku": sku_key(sku) if sku else "",
        "rows": rows,
        "totals": {term.value: outstanding.units_of(rows, term) for term in Term},
        "connections": sorted({row.connection for row in rows}),
    }
    return page(request, "stock.html", context)


def _spelled(place: despatches.Place) -> str:
    return "\n".join((place[0].isoformat(), *place[1:]))


def _place(text: str) -> despatches.Place:
    """Raises RefusalError."""
    if not text:
        return despatches.FIRST
    try:
        since, direction, connection, ref, name = text.split("\n")
        at = datetime.fromisoformat(since)
        at.astimezone()
    except ValueError as error:
        raise RefusalError(400, "The address does not say where the page begins.") from error
    if at.tzinfo is None:
        raise RefusalError(400, "The address does not say where the page begins.")
    return at, direction, connection, ref, name
