"""/api/v1/orders: one order under any of its names, and the waiting list."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel

from app.api.auth import Reader, sees_payload
from app.api.paging import Listing, Pager, text
from app.api.problems import ProblemError
from app.api.state import Given, State
from app.domain.order import Standing
from app.domain.personal import impersonal
from app.flows.keys import Holder
from app.ledger import find, survey
from app.ledger.timeline import Event, timeline
from app.outbox import browse

routes = APIRouter(prefix="/api/v1/orders", tags=["orders"])


class OrderSummary(BaseModel):
    """`snapshot`: the channel's order in our words; without the scope messages:payload it names no person."""

    connection: str
    ref: str
    standing: str
    hold_reason: str
    version_at: datetime | None
    first_seen_at: datetime | None
    changed_at: datetime | None
    snapshot: dict[str, Any] | None


class OrderStory(OrderSummary):
    """`timeline`: over all systems, the oldest first."""

    binding: find.BindingRow | None
    messages: list[browse.MessageRow]
    exceptions: list[survey.CaseRow]
    timeline: list[Event]


class Found(BaseModel):
    """More than one where two connections use the same number."""

    reference: str
    orders: list[OrderStory]


@routes.get("", operation_id="listOrders")
async def listing(
    state: Given,
    reader: Reader,
    pager: Annotated[Pager, Depends()],
    standing: Annotated[Standing | None, Query(description="`held` is the waiting list")] = None,
) -> Listing[OrderSummary]:
    """Orders that we know, by connection and number."""
    after = pager.start(_name, ("", ""))
    rows = await find.standing(state.pool, standing, after=after, limit=pager.fetch)
    return pager.page([summary(row, reader) for row in rows], lambda row: (row.connection, row.ref))


@routes.get("/{reference:path}", operation_id="findOrder")
async def one(
    state: Given,
    reader: Reader,
    reference: Annotated[
        str,
        Path(
            min_length=1,
            max_length=200,
            description="The channel's number, `connection/number`, the key in Sage (`CEN-123`) or Sage's number",
        ),
    ],
) -> Found:
    """One order with its messages, its document, what is wrong with it, and its timeline."""
    names = await find.names(state.pool, reference, state.prefixes())
    if not names:
        raise ProblemError("not_found")
    return Found(reference=reference, orders=[await story(state, reader, name) for name in names])


async def story(state: State, reader: Holder, name: find.Name) -> OrderStory:
    row = summary(await find.order(state.pool, name), reader)
    connection, ref = name
    return OrderStory(
        **row.model_dump(),
        binding=await find.binding(state.pool, name),
        messages=await browse.messages(
            state.pool, browse.Wanted(sources=(connection,), order_ref=ref), limit=200
        ),
        exceptions=await survey.cases(
            state.pool, survey.Sought(source=connection, order_ref=ref, open=None), limit=200
        ),
        timeline=await timeline(state.pool, name),
    )


def summary(row: find.OrderRow, reader: Holder) -> OrderSummary:
    whole = row.snapshot or {}
    shown = whole if sees_payload(reader) else impersonal(whole)
    return OrderSummary(
        connection=row.connection,
        ref=row.ref,
        standing=row.standing,
        hold_reason=row.hold_reason,
        version_at=row.version_at,
        first_seen_at=row.first_seen_at,
        changed_at=row.changed_at,
        snapshot=shown if row.snapshot is not None else None,
    )


def _name(given: Any) -> find.Name:
    connection, ref = given
    return text(connection), text(ref)
