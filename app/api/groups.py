"""/api/v1/exceptions/groups: one cause, settled once. Planned first; the deed does no more than the plan showed."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, Field

from app.api.auth import Reader
from app.api.exceptions import Deed, PlanView, Retry, Settled, accepted, released, view
from app.api.paging import Listing
from app.api.problems import ProblemError
from app.api.state import Given, State
from app.domain.remedy import Remedy
from app.flows import aim
from app.flows.accept import Word
from app.flows.aim import Aim
from app.ledger import causes

routes = APIRouter(prefix="/api/v1/exceptions/groups", tags=["exceptions"])
Key = Annotated[str, Path(pattern="^[0-9a-f]{16}$", description="of a group, as the list tells it")]
Settling = Annotated[Deed, Depends()]


class Together(Retry):
    """`through`: the plan's; what was opened later is left alone."""

    through: Annotated[int, Field(ge=0, lt=1 << 62)]


class GroupStory(BaseModel):
    """`row`: a row of the table `remedy.table` that would mend it, to be completed. `near`: codes of the
    ERP's that look like the unknown one.
    """

    group: causes.CaseGroup
    remedy: Remedy
    row: dict[str, str]
    near: list[str]


@routes.get("", operation_id="groupExceptions")
async def listing(state: Given, _reader: Reader) -> Listing[causes.CaseGroup]:
    """Open exceptions by cause and owner: how many, how old, what they hold up, and the value at stake."""
    return Listing(items=await causes.groups(state.pool))


@routes.get("/{group}", operation_id="getExceptionGroup")
async def one(state: Given, _reader: Reader, group: Key) -> GroupStory:
    """One cause and what may be done about it."""
    found = await known(state, group)
    mending = await aim.mend_group(state.pool, found)
    return GroupStory(group=found, remedy=mending.remedy, row=mending.row, near=list(mending.near))


async def known(state: State, group: str) -> causes.CaseGroup:
    found = await causes.groups(state.pool, group)
    if not found:
        raise ProblemError("not_found", "No open exception has this cause any more")
    return found[0]


@routes.get("/{group}/plan", operation_id="planExceptionGroup")
async def plan(state: Given, _reader: Reader, group: Key) -> PlanView:
    """What a retry or an acceptance of this cause would settle now; nothing is changed."""
    await known(state, group)
    return view(await aim.plan(state.pool, Aim(group=group)))


@routes.post("/{group}/retry", operation_id="retryExceptionGroup")
async def again(state: Given, deed: Settling, group: Key, given: Together) -> Settled:
    """Lets all messages of the plan try again, in order. Pressing it again changes nothing."""
    wanted = Aim(group=group, through=given.through)
    return await deed.once.answer(Settled, lambda: released(state, wanted, deed.actor, given.reason))


@routes.post("/{group}/accept", operation_id="acceptExceptionGroup")
async def as_they_are(state: Given, deed: Settling, group: Key, given: Together) -> Settled:
    """Settles all of the plan by a person's word, as accepting one does. Pressing it again changes nothing."""
    wanted = Aim(group=group, through=given.through)
    word = Word(deed.actor, given.reason, "", state.prefixes())
    return await deed.once.answer(Settled, lambda: accepted(state, wanted, word))
