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


@dataclass(frozen=True, slots=True)
class Wave:
    deliveries: int
    seed: int
    seconds: float
    processes: int = PROCESSES


async def attack(arena: Arena) -> Report:
    async with open_ground(arena.root) as url:
        wave = Wave(arena.scaled(FULL, 10_000), arena.seed, arena.seconds - 30)
        figures, faults = await deliver_all(url, wave)
    return Report("deliveries", min(1.0, figures.get("deliveries", 0) / FULL), figures, tuple(faults))


async def deliver_all(url: str, wave: Wave) -> tuple[dict[str, int], list[str]]:
    """What happened, and what is wrong. `url`: a migrated database that is empty."""
    world = world_of(wave.seed, wave.deliveries, wave.processes)
    async with open_pool(url, size=4) as pool:
        await books.found(pool)
        await furnish(pool, {ERP: SLOTS, **{f"shop:{source}": 3 for source in SOURCES}})
        order = Order("deliver", url, wave.seed, world.orders, wave.seconds, wave.processes)
        reports, wrong = await gather(order)
        seen = counted(reports)
        documents = await books.read(pool)
        aside = await books.aside(pool)
        wrong += judge((fact.key for fact in world.facts()), documents, aside)
        wrong += await examine(pool, seen["repairs"])
    return {**seen, "orders": world.orders, "documents": len(documents)}, wrong


ATTACK = Attack("deliveries", attack, minutes=15.0)
