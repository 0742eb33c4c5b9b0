"""Writes what handlers learnt, in the transaction that settles their messages."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import asyncpg

from app.ledger import (
    alignment,
    binding,
    cursor,
    listing,
    notes,
    parcel,
    reference,
    returned,
    shipped,
    snapshot,
)
from app.ledger.alignment import Aligned, ArticlesSeen
from app.ledger.binding import Bound, Ended, Proven, Revised
from app.ledger.cursor import CursorMoved, Hinted
from app.ledger.listing import Doubted, Dropped, Walked
from app.ledger.notes import NotesSeen
from app.ledger.parcel import ParcelTold
from app.ledger.reference import Filed
from app.ledger.returned import ReturnAcknowledged, ReturnAsked
from app.ledger.shipped import ShippedConfirmed, ShippedSeen
from app.ledger.snapshot import OrderSeen

Fact = (
    OrderSeen
    | Bound
    | Proven
    | Revised
    | Ended
    | CursorMoved
    | Hinted
    | Walked
    | Dropped
    | Doubted
    | NotesSeen
    | ParcelTold
    | ShippedSeen
    | ShippedConfirmed
    | Filed
    | ReturnAsked
    | ReturnAcknowledged
    | ArticlesSeen
    | Aligned
)


Write = Callable[[asyncpg.Connection, Sequence[Any]], Awaitable[None]]


async def record(conn: asyncpg.Connection, facts: Sequence[Fact]) -> None:
    for kinds, write in _WRITES:
        if given := [fact for fact in facts if isinstance(fact, kinds)]:
            await write(conn, given)


async def _seen(conn: asyncpg.Connection, facts: Sequence[OrderSeen]) -> None:
    await snapshot.record(conn, [fact.order for fact in facts])


def _each(write: Callable[[asyncpg.Connection, Any], Awaitable[None]]) -> Write:
    async def write_all(conn: asyncpg.Connection, facts: Sequence[Any]) -> None:
        for fact in facts:
            await write(conn, fact)

    return write_all


_WRITES: tuple[tuple[type | tuple[type, ...], Write], ...] = (
    (OrderSeen, _seen),
    (Bound, binding.record),
    (NotesSeen, notes.record),
    (ParcelTold, parcel.record),
    (ParcelTold, notes.tell),
    ((ShippedSeen, ShippedConfirmed), shipped.record),
    (Dropped, listing.drop),
    (Doubted, _each(listing.doubt)),
    (CursorMoved, _each(cursor.record)),
    (Hinted, _each(cursor.hint)),
    (Walked, _each(listing.record)),
    (Proven, _each(binding.prove)),
    (Revised, _each(binding.revise)),
    (Ended, _each(binding.end)),
    (Filed, _each(reference.file)),
    (ReturnAsked, _each(returned.record)),
    (ReturnAcknowledged, _each(returned.acknowledge)),
    (ArticlesSeen, _each(alignment.record)),
    (Aligned, _each(alignment.align)),
)
"""In this order."""
