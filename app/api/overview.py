"""/api/v1/lanes, /connections and /audit: what stands still, who is reachable, who did what."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from app.api.auth import Auditor, Reader
from app.api.paging import Listing, Pager, number, text
from app.api.state import Given
from app.ledger import survey
from app.outbox import browse

routes = APIRouter(prefix="/api/v1", tags=["overview"])


class Connection(BaseModel):
    """One store or account. `breaker_open`: nothing is attempted there until `destination.resume_at`."""

    name: str
    connector: str
    connection: str
    breaker_open: bool
    destination: survey.DestinationRow | None
    last_event_at: datetime | None
    polls: list[survey.PollRow]


class AuditFilter(BaseModel):
    actor: Annotated[str | None, Query(max_length=200)] = None
    action: Annotated[str | None, Query(max_length=200)] = None
    object: Annotated[str | None, Query(max_length=200)] = None


@routes.get("/lanes", operation_id="listLanes")
async def lanes(
    state: Given,
    _reader: Reader,
    pager: Annotated[Pager, Depends()],
    *,
    moving: Annotated[bool, Query(description="also lanes whose head is not stuck")] = False,
) -> Listing[browse.LaneRow]:
    """Lanes in which others wait behind a stuck head, by name."""
    rows = await browse.lanes(state.pool, after=pager.start(text, ""), limit=pager.fetch, moving=moving)
    return pager.page(rows, lambda row: row.lane)


@routes.get("/connections", operation_id="listConnections")
async def connections(state: Given, _reader: Reader) -> Listing[Connection]:
    """Every channel and ERP: how far its polls are, when it last spoke, whether its breaker is open."""
    rows = {row.name: row for row in await survey.destinations(state.pool)}
    items = []
    for name in sorted({*state.channels, *rows}):
        connector, _, connection = name.partition(":")
        row, channel = rows.get(name), state.channels.get(name)
        resume_at = row.resume_at if row else None
        items.append(
            Connection(
                name=name,
                connector=connector,
                connection=connection,
                breaker_open=resume_at is not None and resume_at > state.now(),
                destination=row,
                last_event_at=await survey.last_event(state.pool, name, connection) if channel else None,
                polls=await survey.polls(state.pool, connection) if channel else [],
            )
        )
    return Listing(items=items)


@routes.get("/audit", operation_id="listAudit", tags=["audit"])
async def audit(
    state: Given,
    _auditor: Auditor,
    pager: Annotated[Pager, Depends()],
    wanted: Annotated[AuditFilter, Depends()],
) -> Listing[survey.AuditRow]:
    """Who changed what and why, the newest first."""
    rows = await survey.audit(
        state.pool,
        (wanted.actor, wanted.action, wanted.object),
        before=pager.start(number, survey.FIRST_PAGE),
        limit=pager.fetch,
    )
    return pager.page(rows, lambda row: row.id)
