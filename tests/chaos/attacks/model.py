"""The model of the outbox, long: alone, beside Postgres, and then a crowd of workers that no model can foresee."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from app.db.session import open_pool
from tests.chaos.attack import Arena, Attack, Report
from tests.chaos.crowd.ground import open_ground
from tests.outbox.crowd import Crowd, Tally, muddle
from tests.outbox.twin import beside
from tests.outbox.walk import Walk, walk

MODEL_STEPS = 300_000
POSTGRES_STEPS = 20_000
CROWDS = 12
LEAST = {"model": 10_000, "postgres": 600, "crowds": 1}


@dataclass
class _Found:
    seed: int
    figures: dict[str, int | float] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


async def attack(arena: Arena) -> Report:
    """The seed is among the figures; SLUICE_SEED repeats the walks of it in the suite."""
    found = _Found(arena.seed, {"seed": arena.seed})
    alone = arena.scaled(MODEL_STEPS, LEAST["model"])
    await _walked(found, "model_steps", lambda: _alone(arena.seed, alone))
    async with open_ground(arena.root) as url:
        steps = arena.scaled(POSTGRES_STEPS, LEAST["postgres"])
        await _walked(found, "postgres_steps", lambda: _beside(url, arena.seed, steps))
        if not found.faults:
            await _crowds(found, url, arena.scaled(CROWDS, LEAST["crowds"]))
    return Report("model", arena.share, found.figures, tuple(found.faults))


async def _walked(found: _Found, name: str, go: Callable[[], int]) -> None:
    """In a thread, since Hypothesis waits for nobody."""
    try:
        found.figures[name] = await asyncio.to_thread(go)
    except AssertionError as error:
        notes = "\n".join(getattr(error, "__notes__", ()))
        found.faults.append(f"{name}, seed {found.seed}: {error}\n{notes}")


def _alone(seed: int, steps: int) -> int:
    taken = 0
    while taken < steps:
        taken += walk(Walk, seed, walks=100, steps=100)
        seed += 1
    return taken


def _beside(url: str, seed: int, steps: int) -> int:
    with asyncio.Runner() as runner:
        return beside(runner, url, seed, steps=steps)


async def _crowds(found: _Found, url: str, count: int) -> None:
    async with open_pool(url, size=6) as pool:
        await pool.execute(
            "TRUNCATE message, receipt, attempt, idempotency_key, key_conflict, exception_case, dirty_sku"
        )
        tally = Tally()
        for number in range(count):
            found.faults += await muddle(pool, Crowd(found.seed + number, turns=500), tally)
        found.figures |= {
            "crowds": count,
            "crowd_verbs": tally.did.total(),
            "crowd_moved": tally.did["moved"],
        }


ATTACK = Attack("model", attack, minutes=12)
