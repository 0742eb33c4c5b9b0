"""A delivery becomes messages. Verified first, de-duplicated second; what is authentic is always kept."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.domain.channel import Channel, Receive
from app.domain.errors import MalformedError
from app.domain.message import Draft, Owner, Violation, unreadable
from app.outbox.flush import UnstorableError
from app.outbox.keys import Appended

Store = Callable[[Sequence[Draft]], Awaitable[list[Appended]]]


@dataclass(frozen=True, slots=True)
class Delivery:
    """Header names in lower case; `at` is UTC."""

    raw: bytes
    headers: Mapping[str, str]
    at: datetime


@dataclass(frozen=True, slots=True)
class Received:
    """`ids`: for a duplicate, those of the first delivery."""

    ids: tuple[int, ...]
    duplicates: int
    conflicts: int
    readable: bool


def _unreadable(channel: Channel, raw: bytes) -> Draft:
    fix = "Look at the raw bytes; teach the connector to read them, then retry"
    wrong = Violation("E-UNREADABLE", "body", f"{len(raw)} bytes", fix, Owner.SRE)
    return unreadable(channel.destination, f"unreadable/{hashlib.sha256(raw).hexdigest()[:32]}", raw, wrong)


async def receive(channel: Channel, verify: Receive, delivery: Delivery, store: Store) -> Received:
    """`verify`: the channel's own `receive`. Raises ForgedError, CannotStoreError."""
    try:
        drafts: Sequence[Draft] = verify(delivery.raw, delivery.headers, delivery.at)
    except MalformedError:
        return summary(await store([_unreadable(channel, delivery.raw)]), readable=False)
    try:
        return summary(await store(drafts), readable=True)
    except UnstorableError:
        parked = _unreadable(channel, delivery.raw)
        stored = [one for draft in drafts for one in await _store_or_park(draft, parked, store)]
        return summary(stored, readable=False)


async def _store_or_park(draft: Draft, parked: Draft, store: Store) -> list[Appended]:
    try:
        return await store([draft])
    except UnstorableError:
        return await store([parked])


def summary(stored: Sequence[Appended], *, readable: bool) -> Received:
    return Received(
        ids=tuple(one.message_id for one in stored),
        duplicates=sum(one.duplicate for one in stored),
        conflicts=sum(one.conflict for one in stored),
        readable=readable,
    )
