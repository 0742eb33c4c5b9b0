"""Any process may die at any instant: ours, the vendors', Postgres, Valkey."""

import asyncio
from collections.abc import Mapping, Sequence

from tests.chaos.attack import Attack
from tests.chaos.load import pause
from tests.chaos.siege import Siege
from tests.chaos.town import Town

TARGETS = ("api", "worker-1", "worker-2", "worker-1", "worker-2", "exporter", "sandbox", "postgres", "valkey")
BETWEEN_SECONDS = 2.0


async def kill_at_random(town: Town, seconds: float) -> Mapping[str, int | float]:
    """Processes of the same kind die again while they are still coming up."""
    clock = asyncio.get_running_loop().time
    until = clock() + seconds
    while clock() < until:
        await pause(town.chance.expovariate(1 / BETWEEN_SECONDS))
        town.kill(town.chance.choice(TARGETS))
    return {"seconds": round(seconds)}


async def kill_each(town: Town, names: Sequence[str]) -> None:
    """One after the other, while the load goes on."""
    for name in names:
        await pause(town.chance.uniform(0.5, 1.0))
        town.kill(name)
    await pause(1.0)


ATTACK = Attack("kill loops", Siege("kill loops", kill_at_random), minutes=12)
