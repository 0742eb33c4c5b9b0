"""Sales orders are changed under Sage's own lock, which is short and always released (sage200.md 9.1, 11; R-58)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from types import MappingProxyType

from app.connectors.sage200.classify import message
from app.connectors.sage200.client import Client
from app.connectors.sage200.contents import ANALYSIS, WholeRow, Writing, amend_body, contents
from app.connectors.sage200.mapping import Ids, is_whole
from app.connectors.sage200.payloads import read
from app.connectors.sage200.phrasebook import Phrasebook, refusal, told
from app.connectors.sage200.reference import Reference
from app.connectors.sage200.replies import Reply
from app.connectors.sage200.settings import Sage200Settings
from app.domain.amend import Amendment, Contents, OurLock, Revision
from app.domain.errors import (
    DestinationError,
    InDoubtError,
    LockedError,
    PermanentError,
    SluiceError,
    TransientError,
)
from app.domain.message import Violation
from app.domain.refusals import Cause

GONE = frozenset({Cause.MISSING, Cause.LOCKED})
"""What Sage says of a lock that is not ours any more: it ran out, or somebody else holds one."""


@dataclass(slots=True)
class _Lock:
    id: int
    sent: bool = False
    released: bool = False


@dataclass(frozen=True, slots=True)
class _Work:
    """`ids`: of the codes that may be written."""

    revision: Revision
    ours: OurLock
    ids: Ids | None
    record: bool


class Amends:
    def __init__(
        self, client: Client, reference: Reference, settings: Sage200Settings, book: Phrasebook
    ) -> None:
        self._client = client
        self._reference = reference
        self._settings = settings
        self._book = book

    async def contents(self, document_id: int) -> Contents | None:
        raw = await self._client.single(_path(document_id), {"expand": "lines,delivery_address"})
        if raw is None:
            return None
        row = read(WholeRow, [raw])[0]
        if not is_whole(row):
            raise DestinationError(f"Sage does not show the lines and totals of order {document_id}")
        slots = enumerate((raw.get(name) or "" for name in ANALYSIS), start=1)
        analysis = {slot: str(value) for slot, value in slots if value}
        return contents(row, MappingProxyType(analysis), await self._reference.tables())

    async def change(self, revision: Revision, ours: OurLock) -> Contents | tuple[Violation, ...]:
        """What a try wrote half is seen by the next one, since each reads the order anew."""
        order = revision.order
        ids = await self._reference.ids(order) if order is not None else None
        record = (await self._reference.tables()).settings.record_cancelled_order_lines
        work = _Work(revision, ours, ids, record)
        lock: _Lock | None = None
        try:
            async with asyncio.timeout(self._settings.lock_seconds):
                async with self._locked(revision.document_id, ours) as lock:
                    refused = await self._under(lock, work)
        except TimeoutError as error:
            if lock is not None and lock.sent:
                raise InDoubtError("Sage did not answer a change while the lock could be held") from error
            raise TransientError("Sage was too slow to be locked any longer") from error
        if not isinstance(refused, Reply | None):
            return refused
        return await self._compared(work, refused)

    async def release(self, document_id: int, lock_id: int) -> None:
        """Raises TransientError where Sage does not take it back now."""
        refused = await self._client.amend(_path(document_id), {"lock_id": lock_id, "is_editing": False})
        if refused is not None and refused.status != 404 and await self._book.means(refused) not in GONE:
            raise TransientError(f"Sage does not release a lock of ours: {message(refused.body)}")

    @asynccontextmanager
    async def _locked(self, document_id: int, ours: OurLock) -> AsyncIterator[_Lock]:
        """An answer that was lost leaves what was remembered of it: the lock may be there."""
        await ours.begin()
        answer = await self._client.lock(_path(document_id))
        lock_id = None if isinstance(answer, Reply) else answer.get("lock_id")
        if not isinstance(lock_id, int):
            await ours.end()
            raise await self._unlocked(document_id, answer if isinstance(answer, Reply) else None)
        lock = _Lock(lock_id)
        try:
            await ours.take(lock_id)
            yield lock
        finally:
            if not lock.released:
                with suppress(SluiceError):  # whoever sweeps up after us tries again
                    await self.release(document_id, lock_id)
                    lock.released = True
            if lock.released:
                await ours.end()

    async def _unlocked(self, document_id: int, reply: Reply | None) -> SluiceError:
        if reply is None:
            return DestinationError(f"Sage gives no lock for order {document_id}: is_to_lock is not obeyed")
        text = message(reply.body)
        if await self._book.means(reply) is Cause.LOCKED:
            return LockedError(f"locked in Sage: {text}")
        return PermanentError(
            "E-SAGE-REJECTED", f"Sage refused to lock the order with {reply.status}: {text}"
        )

    async def _under(self, lock: _Lock, work: _Work) -> Reply | Contents | tuple[Violation, ...] | None:
        """None: sent and saved; a reply: refused, maybe half-way; else what made a write needless or forbidden."""
        held = await self._read(work.revision.document_id)
        wish = work.revision.decide(held)
        if not isinstance(wish, Amendment):
            return held if wish is None else wish
        await work.ours.write()
        refused = await self._put(lock, work, (held, wish), allocate=self._settings.allocate)
        if refused is not None and self._settings.allocate and await self._book.means(refused) is Cause.STOCK:
            held = await self._read(work.revision.document_id)
            wish = work.revision.decide(held)
            if isinstance(wish, Amendment):
                return await self._put(lock, work, (held, wish), allocate=False)
        return refused

    async def _put(
        self, lock: _Lock, work: _Work, what: tuple[Contents, Amendment], *, allocate: bool
    ) -> Reply | None:
        held, wish = what
        body = amend_body(wish, Writing(work.ids, lock.id, allocate, work.record))
        lock.sent = True
        refused = await self._client.amend(_path(held.document.id), body)
        lock.released = refused is None
        return refused

    async def _compared(self, work: _Work, refused: Reply | None) -> Contents:
        """Nothing counts as written that is not read back."""
        held = await self._read(work.revision.document_id)
        if work.revision.decide(held) is None:
            return held
        if refused is None:
            raise TransientError("Sage saved only a part of the change")
        raise await self._refused(work.revision, refused)

    async def _refused(self, revision: Revision, reply: Reply) -> SluiceError:
        return refusal(await self._book.means(reply), reply, told(reply, revision.order))

    async def _read(self, document_id: int) -> Contents:
        held = await self.contents(document_id)
        if held is None:
            raise TransientError(f"order {document_id} went while it was being changed")
        return held


def _path(document_id: int) -> str:
    return f"sop_orders/{document_id}"
