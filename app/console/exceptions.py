"""The front page with the causes, one cause, one exception, and the list of them."""

from collections.abc import Mapping
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response

from app.console.desk import Desk, desk_of
from app.console.door import Visit, visit_of
from app.console.form import asked, number
from app.console.refusal import RefusalError
from app.console.render import page
from app.domain.message import Owner
from app.domain.remedy import Act, required
from app.flows import aim
from app.ledger import alignment, causes, survey
from app.outbox import browse
from app.outbox.behind import behind

PAGE = 50
DEEDS: Mapping[str, str] = {
    Act.RETRY: "Retried",
    Act.ACCEPT: "Accepted",
    Act.MAP: "Mapped",
}


async def front(request: Request) -> Response:
    visit, desk, fields = await visit_of(request), desk_of(request), asked(request)
    groups = await causes.groups(desk.pool)
    owner = fields.get("owner", "")
    if owner and owner not in set(Owner):
        raise RefusalError(400, "There is no such owner.")
    context = {
        "visit": visit,
        "groups": [one for one in groups if owner in {"", one.owner}],
        "owner": owner,
        "owners": [one.value for one in Owner],
        "cases": sum(one.cases for one in groups),
        "failing": await alignment.failing(desk.pool),
        "live": fields.get("live") != "off",
        "news": news(fields),
    }
    return page(request, "front.html", context)


def news(fields: Mapping[str, str]) -> str:
    """What was just done, made of a word of ours and numbers: an address can claim no more than that."""
    deed = DEEDS.get(fields.get("done", ""))
    if deed is None:
        return ""
    messages, cases = number(fields, "messages", 0), number(fields, "cases", 0)
    if not (messages or cases):
        return f"{deed}: nothing was left to do, it was settled before."
    return f"{deed}: {messages} messages and {cases} exceptions were settled."


async def group(request: Request) -> Response:
    visit, desk, fields = await visit_of(request), desk_of(request), asked(request)
    found = await known_group(desk, request)
    going = await causes.members(desk.pool, found.key)
    before = number(fields, "before", survey.FIRST_PAGE)
    sought = survey.Sought(ids=[one.case_id for one in going])
    rows = await survey.cases(desk.pool, sought, before=before, limit=PAGE + 1)
    context = {
        **remedied(visit, await aim.mend_group(desk.pool, found)),
        "group": found,
        "rows": rows[:PAGE],
        "next": rows[PAGE - 1].id if len(rows) > PAGE else None,
        "path": f"/groups/{found.key}",
        "news": news(fields),
    }
    return page(request, "group.html", context)


async def known_group(desk: Desk, request: Request) -> causes.CaseGroup:
    """Raises RefusalError."""
    found = await causes.groups(desk.pool, request.path_params["group"])
    if not found:
        raise RefusalError(404, "No open exception has this cause any more: it was settled.")
    return found[0]


def remedied(visit: Visit, mending: aim.Mending) -> dict[str, object]:
    """What the forms of a remedy are made of; only those that the visitor's key allows are offered."""
    scopes = {Act.MAP: "mappings:write"}
    acts = [act for act in mending.remedy.acts if visit.may(scopes.get(act, "exceptions:write"))]
    return {
        "visit": visit,
        "remedy": replace(mending.remedy, acts=tuple(acts)),
        "lacking": [act for act in mending.remedy.acts if act not in acts],
        "row": mending.row,
        "near": mending.near,
        "required": required(mending.remedy.table) if mending.remedy.table else frozenset(),
    }


async def one(request: Request) -> Response:
    visit, desk = await visit_of(request), desk_of(request)
    case = await known_case(desk, request)
    story = await browse.story(desk.pool, case.message_id) if case.message_id is not None else None
    shown = visit.may("messages:payload")
    context = {
        **remedied(visit, await aim.mend_case(desk.pool, case)),
        "case": case,
        "story": story,
        "shown": shown,
        "raw": story.raw.decode("utf-8", "backslashreplace") if shown and story and story.raw else None,
        "groups": await causes.keys_of(desk.pool, case.id),
        "behind": await behind(desk.pool, story.message.id) if story else [],
        "path": f"/exceptions/{case.id}",
        "news": news(asked(request)),
    }
    return page(request, "exception.html", context)


async def known_case(desk: Desk, request: Request) -> survey.CaseRow:
    """Raises RefusalError."""
    wanted = request.path_params["case"]
    found = await survey.case(desk.pool, wanted) if wanted < survey.FIRST_PAGE else None
    if found is None:
        raise RefusalError(404, "There is no exception of this number.")
    return found


async def listing(request: Request) -> Response:
    visit, desk, fields = await visit_of(request), desk_of(request), asked(request)
    wanted = {name: fields.get(name, "") for name in ("code", "owner", "source", "order_ref", "settled")}
    sought = survey.Sought(
        wanted["code"] or None,
        wanted["owner"] or None,
        wanted["source"] or None,
        wanted["order_ref"] or None,
        open=not wanted["settled"],
    )
    before = number(fields, "before", survey.FIRST_PAGE)
    rows = await survey.cases(desk.pool, sought, before=before, limit=PAGE + 1)
    context = {
        "visit": visit,
        "wanted": wanted,
        "owners": [one.value for one in Owner],
        "rows": rows[:PAGE],
        "next": rows[PAGE - 1].id if len(rows) > PAGE else None,
    }
    return page(request, "exceptions.html", context)
