"""The permanent races: shared keys in opposite order, settling with follow-ups beside appends, leaving in mid-lane, and
release and replay beside cancellation, by several processes that hold their transactions open.
"""

from dataclasses import dataclass

import asyncpg

from app.db.session import open_pool
from tests.chaos.attack import Arena, Attack, Report
from tests.chaos.crowd import books
from tests.chaos.crowd.audit import counted, examine, judge
from tests.chaos.crowd.gather import Order, gather
from tests.chaos.crowd.ground import furnish, open_ground
from tests.chaos.crowd.jostle import DESK
from tests.chaos.crowd.serve import ERP

FULL_SECONDS = 360.0
LEAST_SECONDS = 20.0
DRAIN_SECONDS = 600.0
NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Crush:
    """`busy`: seconds in which new things begin; `skus`: few."""

    busy: float
    seed: int
    skus: int = 6
    processes: int = 4


async def attack(arena: Arena) -> Report:
    busy = max(LEAST_SECONDS, FULL_SECONDS * arena.share)
    async with open_ground(arena.root) as url:
        figures, faults = await jostle_all(url, Crush(busy, arena.seed))
    return Report("races", min(1.0, busy / FULL_SECONDS), figures, tuple(faults))


async def jostle_all(url: str, crush: Crush) -> tuple[dict[str, int], list[str]]:
    """What happened, and what is wrong. `url`: a migrated database that is empty."""
    async with open_pool(url, size=4) as pool:
        await books.found(pool)
        await furnish(pool, {ERP: 16, DESK: 16})
        await pool.execute("CREATE TABLE replayed (key text)")
        seconds = crush.busy + DRAIN_SECONDS
        reports, wrong = await gather(
            Order("jostle", url, crush.seed, crush.skus, seconds, crush.processes, busy=crush.busy)
        )
        seen = counted(reports)
        documents = await books.read(pool)
        applied, again = await _applied(pool), await _replayed(pool)
        expected = [
            document for document in documents if document.key in applied or document.key not in again
        ]
        wrong += judge(applied, expected, NOTHING)
        wrong += await examine(pool, seen["repairs"])
    return {**seen, "documents": len(documents)}, wrong


async def _applied(pool: asyncpg.Pool) -> set[str]:
    rows = await pool.fetch(
        """
        SELECT key FROM message AS m JOIN receipt AS r ON r.message_id = m.id
        WHERE m.kind = 'erp.place' AND r.result = 'applied'
        """
    )
    return {row["key"] for row in rows}


async def _replayed(pool: asyncpg.Pool) -> set[str]:
    """What was in the books already when it came back: a cancellation that met it there undid nothing."""
    return {row["key"] for row in await pool.fetch("SELECT key FROM replayed")}


ATTACK = Attack("races", attack, minutes=FULL_SECONDS / 60)
