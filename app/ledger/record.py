"""Writes what handlers learnt, in the transaction that settles their messages."""

from collections.abc import Sequence

import asyncpg

from app.ledger import binding, cursor, listing, notes, parcel, shipped, snapshot
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
        if isinstance(fact, CursorMoved):
            await cursor.record(conn, fact)
        elif isinstance(fact, Walked):
            await listing.record(conn, fact)
        elif isinstance(fact, Revised):
            await binding.revise(conn, fact)
