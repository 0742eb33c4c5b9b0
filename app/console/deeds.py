"""A deed in two steps: the plan says what would be settled, applying it settles that and no more. For one exception or for
all of a cause.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.console.desk import Desk, desk_of
from app.console.door import Visit, form_of, visit_of
from app.console.exceptions import known_case, known_group, remedied
from app.console.form import asked, number
from app.console.refusal import RefusalError
from app.console.render import page
from app.domain.remedy import Act, Ending
from app.domain.row import Row
from app.domain.rows import TABLES
from app.flows import aim, remap
from app.flows.accept import UnfitError, Word, accept
from app.flows.aim import Aim, Mending
from app.flows.release import retry
from app.mappings.read import read_table, version_of
from app.mappings.refusal import Problem, RefusedError, validate
from app.outbox import browse

SHOWN = 200
REASON_LEAST, REASON_MOST = 3, 500
DOCUMENT_MOST = 20
SCOPES: Mapping[Act, str] = {
    Act.MAP: "mappings:write",
    Act.RETRY: "exceptions:write",
    Act.ACCEPT: "exceptions:write",
}


@dataclass(frozen=True, slots=True)
class Target:
    """What a form is about. `path` under the console; `name` for a person."""

    aim: Aim
    path: str
    name: str
    mending: Mending


@dataclass(frozen=True, slots=True)
class Done:
    messages: int
    cases: int


async def target_of(desk: Desk, request: Request) -> Target:
    """Raises RefusalError."""
    if "case" in request.path_params:
        case = await known_case(desk, request)
        name = f"exception {case.id}, {case.code}"
        return Target(Aim(case=case.id), f"/exceptions/{case.id}", name, await aim.mend_case(desk.pool, case))
    found = await known_group(desk, request)
    name = " ".join(filter(None, (found.code, found.field, found.value)))
    return Target(Aim(group=found.key), f"/groups/{found.key}", name, await aim.mend_group(desk.pool, found))


async def plan(request: Request) -> Response:
    visit, desk, fields = await visit_of(request), desk_of(request), asked(request)
    return await show(request, visit, await target_of(desk, request), fields, "")


async def show(
    request: Request, visit: Visit, target: Target, fields: Mapping[str, str], wrong: str
) -> Response:
    """The plan, and the form that carries it out. `wrong`: why it was not."""
    desk, act = desk_of(request), act_of(fields)
    visit.require(SCOPES[act])
    if act not in target.mending.remedy.acts:
        raise RefusalError(409, "This is no remedy for it, or it was settled meanwhile.")
    context = {
        **remedied(visit, target.mending),
        "target": target,
        "path": target.path,
        "act": act.value,
        "wrong": wrong,
        "reason": fields.get("reason", ""),
        "document": fields.get("document", ""),
        "by_hand": act is Act.ACCEPT and target.mending.remedy.ending is Ending.BY_HAND,
        **(await planned_row(desk, target, fields) if act is Act.MAP else await planned(desk, target)),
    }
    return page(request, "plan.html", context, 422 if wrong or context["problems"] else 200)


def act_of(fields: Mapping[str, str]) -> Act:
    """Raises RefusalError."""
    if fields.get("act") not in set(Act):
        raise RefusalError(400, "This is none of the remedies.")
    return Act(fields["act"])


async def planned(desk: Desk, target: Target) -> dict[str, object]:
    found = await aim.plan(desk.pool, target.aim)
    return {
        "going": [
            {"message": one.message_id, "source": one.source, "ref": one.order_ref, "case": one.case_id}
            for one in found.going[:SHOWN]
        ],
        "count": len(found.messages),
        "flags": found.flags,
        "through": found.through,
        "problems": [],
    }


async def planned_row(desk: Desk, target: Target, fields: Mapping[str, str]) -> dict[str, object]:
    """What the row would change, and whom it would release."""
    table = target.mending.remedy.table or ""
    wanted, problems = edit_of(table, fields, "", "")
    before = await read_table(desk.pool, table)
    shown = {**target.mending.row, **row_of(fields)}
    context: dict[str, object] = {
        "row": shown,
        "seen": version_of(before),
        "going": [],
        "count": 0,
        "flags": 0,
    }
    if wanted is not None:
        try:
            found = await remap.plan(desk.pool, wanted)
        except RefusedError as refused:
            problems = list(refused.problems)
        else:
            rows = await browse.rows(desk.pool, found.messages[:SHOWN])
            context["count"] = len(found.messages)
            context["difference"] = found.difference
            context["going"] = [
                {"message": one.id, "source": one.source, "ref": one.order_ref, "case": None}
                for one in reversed(rows)
            ]
    return {**context, "problems": [(one.field or "row", one.text) for one in problems]}


def row_of(fields: Mapping[str, str]) -> dict[str, str]:
    return {name.removeprefix("row_"): text for name, text in fields.items() if name.startswith("row_")}


def edit_of(
    table: str, fields: Mapping[str, str], actor: str, reason: str
) -> tuple[remap.Edit | None, list[Problem]]:
    """An empty field is the column's default."""
    given = {name: text for name, text in row_of(fields).items() if text}
    rows, problems = validate(table, [(1, given)])
    if problems:
        return None, problems
    return remap.Edit(table, tuple(row for _, row in rows), actor, reason), []


