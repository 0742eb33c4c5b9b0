"""Orders under any of their names, each with its timeline over the systems; lanes that stand still; the audit trail."""

import asyncpg
from starlette.requests import Request
from starlette.responses import Response

from app.console.desk import desk_of
from app.console.door import Visit, visit_of
from app.console.form import asked, number
from app.console.render import page
from app.domain.despatch import line_codes
from app.domain.personal import impersonal
from app.ledger import binding, despatches, find, snapshot, survey
from app.ledger.timeline import timeline
from app.mappings.read import load
from app.mappings.refusal import UnsoundError
from app.outbox import browse

PAGE = 50


async def orders(request: Request) -> Response:
    visit, desk, fields = await visit_of(request), desk_of(request), asked(request)
    reference = fields.get("reference", "")
    names = await find.names(desk.pool, reference, desk.prefixes) if reference else []
    found = [await told(request, visit, name) for name in names]
    context = {"visit": visit, "reference": reference, "orders": found}
    return page(request, "orders.html", context, 404 if reference and not found else 200)


async def told(request: Request, visit: Visit, name: find.Name) -> dict[str, object]:
    """`snapshot` names no person unless the visitor may see payloads."""
    pool = desk_of(request).pool
    row = await find.order(pool, name)
    connection, ref = name
    shown = visit.may("messages:payload")
    whole = row.snapshot or {}
    return {
        "row": row,
        "snapshot": whole if shown else impersonal(whole),
        "shown": shown,
        "codes": await codes_of(pool, name),
        "binding": await find.binding(pool, name),
        "messages": await browse.messages(
            pool, browse.Wanted(sources=(connection,), order_ref=ref), limit=PAGE
        ),
        "cases": await survey.cases(pool, survey.Sought(source=connection, order_ref=ref, open=None)),
        "despatches": await despatches.pending(pool, order=name),
        "timeline": await timeline(pool, name),
    }


async def codes_of(pool: asyncpg.Pool, name: find.Name) -> dict[str, str]:
    """Line -> the ERP's code. A mapping that is no mapping any more must not hide the order."""
    connection, ref = name
    taken = (await snapshot.read(pool, connection, [ref])).get(ref)
    bound = (await binding.read(pool, connection, [ref])).get(ref)
    try:
        return line_codes(taken.order, await load(pool), bound.codes if bound else {}) if taken else {}
    except UnsoundError:
        return {}


async def lanes(request: Request) -> Response:
    visit, desk, fields = await visit_of(request), desk_of(request), asked(request)
    moving = bool(fields.get("moving"))
    rows = await browse.lanes(desk.pool, after=fields.get("after", ""), limit=PAGE + 1, moving=moving)
    context = {
        "visit": visit,
        "rows": rows[:PAGE],
        "next": rows[PAGE - 1].lane if len(rows) > PAGE else None,
        "moving": moving,
        "counted": browse.COUNTED,
        "destinations": await survey.destinations(desk.pool),
    }
    return page(request, "lanes.html", context)


async def audit(request: Request) -> Response:
    visit, desk, fields = await visit_of(request, "audit:read"), desk_of(request), asked(request)
    wanted = {name: fields.get(name, "") for name in ("actor", "action", "object")}
    before = number(fields, "before", survey.FIRST_PAGE)
    given = tuple(text or None for text in wanted.values())
    rows = await survey.audit(desk.pool, given, before=before, limit=PAGE + 1)
    context = {
        "visit": visit,
        "wanted": wanted,
        "rows": rows[:PAGE],
        "next": rows[PAGE - 1].id if len(rows) > PAGE else None,
    }
    return page(request, "audit.html", context)
