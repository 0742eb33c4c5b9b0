"""Writes what handlers learnt, in the transaction that settles their messages."""

from collections.abc import Sequence

import asyncpg

from app.ledger import binding, cursor, listing, parcel, reference, returned, snapshot
from app.ledger.binding import Bound, Revised
from app.ledger.cursor import CursorMoved
from app.ledger.listing import Dropped, Walked
from app.ledger.parcel import ParcelTold
from app.ledger.reference import Filed
from app.ledger.returned import ReturnAcknowledged, ReturnAsked
from app.ledger.snapshot import OrderSeen

Fact = (
    OrderSeen
    | Bound
    | Revised
    | CursorMoved
    | Walked
    | Dropped
    | ParcelTold
    | Filed
    | ReturnAsked
    | ReturnAcknowledged
)


async def record(conn: asyncpg.Connection, facts: Sequence[Fact]) -> None:
    orders = [fact.order for fact in facts if isinstance(fact, OrderSeen)]
    if orders:
        await snapshot.record(conn, orders)
    bound = [fact for fact in facts if isinstance(fact, Bound)]
    if bound:
        await binding.record(conn, bound)
    told = [fact for fact in facts if isinstance(fact, ParcelTold)]
    if told:
        await parcel.record(conn, told)
    dropped = [fact for fact in facts if isinstance(fact, Dropped)]
    if dropped:
        await listing.drop(conn, dropped)
    for fact in facts:
        await _record_one(conn, fact)


async def _record_one(conn: asyncpg.Connection, fact: Fact) -> None:
    match fact:
        case CursorMoved():
            await cursor.record(conn, fact)
        case Walked():
            await listing.record(conn, fact)
        case Revised():
            await binding.revise(conn, fact)
        case Filed():
            await reference.file(conn, fact)
        case ReturnAsked():
            await returned.record(conn, fact)
        case ReturnAcknowledged():
            await returned.acknowledge(conn, fact)
        case _:
            pass  # with the others of its kind, above
