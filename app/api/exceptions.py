"""/api/v1/exceptions: what a person must settle. One cause is one group (groups.py); here one exception at a time."""

import hashlib
import json
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Response
from pydantic import BaseModel, StringConstraints

from app.api.auth import Reader, Settler, sees_payload
from app.api.messages import Identity
from app.api.once import Once
from app.api.paging import Listing, Pager, number
from app.api.problems import ProblemError
from app.api.state import Given, State
from app.domain.message import Owner
from app.domain.remedy import Remedy
from app.flows import aim
from app.flows.accept import UnfitError, Word, accept
from app.flows.aim import Aim
from app.flows.release import retry
from app.ledger import causes, survey
from app.outbox import browse
from app.outbox.behind import behind

routes = APIRouter(prefix="/api/v1/exceptions", tags=["exceptions"])
NO_NUL = r"^[^\x00]*$"
Reason = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500, pattern=NO_NUL)
]
Document = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20, pattern=r"^[\x20-\x7e]*$")
]
Text = Annotated[str | None, Query(max_length=200)]
IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", description="The ETag that the exception was read with. `*`: whatever it is"),
]


class Filter(BaseModel):
    code: Text = None
    owner: Owner | None = None
    source: Text = None
    order_ref: Text = None
    group: Annotated[str | None, Query(max_length=64, description="key of a group; open ones only")] = None
    open: Annotated[bool, Query(description="false: the settled ones")] = True


class Retry(BaseModel):
    """`reason` is kept in the audit trail."""

    reason: Reason


class Acceptance(Retry):
    """`document`: the ERP's number of an order that was posted by hand."""

    document: Document | None = None


class Settled(BaseModel):
    """How many messages go on or ended, and how many exceptions were closed. 0 and 0: it was settled before."""

    messages: int
    exceptions: int


class PlanView(BaseModel):
    """What a retry or an acceptance would settle now. `exceptions`: in the order in which their messages came.
    `through`: sent back, it keeps the deed to what this plan shows.
    """

    messages: list[int]
    flags: int
    exceptions: list[causes.Member]
    through: int


@dataclass(frozen=True, slots=True)
class ExceptionStory(survey.CaseRow):
    """One exception, what may be done about it, what it holds up. `row`: a row of `remedy.table` to complete; `near`:
    codes of the ERP's that look like the unknown one. `body` and `raw` need the scope messages:payload; without it they are null.
    """

    groups: list[str]
    remedy: Remedy
    row: dict[str, str]
    near: list[str]
    message: browse.MessageRow | None
    attempts: list[browse.AttemptRow]
    behind: list[browse.MessageRow]
    body: dict[str, Any] | None
    raw: str | None


class Deed:
    """A dependency: who settles, and whether they asked before."""

    def __init__(self, settler: Settler, once: Annotated[Once, Depends()]) -> None:
        self.actor = settler.actor
        self.once = once


@routes.get("", operation_id="listExceptions")
async def listing(
    state: Given, _reader: Reader, pager: Annotated[Pager, Depends()], wanted: Annotated[Filter, Depends()]
) -> Listing[survey.CaseRow]:
    """Exceptions, the newest first; open ones unless asked otherwise."""
    ids = None
    if wanted.group is not None:
        ids = [one.case_id for one in await causes.members(state.pool, wanted.group)]
    sought = survey.Sought(
        wanted.code, wanted.owner, wanted.source, wanted.order_ref, open=wanted.open, ids=ids
    )
    rows = await survey.cases(
        state.pool, sought, before=pager.start(number, survey.FIRST_PAGE), limit=pager.fetch
    )
    return pager.page(rows, lambda row: row.id)


@routes.get("/{exception_id}", operation_id="getException")
async def one(state: Given, reader: Reader, response: Response, exception_id: Identity) -> ExceptionStory:
    """One exception with everything that is wrong, its message and who waits behind it; its ETag goes into If-Match."""
    row = await known(state, exception_id)
    story = await browse.story(state.pool, row.message_id) if row.message_id is not None else None
    mending = await aim.mend_case(state.pool, row)
    raw = story.raw if story is not None and sees_payload(reader) else None
    response.headers["etag"] = etag(row)
    return ExceptionStory(
        **{name: getattr(row, name) for name in survey.CaseRow.__slots__},
        groups=await causes.keys_of(state.pool, row.id),
        remedy=mending.remedy,
        row=mending.row,
        near=list(mending.near),
        message=story.message if story else None,
        attempts=list(story.attempts) if story else [],
        behind=await behind(state.pool, story.message.id) if story else [],
        body=story.body if story and sees_payload(reader) else None,
        raw=raw.decode("utf-8", "backslashreplace") if raw is not None else None,
    )


async def known(state: State, exception_id: int) -> survey.CaseRow:
    row = await survey.case(state.pool, exception_id)
    if row is None:
        raise ProblemError("not_found")
    return row


def etag(row: survey.CaseRow) -> str:
    told = json.dumps([row.id, row.owner, row.violations, row.resolution], sort_keys=True)
    return f'"{hashlib.sha256(told.encode()).hexdigest()[:32]}"'


@routes.get("/{exception_id}/plan", operation_id="planException")
async def plan(state: Given, _reader: Reader, exception_id: Identity) -> PlanView:
    """What a retry or an acceptance of this exception would settle now; nothing is changed."""
    await known(state, exception_id)
    return view(await aim.plan(state.pool, Aim(case=exception_id)))


def view(planned: aim.Plan) -> PlanView:
    return PlanView(
        messages=list(planned.messages),
        flags=planned.flags,
        exceptions=list(planned.going),
        through=planned.through,
    )


@routes.post("/{exception_id}/retry", operation_id="retryException")
async def again(
    state: Given, settler: Settler, exception_id: Identity, given: Retry, once: Annotated[Once, Depends()]
) -> Settled:
    """Lets the message try again, with its facts looked up anew. Pressing it again changes nothing."""
    await known(state, exception_id)
    return await once.answer(
        Settled, lambda: released(state, Aim(case=exception_id), settler.actor, given.reason)
    )


@routes.post("/{exception_id}/accept", operation_id="acceptException")
async def as_it_is(
    state: Given,
    deed: Annotated[Deed, Depends()],
    exception_id: Identity,
    given: Acceptance,
    if_match: IfMatch = None,
) -> Settled:
    """Settles it by a person's word: a flag is acknowledged, a notice dismissed, a change left undone in the ERP; an order
    that was posted by hand needs its `document`. Pressing it again changes nothing.
    """
    row = await known(state, exception_id)
    if if_match is None:
        raise ProblemError("precondition_required", "Read the exception and send its ETag as If-Match")
    seen = {one.strip() for one in if_match.split(",")}
    if row.closed_at is None and not seen & {"*", etag(row)}:
        raise ProblemError("precondition_failed", headers={"etag": etag(row)})
    word = Word(deed.actor, given.reason, given.document or "", state.prefixes())
    return await deed.once.answer(Settled, lambda: accepted(state, Aim(case=exception_id), word))


async def released(state: State, wanted: Aim, actor: str, reason: str) -> Settled:
    done = await retry(state.pool, wanted, actor=actor, reason=reason)
    await state.intake.ring()
    return Settled(messages=done.messages, exceptions=done.cases)


async def accepted(state: State, wanted: Aim, word: Word) -> Settled:
    try:
        done = await accept(state.pool, wanted, word)
    except UnfitError as unfit:
        raise ProblemError("conflict", str(unfit)) from unfit
    await state.intake.ring()
    return Settled(messages=done.messages, exceptions=done.cases)
