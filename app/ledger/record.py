"""Writes what handlers learnt, in the transaction that settles their messages."""

from collections.abc import Sequence

import asyncpg

from app.ledger import alignment, binding, cursor, listing, notes, parcel, shipped, snapshot
from app.ledger.alignment import Aligned, ArticlesSeen
from app.ledger.binding import Bound, Revised
from app.ledger.cursor import CursorMoved
from app.ledger.listing import Dropped, Walked
from app.ledger.notes import NotesSeen
from app.ledger.parcel import ParcelTold
from app.ledger.shipped import ShippedConfirmed, ShippedSeen
from app.ledger.snapshot import OrderSeen

Fact = (
    OrderSeen
    | Bound
    | Revised
    | CursorMoved
    | Walked
    | Dropped
    | NotesSeen
    | ParcelTold
    | ShippedSeen
    | ShippedConfirmed
    | ArticlesSeen
    | Aligned
)


async def record(conn: asyncpg.Connection, facts: Sequence[Fact]) -> None:
    orders = [fact.order for fact in facts if isinstance(fact, OrderSeen)]
    if orders:
        await snapshot.record(conn, orders)
    bound = [fact for fact in facts if isinstance(fact, Bound)]
    if bound:
        await binding.record(conn, bound)
    seen = [fact for fact in facts if isinstance(fact, NotesSeen)]
    if seen:
        await notes.record(conn, seen)
    told = [fact for fact in facts if isinstance(fact, ParcelTold)]
    if told:
        await notes.tell(conn, told)
        await parcel.record(conn, told)
    left = [fact for fact in facts if isinstance(fact, ShippedSeen | ShippedConfirmed)]
    await shipped.record(conn, left)
    dropped = [fact for fact in facts if isinstance(fact, Dropped)]
    if dropped:
        await listing.drop(conn, dropped)
    for fact in facts:
        await _one(conn, fact)


async def _one(conn: asyncpg.Connection, fact: Fact) -> None:
    """Those that come alone."""
    match fact:
        case CursorMoved():
            await cursor.record(conn, fact)
        case Walked():
            await listing.record(conn, fact)
        case Revised():
            await binding.revise(conn, fact)
        case ArticlesSeen():
            await alignment.record(conn, fact)
        case Aligned():
            await alignment.align(conn, fact)
