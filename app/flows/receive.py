"""A delivery becomes messages. Verified first, de-duplicated second; what is authentic is always kept."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.domain.channel import Channel, Receive
from app.domain.errors import MalformedError
from app.domain.message import Draft, MessageClass, Owner, Violation
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


def unreadable(channel: Channel, raw: bytes) -> Draft:
    digest = hashlib.sha256(raw).hexdigest()[:32]
    return Draft(
        kind=f"{channel.name}.unreadable",
        cls=MessageClass.NOTICE,
        destination=channel.destination,
        source=channel.connection,
        key=f"{channel.name}/{channel.connection}/unreadable/{digest}",
        raw=raw,
        park=Violation(
            code="E-UNREADABLE",
            field="body",
            value=f"{len(raw)} bytes",
            fix="Look at the raw bytes; teach the connector to read them, then retry",
            owner=Owner.SRE,
        ),
    )


async def receive(channel: Channel, verify: Receive, delivery: Delivery, store: Store) -> Received:
    """`verify`: the channel's own `receive`. Raises ForgedError, CannotStoreError."""
    try:
        drafts: Sequence[Draft] = verify(delivery.raw, delivery.headers, delivery.at)
    except MalformedError:
        return summary(await store([unreadable(channel, delivery.raw)]), readable=False)
    try:
        return summary(await store(drafts), readable=True)
    except UnstorableError:
        parked = unreadable(channel, delivery.raw)
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
