"""Clocks jump by minutes and hours, forwards and backwards: Postgres's, the API's, one worker's against all others."""

import asyncio
from collections.abc import Mapping

from tests.chaos import recorder
from tests.chaos.attack import Attack
from tests.chaos.load import pause
from tests.chaos.siege import Siege
from tests.chaos.town import Town

MOST_SECONDS = 2 * 3600.0
CLOCKS = ("postgres", "api", "worker-1")


async def jump_at_random(town: Town, seconds: float) -> Mapping[str, int | float]:
    clock = asyncio.get_running_loop().time
    end, jumps = clock() + seconds, 0
    while clock() < end:
        ahead = town.chance.choice((-1, 1)) * town.chance.uniform(60.0, MOST_SECONDS)
        await jump(town, town.chance.choice(CLOCKS), ahead)
        jumps += 1
        await pause(town.chance.uniform(2.0, 6.0))
    await come_right(town)
    return {"jumps": jumps}


async def jump(town: Town, which: str, seconds: float) -> None:
    """To so many seconds ahead of the real time."""
    if which == "postgres":
        await recorder.set_clock(town.stage.pool, seconds)
    else:
        town.shift(which, seconds)


async def come_right(town: Town) -> None:
    """What was put off to a time that now lies hours ahead is due for the workers: it would only be late."""
    for role in town.clocks:
        town.shift(role, 0.0 if role == "api" else 2 * MOST_SECONDS)
    await recorder.set_clock(town.stage.pool, 0.0)


ATTACK = Attack("clock jumps", Siege("clock jumps", jump_at_random), minutes=4)
