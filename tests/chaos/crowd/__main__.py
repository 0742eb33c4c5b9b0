"""One process of a crowd: `python -m tests.chaos.crowd <order as JSON>`; prints what it saw as JSON."""

import asyncio
import json
import random
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial

from app.db.session import PASSING, open_pool
from tests.chaos.crowd.deliver import deliver
from tests.chaos.crowd.facts import World
from tests.chaos.crowd.fates import Times
from tests.chaos.crowd.gather import Order
from tests.chaos.crowd.hands import Hands
from tests.chaos.crowd.jostle import Jostler
from tests.chaos.crowd.serve import Clerk, reread, tend

READERS, CLERKS, APPENDERS = 2, 2, 2
Deed = Callable[[], Awaitable[None]]


async def main(order: Order) -> dict[str, int]:
    async with (
        open_pool(order.url, size=12, application="crowd", by_key=True) as pool,
        open_pool(order.url, size=4, application="books") as ledger,
    ):
        rng = random.Random(f"{order.errand} {order.process} {order.seed}")
        hands = Hands(pool, ledger, rng, Times(), f"process-{order.process}")
        try:
            async with asyncio.timeout(order.seconds):
                await (_deliver if order.errand == "deliver" else _jostle)(hands, order)
        except TimeoutError:
            hands.seen["out of time"] += 1
        return dict(hands.seen)


async def _deliver(hands: Hands, order: Order) -> None:
    world = World(order.seed, order.size, order.processes)
    async with asyncio.TaskGroup() as late:
        clerk = Clerk(hands, late)
        busy = [partial(reread, hands, world)] * READERS + [clerk.work] * CLERKS + [partial(tend, hands)]
        async with _busy(hands, busy):
            await deliver(hands, world, order.process, order.busy)
            await _rest(hands, order)


async def _jostle(hands: Hands, order: Order) -> None:
    jostler = Jostler(hands, order.size)
    async with _busy(hands, jostler.deeds()):
        with suppress(TimeoutError):
            async with asyncio.timeout(order.busy), _busy(hands, [jostler.append] * APPENDERS):
                await asyncio.Event().wait()
        jostler.open = False
        await _rest(hands, order)


@asynccontextmanager
async def _busy(hands: Hands, deeds: Sequence[Deed]) -> AsyncIterator[None]:
    """Meanwhile each of these is done again and again."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_for_ever(hands, deed)) for deed in deeds]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


async def _for_ever(hands: Hands, deed: Deed) -> None:
    while True:
        try:
            await deed()
        except PASSING as error:
            hands.seen[type(error).__name__] += 1


async def _rest(hands: Hands, order: Order) -> None:
    """Until nobody brings anything new and nothing is open."""
    await hands.pool.execute("INSERT INTO at_rest VALUES ($1)", order.process)
    while not await _over(hands, order.processes):  # noqa: ASYNC110 - other processes tell of it in the database
        await asyncio.sleep(hands.rng.uniform(0.05, 0.15))


async def _over(hands: Hands, processes: int) -> bool:
    return bool(
        await hands.pool.fetchval(
            "SELECT (SELECT count(*) FROM at_rest) = $1 AND NOT EXISTS (SELECT FROM message_state)", processes
        )
    )


if __name__ == "__main__":
    given = Order(**json.loads(sys.argv[1]))
    sys.stdout.write(json.dumps(asyncio.run(main(given))))
