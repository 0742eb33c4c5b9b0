"""How the cost of draining grows: with history, workers, SKUs a message, and skew. Messages/s throughout."""

import random
from collections.abc import Mapping
from typing import Any

from app.db.session import open_pool
from bench.arena import Arena
from bench.baskets import TYPICAL, Mix, draw
from bench.heat import Heat, make_jobs, run_heat, run_ours, shop
from bench.history import add_history
from bench.rivals import sluice

PROCESSES = 2
HISTORY = (0, 10_000, 100_000, 1_000_000, 5_000_000)
WORKERS = (1, 2, 4, 8)
LINES = (1, 2, 3, 5, 10)
SKEWS = (
    Mix("uniform", 0.0),
    Mix("zipf 0.8", 0.8),
    TYPICAL,
    Mix("zipf 1.1", 1.1),
    Mix("half of all on one SKU", 0.93, sale=0.5),
)


async def grow(arena: Arena) -> Mapping[str, Any]:
    count = 200 if arena.quick else 10_000
    return {
        "growth": {
            "history_rows": await by_history(arena, count),
            "processes": await by_workers(arena, count),
            "skus_a_message": await by_lines(arena, count),
            "skew": await by_skew(arena, count),
        }
    }


async def by_history(arena: Arena, count: int) -> dict[str, float]:
    """One database that grows; the same backlog each time, under new references."""
    rates = {}
    async with arena.database() as url, open_pool(url, size=1, application="bench") as pool:
        for number, rows in enumerate(HISTORY[:3] if arena.quick else HISTORY):
            await add_history(pool, rows)
            baskets = draw(TYPICAL, count, random.Random(number))  # noqa: S311 - shoppers
            jobs = make_jobs(baskets, number * count)
            lap = await run_ours(arena, Heat(sluice(), jobs, PROCESSES), url)
            rates[str(rows)] = lap.rate
    return rounded(rates)


async def by_workers(arena: Arena, count: int) -> dict[str, float]:
    jobs, rates = shop(TYPICAL, count), {}
    for processes in WORKERS[:2] if arena.quick else WORKERS:
        rates[str(processes)] = (await run_heat(arena, Heat(sluice(), jobs, processes))).rate
    return rounded(rates)


async def by_lines(arena: Arena, count: int) -> dict[str, float]:
    rates = {}
    for lines in LINES:
        jobs = make_jobs(of_length(lines, count))
        rates[str(lines)] = (await run_heat(arena, Heat(sluice(), jobs, PROCESSES))).rate
    return rounded(rates)


def of_length(lines: int, count: int, mix: Mix = TYPICAL) -> list[tuple[str, ...]]:
    """Baskets of exactly `lines` SKUs, drawn as shoppers draw them."""
    rng = random.Random(lines)  # noqa: S311 - shoppers
    made: list[tuple[str, ...]] = []
    chosen: dict[str, None] = {}
    while len(made) < count:
        for sku in (sku for basket in draw(mix, count, rng) for sku in basket):
            chosen[sku] = None
            if len(chosen) == lines and len(made) < count:
                made.append(tuple(chosen))
                chosen = {}
    return made


async def by_skew(arena: Arena, count: int) -> dict[str, float]:
    rates = {}
    for mix in SKEWS:
        rates[mix.name] = (await run_heat(arena, Heat(sluice(), shop(mix, count), PROCESSES))).rate
    return rounded(rates)


def rounded(rates: Mapping[str, float]) -> dict[str, float]:
    return {name: round(rate, 1) for name, rate in rates.items()}
