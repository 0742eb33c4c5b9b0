"""/api/v1/exceptions: what a person must settle. Grouped first; one cause is one row."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, StringConstraints

from app.api.auth import Reader, Settler
from app.api.messages import Identity
from app.api.once import Once
from app.api.paging import Listing, Pager, number
from app.api.problems import ProblemError
from app.api.state import Given
from app.domain.message import Owner
from app.flows.release import release
from app.ledger import survey

routes = APIRouter(prefix="/api/v1/exceptions", tags=["exceptions"])
NO_NUL = r"^[^\x00]*$"
Reason = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500, pattern=NO_NUL)
]


class Filter(BaseModel):
    code: Annotated[str | None, Query(max_length=200)] = None
    owner: Owner | None = None
    source: Annotated[str | None, Query(max_length=200)] = None
    order_ref: Annotated[str | None, Query(max_length=200)] = None
    open: Annotated[bool, Query(description="false: the settled ones")] = True


class Retry(BaseModel):
    """`reason` is kept in the audit trail."""

    reason: Reason


class Released(BaseModel):
    """How many messages go on, and how many exceptions were closed. 0 and 0: it was settled before."""

    messages: int
    exceptions: int


@routes.get("", operation_id="listExceptions")
async def listing(
    state: Given, _reader: Reader, pager: Annotated[Pager, Depends()], wanted: Annotated[Filter, Depends()]
) -> Listing[survey.CaseRow]:
    """Exceptions, the newest first; open ones unless asked otherwise."""
    sought = survey.Sought(wanted.code, wanted.owner, wanted.source, wanted.order_ref, open=wanted.open)
    rows = await survey.cases(
        state.pool, sought, before=pager.start(number, survey.FIRST_PAGE), limit=pager.fetch
    )
    return pager.page(rows, lambda row: row.id)


@routes.get("/groups", operation_id="groupExceptions")
async def groups(state: Given, _reader: Reader) -> Listing[survey.CaseGroup]:
    """Open exceptions by code and owner, with their number and the oldest."""
    return Listing(items=await survey.groups(state.pool))


@routes.get("/{exception_id}", operation_id="getException")
async def one(state: Given, _reader: Reader, exception_id: Identity) -> survey.CaseRow:
    """One exception and everything that is wrong."""
    row = await survey.case(state.pool, exception_id)
    if row is None:
        raise ProblemError("not_found")
    return row


@routes.post("/{exception_id}/retry", operation_id="retryException")
async def retry(
    state: Given, settler: Settler, exception_id: Identity, given: Retry, once: Annotated[Once, Depends()]
) -> Released:
    """Lets the message try again, with its facts looked up anew. Pressing it again changes nothing."""
    if await survey.case(state.pool, exception_id) is None:
        raise ProblemError("not_found")

    async def work() -> Released:
        released = await release(state.pool, [exception_id], actor=settler.actor, reason=given.reason)
        await state.intake.ring()
        return Released(messages=released.messages, exceptions=released.cases)

    return await once.answer(Released, work)