async def apply(request: Request) -> Response:
    visit, fields = await form_of(request)
    desk, act = desk_of(request), act_of(fields)
    visit.require(SCOPES[act])
    reason = fields.get("reason", "")
    if not REASON_LEAST <= len(reason) <= REASON_MOST:
        wrong = f"A reason of {REASON_LEAST} to {REASON_MOST} characters is kept with it."
        return await show(request, visit, await target_of(desk, request), fields, wrong)
    try:
        done = await carried_out(request, visit, fields)
    except (UnfitError, RefusedError) as refused:
        return await show(request, visit, await target_of(desk, request), fields, str(refused))
    await desk.ring()
    told = urlencode({"done": act.value, "messages": done.messages, "cases": done.cases})
    case = request.path_params.get("case")
    root, path = request.scope["root_path"], f"/exceptions/{case}" if case else "/"
    return RedirectResponse(f"{root}{path}?{told}", 303)


async def carried_out(request: Request, visit: Visit, fields: Mapping[str, str]) -> Done:
    """Raises UnfitError, RefusedError, RefusalError."""
    desk, act = desk_of(request), act_of(fields)
    actor, reason = visit.holder.actor, fields["reason"]
    if act is Act.MAP:
        if (table := fields.get("table", "")) not in TABLES:
            raise RefusalError(400, "There is no such table.")
        return await mapped(desk, table, fields, (actor, reason))
    meant = Aim(case=request.path_params.get("case"), group=request.path_params.get("group"))
    meant = replace(meant, through=number(fields, "through", 0))
    if act is Act.RETRY:
        released = await retry(desk.pool, meant, actor=actor, reason=reason)
        return Done(released.messages, released.cases)
    document = fields.get("document", "")
    if len(document) > DOCUMENT_MOST or not document.isascii() or not document.isprintable():
        raise UnfitError(f"a document's number has at most {DOCUMENT_MOST} plain characters")
    accepted = await accept(desk.pool, meant, Word(actor, reason, document, desk.prefixes))
    return Done(accepted.messages, accepted.cases)


async def mapped(desk: Desk, table: str, fields: Mapping[str, str], who: tuple[str, str]) -> Done:
    """Only over the table as the plan showed it; a row that is there already is nothing to do."""
    wanted, problems = edit_of(table, fields, *who)
    if wanted is None:
        raise RefusedError(problems)
    rows = wanted.rows

    def check(before: Sequence[Row]) -> None:
        if version_of(before) != fields.get("seen") and not all(row in before for row in rows):
            raise UnfitError("the table was changed meanwhile: look at the plan again")

    done = await remap.edit(desk.pool, replace(wanted, check=check))
    return Done(len(done.messages), len(done.messages))
