"""/api/v1/messages: what arrived and what must happen."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel

from app.api.auth import Reader, sees_payload
from app.api.paging import Listing, Pager, number
from app.api.problems import ProblemError
from app.api.state import Given
from app.ledger import find, survey
from app.outbox import browse

routes = APIRouter(prefix="/api/v1/messages", tags=["messages"])
Text = Annotated[str | None, Query(max_length=200)]
Identity = Annotated[int, Path(ge=1, lt=1 << 62)]
StateName = Literal["waiting", "ready", "leased", "in_doubt", "parked", "done"]


class Filter(BaseModel):
    """`code`: messages that an open exception of this code is about."""

    state: StateName | None = None
    kind: Annotated[str | None, Query(max_length=200)] = None
    source: Annotated[str | None, Query(max_length=200)] = None
    order_ref: Annotated[str | None, Query(max_length=200)] = None
    code: Annotated[str | None, Query(max_length=200)] = None


class MessageStory(BaseModel):
    """`body` and `raw` need the scope messages:payload; without it they are null."""

    message: browse.MessageRow
    parent: browse.MessageRow | None
    follow_ups: list[browse.MessageRow]
    attempts: list[browse.AttemptRow]
    intents: list[browse.IntentRow]
    lanes: list[str]
    exceptions: list[survey.CaseRow]
    binding: find.BindingRow | None
    body: dict[str, Any] | None
    raw: str | None


@routes.get("", operation_id="listMessages")
async def listing(
    state: Given, _reader: Reader, pager: Annotated[Pager, Depends()], wanted: Annotated[Filter, Depends()]
) -> Listing[browse.MessageRow]:
    """Messages, the newest first."""
    sources: tuple[str, ...] = (wanted.source,) if wanted.source else ()
    if wanted.order_ref is not None and not sources:
        sources = tuple(state.prefixes())
    rows = await browse.messages(
        state.pool,
        browse.Wanted(wanted.state, wanted.kind, sources, wanted.order_ref, wanted.code),
        before=pager.start(number, browse.FIRST_PAGE),
        limit=pager.fetch,
    )
    return pager.page(rows, lambda row: row.id)


@routes.get("/{message_id}", operation_id="getMessage")
async def one(state: Given, reader: Reader, message_id: Identity) -> MessageStory:
    """One message and all that came of it."""
    story = await browse.story(state.pool, message_id)
    if story is None:
        raise ProblemError("not_found")
    row = story.message
    name = (row.source, row.order_ref) if row.order_ref else None
    shown = sees_payload(reader)
    return MessageStory(
        message=row,
        parent=story.parent,
        follow_ups=list(story.follow_ups),
        attempts=list(story.attempts),
        intents=list(story.intents),
        lanes=list(story.lanes),
        exceptions=await survey.cases(state.pool, survey.Sought(message_id=message_id, open=None), limit=200),
        binding=await find.binding(state.pool, name) if name else None,
        body=story.body if shown else None,
        raw=story.raw.decode("utf-8", "backslashreplace") if shown and story.raw is not None else None,
    )
