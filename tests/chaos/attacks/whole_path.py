"""Twenty thousand deliveries through the whole gateway, while webhooks are lost, doubled and shuffled and Sage is rough."""

import asyncio
from dataclasses import dataclass

from app.demo.faults import BRUTAL
from tests.chaos.attack import Arena, Attack, Report
from tests.chaos.audit import Ear, figures_of
from tests.chaos.load import arrive, pause
from tests.chaos.siege import judge, rules
from tests.chaos.town import Town, open_town

FULL = 20_000
ORDERS, NOTICES = 6.0, 18.0
"""Arrivals a second."""
WEBHOOKS = ("lose", "double", "reorder")
BESIDES_SECONDS = 90.0
"""Of starting, draining and judging."""


@dataclass(frozen=True, slots=True)
class Flood:
    """`wanted` deliveries, or as many as come within `seconds`."""

    wanted: int
    seconds: float

    async def pour(self, town: Town, ear: Ear) -> None:
        await town.stage.vendors.break_things([*rules(), *_webhooks()])
        over, clock = asyncio.Event(), asyncio.get_running_loop().time
        until = clock() + self.seconds
        async with asyncio.TaskGroup() as group:
            group.create_task(arrive(town.load.order, ORDERS, town.chance, over))
            group.create_task(arrive(town.load.notify, NOTICES, town.chance, over))
            while clock() < until and count(town, ear) < self.wanted:
                await pause(1.0)
                await ear.catch_up(town)
            over.set()


def _webhooks() -> list[dict[str, object]]:
    """Beyond rough: a tenth of each kind."""
    return [
        {"kind": kind, "probability": BRUTAL[kind], "system": "centra", "path": "webhook"}
        for kind in WEBHOOKS
    ]


def count(town: Town, ear: Ear) -> int:
    return len(ear.deliveries) + len(town.load.deliveries)


async def attack(arena: Arena) -> Report:
    flood = Flood(arena.scaled(FULL, 300), max(30.0, arena.seconds * 1.5 - BESIDES_SECONDS))
    async with open_town(arena.root, arena.seed) as town:
        ear = Ear()
        await flood.pour(town, ear)
        poured = count(town, ear)
        faults = await judge(town, ear, ill=True)
        lists = await town.stage.vendors.fault_counts()
        figures = {**figures_of(town, ear), **{f"fault_{kind}": times for kind, times in lists.items()}}
    return Report("whole path", min(1.0, poured / FULL), figures, faults)


ATTACK = Attack("whole path", attack, minutes=16.0)
