"""A worker that is stopped past its lease wakes up and believes that it still holds it."""

import asyncio
import signal
from collections.abc import Mapping
from contextlib import suppress

from app.demo import books
from app.demo.errors import DemoError
from app.demo.play import until
from tests.chaos.attack import Attack
from tests.chaos.load import pause
from tests.chaos.siege import Siege
from tests.chaos.town import WORKERS, Town

LEASE, QUARANTINE = 4.0, 12.0
KEPT = (f"LEASE_SECONDS={LEASE}", f"QUARANTINE_SECONDS={QUARANTINE}", "SAGE200__TIMEOUT_SECONDS=3")


async def stop_at_random(town: Town, seconds: float) -> Mapping[str, int | float]:
    """Longer than a lease and shorter than the quarantine: beyond that, Sage alone could tell (P2)."""
    clock = asyncio.get_running_loop().time
    end, stops = clock() + seconds, 0
    while clock() < end:
        await stop_one(town, town.chance.choice(WORKERS), town.chance.uniform(LEASE + 1, QUARANTINE - 2))
        stops += 1
    return {"stops": stops}


async def stop_one(town: Town, worker: str, seconds: float) -> None:
    """While something is being sent."""

    async def is_sending() -> bool:
        return await books.leased(town.stage.pool) > 0

    with suppress(DemoError):
        await until(is_sending, "something to be sent", 5.0, look=0.01)
    town.send(worker, signal.SIGSTOP)
    await pause(seconds)
    town.send(worker, signal.SIGCONT)


ATTACK = Attack("stopped workers", Siege("stopped workers", stop_at_random, kept=KEPT), minutes=4)
