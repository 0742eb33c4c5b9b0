"""Locks of ours in the ERP: remembered while they are held, and released by whoever finds one left behind (R-58)."""

from dataclasses import dataclass
from datetime import timedelta

import structlog

from app.domain.errors import SluiceError, TransientError
from app.domain.message import Claimed
from app.flows.context import Context
from app.flows.flow import FencedError, Lease
from app.ledger import lock
from app.ledger.binding import Binding
from app.outbox.intend import Intent, intend

LOST_HOURS = 1.0
"""A lock that cannot be released by then has run out in the ERP, or belongs to somebody there."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class DocumentLock:
    """The `OurLock` of one message on one document. `content`: digest of what is written."""

    ctx: Context
    lease: Lease
    message: Claimed
    bound: Binding
    content: bytes

    @property
    def document_id(self) -> int:
        return self.bound.document_id

    async def begin(self) -> None:
        """The order lane lets nobody else be at this document: a lock that is remembered is a crashed try's."""
        await release_left(self.ctx, timedelta(), self.document_id)
        left = await lock.left(self.ctx.pool, self.ctx.erp.destination, timedelta(), self.document_id)
        if left and self.ctx.erp.release is not None:
            # Written over, it would be forgotten, and its document would stay shut.
            raise TransientError("a lock of ours that was left behind is not released yet")
        await lock.begin(self.ctx.pool, self.ctx.erp.destination, self.document_id, self.ctx.worker)

    async def take(self, lock_id: int) -> None:
        await lock.take(self.ctx.pool, self.ctx.erp.destination, self.document_id, lock_id)

    async def write(self) -> None:
        self.lease.check(self.ctx.now(), self.ctx.erp.deadline)
        verb = self.message.kind.partition(".")[2]
        if not await intend(self.ctx.pool, [Intent(self.message, verb, self.bound.probe_key, self.content)]):
            raise FencedError("the message is not ours any more")

    async def end(self) -> None:
        await lock.end(self.ctx.pool, self.ctx.erp.destination, self.document_id)


async def release_left(ctx: Context, older: timedelta, document_id: int | None = None) -> int:
    """Answers how many were released. One whose number was never told can only run out."""
    if ctx.erp.release is None:
        return 0
    released = 0
    lost = {
        one.document_id for one in await lock.left(ctx.pool, ctx.erp.destination, timedelta(hours=LOST_HOURS))
    }
    for one in await lock.left(ctx.pool, ctx.erp.destination, older, document_id):
        try:
            if one.lock_id is not None:
                await ctx.erp.release(one.document_id, one.lock_id)
                released += 1
        except SluiceError as error:
            log.warning("lock.left", document=one.document_id, error=str(error))
            if one.document_id not in lost:
                continue
        await lock.drop(ctx.pool, ctx.erp.destination, one)
    return released
