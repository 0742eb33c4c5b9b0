"""One order as the ledger has it: the document that it became, and what its channel last showed."""

import asyncpg

from app.ledger import binding, snapshot
from app.ledger.binding import Binding
from app.ledger.snapshot import Snapshot


async def read_order(pool: asyncpg.Pool, connection: str, ref: str) -> tuple[Binding | None, Snapshot | None]:
    """None: not bound; not read yet."""
    bound = await binding.read(pool, connection, [ref])
    taken = await snapshot.read(pool, connection, [ref])
    return bound.get(ref), taken.get(ref)
