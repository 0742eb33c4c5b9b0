"""A million deliveries of the same facts by webhook, queue and sweep, from four processes, a third of all steps failing."""

from dataclasses import dataclass

from app.db.session import open_pool
from tests.chaos.attack import Arena, Attack, Report
from tests.chaos.crowd import books
from tests.chaos.crowd.audit import counted, examine, judge
from tests.chaos.crowd.facts import SOURCES, world_of
from tests.chaos.crowd.gather import Order, gather
from tests.chaos.crowd.ground import furnish, open_ground
from tests.chaos.crowd.serve import ERP, SLOTS

FULL = 1_000_000
PROCESSES = 4


DRAIN_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Wave:
    """`deliveries`, or as many as can begin to be delivered within `seconds`."""

    deliveries: int
    seed: int
    seconds: float
    processes: int = PROCESSES


async def attack(arena: Arena) -> Report:
    """In full however long it takes; a part of it as far as the time goes."""
    seconds = arena.seconds * (1.5 if arena.share >= 1 else 0.7)
    async with open_ground(arena.root) as url:
        figures, faults = await deliver_all(url, Wave(arena.scaled(FULL, 10_000), arena.seed, seconds))
    return Report("deliveries", min(1.0, figures.get("deliveries", 0) / FULL), figures, tuple(faults))


async def deliver_all(url: str, wave: Wave) -> tuple[dict[str, int], list[str]]:
    """What happened, and what is wrong. `url`: a migrated database that is empty."""
    world = world_of(wave.seed, wave.deliveries, wave.processes)
    async with open_pool(url, size=4) as pool:
        await books.found(pool)
        await furnish(pool, {ERP: SLOTS, **{f"shop:{source}": 3 for source in SOURCES}})
        limit = wave.seconds + DRAIN_SECONDS
        order = Order("deliver", url, wave.seed, world.orders, limit, wave.processes, busy=wave.seconds)
        reports, wrong = await gather(order)
        seen = counted(reports)
        documents = await books.read(pool)
        told = {fact.key for fact in world.facts(await pool.fetchval("SELECT stop FROM horizon"))}
        wrong += judge(told, documents, await books.aside(pool))
        wrong += await examine(pool, seen["repairs"])
    return {**seen, "documents": len(documents)}, wrong


ATTACK = Attack("deliveries", attack, minutes=15.0)
