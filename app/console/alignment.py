"""SKUs that will fail if ordered, and products that nobody offers."""

from starlette.requests import Request
from starlette.responses import Response

from app.console.desk import desk_of
from app.console.door import visit_of
from app.console.form import asked
from app.console.refusal import RefusalError
from app.console.render import page
from app.domain.align import Misfit
from app.ledger import alignment

PAGE = 50


async def listing(request: Request) -> Response:
    visit, desk, fields = await visit_of(request), desk_of(request), asked(request)
    unoffered = bool(fields.get("unoffered"))
    wanted = (Misfit.UNOFFERED,) if unoffered else alignment.FAILING
    after = _place(fields.get("after", ""))
    rows = await alignment.misfits(desk.pool, wanted, after=after, limit=PAGE + 1)
    context = {
        "visit": visit,
        "unoffered": unoffered,
        "failing": await alignment.failing(desk.pool),
        "walks": await alignment.walks(desk.pool),
        "rows": rows[:PAGE],
        "next": "\n".join((*rows[PAGE - 1].place, "")) if len(rows) > PAGE else None,
    }
    return page(request, "alignment.html", context)


def _place(text: str) -> alignment.Place:
    """Codes and barcodes may be empty: a last line keeps the ends of the address from being cut. Raises RefusalError."""
    if not text:
        return alignment.FIRST
    parts = f"{text}\n\n\n".split("\n")
    if parts[0] not in set(Misfit) or len(parts) < len(alignment.FIRST):
        raise RefusalError(400, "The address does not say where the page begins.")
    return parts[0], parts[1], parts[2], parts[3]
