"""Notices that no flow acts on (yet): stored, visible, without effect. Unreadable ones wait for a person."""

from collections.abc import AsyncGenerator, Sequence

from app.domain.message import Done, Outcome, Owner, Park, Result, Violation
from app.flows.context import Context
from app.flows.flow import Batch


async def ignore(_ctx: Context, batch: Batch) -> AsyncGenerator[Sequence[Outcome], None]:
    yield [
        Outcome(message, Done(Result.NO_EFFECT, "nothing follows from this kind"))
        for message in batch.messages
    ]


async def unreadable(_ctx: Context, batch: Batch) -> AsyncGenerator[Sequence[Outcome], None]:
    fix = "look at the raw bytes; the connector still cannot read them"
    violation = Violation("E-UNREADABLE", "body", "raw bytes", fix, Owner.SRE)
    yield [Outcome(message, Park((violation,))) for message in batch.messages]
