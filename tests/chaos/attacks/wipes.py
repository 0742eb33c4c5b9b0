"""Valkey is wiped, or away: nothing but latency may change."""

import asyncio
from collections.abc import Mapping
from statistics import median

from tests.chaos.attack import Arena, Attack, Report
from tests.chaos.audit import Ear, figures_of
from tests.chaos.load import pause
from tests.chaos.siege import LEAST_SECONDS, OVERHEAD_SECONDS, Siege, judge
from tests.chaos.town import Town, open_town

AWAY_MINUTES = 10
BASE = 0.1
"""Share of the time in which the latency with Valkey is measured."""
SETTLE_SECONDS = 3.0


async def wipe_at_random(town: Town, seconds: float) -> Mapping[str, int | float]:
    clock = asyncio.get_running_loop().time
    end, wipes = clock() + seconds, 0
    while clock() < end:
        await pause(town.chance.expovariate(2.0))
        await town.flush()
        wipes += 1
    return {"wipes": wipes}


async def go_without(arena: Arena) -> Report:
    """The figures are seconds from the shopper's checkout to the document in Sage, with Valkey and without."""
    load = max(LEAST_SECONDS, arena.seconds - OVERHEAD_SECONDS)
    base, away = max(4.0, load * BASE), load * (1 - BASE)
    ear = Ear()
    answers: dict[str, dict[int, int]] = {}

    async def compare(town: Town, _: float) -> Mapping[str, int | float]:
        await pause(base)
        answers["with"] = dict(town.load.answers)
        moments["gone"] = len(town.load.placed)
        town.valkey.kill(away=True)
        await pause(away)
        answers["all"] = dict(town.load.answers)
        moments["back"] = len(town.load.placed)
        town.valkey.come_back()
        return {"away_seconds": round(away)}

    moments: dict[str, int] = {}
    siege = Siege("valkey away", compare, rough=False, ill=False, kept=("LOOK_SECONDS=1.0",))
    async with open_town(arena.root, arena.seed, kept=siege.kept) as town:
        told = await siege.under_load(town, base + away)
        faults = list(await judge(town, ear, ill=siege.ill))
        numbers = [number for _, number in town.load.placed]
        with_it = ear.waits(numbers[: moments["gone"]])
        without = ear.waits(numbers[moments["gone"] : moments["back"]])
    refused = sum(count for status, count in answers["all"].items() if status != 202)
    refused -= sum(count for status, count in answers["with"].items() if status != 202)
    if refused:
        faults.append(f"{refused} webhooks were not accepted while Valkey was away")
    figures = {
        **figures_of(town, ear),
        **told,
        "orders_while_away": len(without),
        "median_with": round(median(with_it), 2),
        "median_without": round(median(without), 2),
        "most_without": round(max(without), 2),
    }
    return Report(siege.name, arena.share, figures, tuple(faults))


FLUSHES = Attack("wiped valkey", Siege("wiped valkey", wipe_at_random, ill=False), minutes=3)
AWAY = Attack("valkey away", go_without, minutes=AWAY_MINUTES / (1 - BASE) + 1)
