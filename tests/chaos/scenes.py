"""What is played around a crash: the blow is armed at the right moment, falls, and the process is started again."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType

from tests.chaos.crashes import CREATE, OUTBOX, PLACES, Boundary, taken
from tests.chaos.premises import PREFIX, NeverError, Premises, until
from tests.chaos.wires import Side, Step

FIRST = frozenset({"first_start", "unheard_grant"})
"""Scenes that need premises where nothing ran before."""
RINGS = 40
ONE_CREATE = {"system": "sage200", "method": "POST", "path": "/sop_orders", "times": 1}


@dataclass(frozen=True, slots=True)
class Act:
    """`size`: how many orders are placed."""

    premises: Premises
    boundary: Boundary
    size: int
    chance: random.Random

    @property
    def victim(self) -> str:
        return self.boundary.step.wire.partition("-")[0]

    def arm(self) -> None:
        self.premises.doom.arm(self.boundary.step, self.boundary.side)

    async def place(self) -> list[dict]:
        return await self.premises.place(self.size, self.chance)

    async def struck(self) -> None:
        """It died, and whoever watches over it starts it again."""
        await self.premises.fallen(self.victim)
        await self.premises.start(self.victim)

    async def states(self, state: str) -> int:
        """Open effects in a state."""
        return await self.premises.pool.fetchval(
            "SELECT count(*) FROM message_state WHERE kind LIKE 'sage200.sales_order.%' AND state = $1", state
        )


async def orders(act: Act) -> None:
    await act.premises.open()
    act.arm()
    await act.place()
    await act.struck()


async def rung(act: Act) -> None:
    """Rings may be lost where the machine is busy (they wait for a tenth of a second): orders come until one is not."""
    premises = act.premises
    await premises.open()
    act.arm()
    for _ in range(RINGS):
        await premises.place(1, act.chance)
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                await premises.doom.struck.wait()
                break
    await act.struck()


async def first_start(act: Act) -> None:
    act.arm()
    await act.premises.start("api", "worker")
    await act.place()
    await act.struck()


async def unheard_grant(act: Act) -> None:
    """Sage gave a new refresh token and nobody kept it: the consent is lost, nothing else is."""
    act.arm()
    await act.premises.start("api", "worker")
    await act.place()
    await act.premises.fallen("worker")
    await act.premises.consent()
    await act.premises.start("worker")


async def _faulty(act: Act, **fault: object) -> None:
    await act.premises.open()
    await act.premises.faults({**ONE_CREATE, **fault})
    act.arm()
    await act.place()
    await act.struck()


async def unanswered(act: Act) -> None:
    await _faulty(act, kind="commit_then_drop")


async def absent(act: Act) -> None:
    await _faulty(act, kind="drop")


async def slow(act: Act) -> None:
    await _faulty(act, kind="slow", seconds=2.2)


async def in_doubt(act: Act) -> None:
    """The blow is meant for the question, not for the first send."""
    await _after_doubt(act, "commit_then_drop")


async def absent_again(act: Act) -> None:
    await _after_doubt(act, "drop")


async def _after_doubt(act: Act, kind: str) -> None:
    premises = act.premises
    await premises.open()
    await premises.faults({**ONE_CREATE, "kind": kind})
    (first, *_) = await premises.place(1, act.chance)
    # It must be seen before it is asked about.
    await until(lambda: _some(act, "in_doubt"), f"order {first['number']} in doubt", often=0.02)
    act.arm()
    await premises.place(act.size - 1, act.chance)
    await act.struck()


async def _some(act: Act, state: str) -> bool:
    return await act.states(state) > 0


async def vanished(act: Act) -> None:
    """A worker dies with what it claimed; the next one dies as it rescues that."""
    await _vanish(act, Step(OUTBOX, taken(PLACES)), Side.AFTER)


async def vanished_sending(act: Act) -> None:
    await _vanish(act, Step("worker-http", CREATE), Side.AFTER)


async def _vanish(act: Act, step: Step, side: Side) -> None:
    premises = act.premises
    await premises.open()
    premises.doom.arm(step, side)
    await act.place()
    await premises.fallen("worker")
    held = await premises.pool.fetchval("SELECT max(lease_until) FROM message_state WHERE state = 'leased'")
    if held is None:
        raise NeverError("a message that a dead worker holds")
    await until(lambda: _over(premises, held), "the lease is over")
    act.arm()
    await premises.start("worker")
    await act.struck()


async def _over(premises: Premises, held: object) -> bool:
    return await premises.pool.fetchval("SELECT clock_timestamp() > $1", held)


async def amended(act: Act) -> None:
    await _meanwhile(act, "edit", add=[{"sku": act.premises.skus[5], "quantity": 1}])


async def cancelled(act: Act) -> None:
    await _meanwhile(act, "cancel")


async def _meanwhile(act: Act, deed: str, **wish: object) -> None:
    """While Sage is away and the orders wait for one article, the shopper changes the last of them."""
    premises = act.premises
    await premises.open()
    await premises.person("sage200/tunnel", up=False)
    (*_, last) = await premises.place(act.size, act.chance, among=1)

    async def stored() -> bool:
        return await act.states("ready") + await act.states("waiting") >= act.size

    await until(stored, "all orders wait for Sage")
    act.arm()
    changed = await premises.person(f"centra/orders/{last['number']}/{deed}", **wish)
    if deed == "cancel":
        del premises.asked[f"{PREFIX}-{last['number']}"]
    else:
        premises.expect(changed)
    await act.struck()
    await _heard(premises)
    await premises.person("sage200/tunnel", up=True)


async def _heard(premises: Premises) -> None:
    """The sweep has looked since, and no notice is open."""
    now = await premises.pool.fetchval("SELECT clock_timestamp()")

    async def read() -> bool:
        return await premises.pool.fetchval(
            """
            SELECT NOT EXISTS (SELECT FROM message_state WHERE kind = 'centra.order')
               AND (SELECT moved_at > $1 FROM poll_cursor WHERE poll = 'orders')
            """,
            now,
        )

    await until(read, "the change is read again")


async def edited(act: Act) -> None:
    """Orders that are in the books grow by a line each, under Sage's own lock."""
    premises = act.premises
    await premises.open()
    orders = await act.place()
    await premises.settled()
    act.arm()
    for order in orders:
        wish = {"add": [{"sku": premises.skus[5], "quantity": 2}]}
        premises.expect(await premises.person(f"centra/orders/{order['number']}/edit", **wish))
    await act.struck()
    await _heard(premises)


async def ghost(act: Act) -> None:
    """A create leaves a draft and answers 504: parked; a person deletes it and presses retry."""
    await _faulty(act, kind="ghost_draft")
    await _let_go(act)


async def released(act: Act) -> None:
    premises = act.premises
    await premises.open()
    await premises.faults({**ONE_CREATE, "kind": "ghost_draft"})
    await act.place()
    await until(lambda: _some(act, "parked"), "the draft is found")
    act.arm()
    press = asyncio.create_task(_let_go(act))
    await act.struck()
    await press


async def _let_go(act: Act) -> None:
    premises = act.premises
    await until(lambda: _some(act, "parked"), "the draft is found")
    for document in premises.documents():
        if document["is_draft"]:
            await premises.person("sage200/delete_order", order=document["id"])
    case = await premises.pool.fetchval("SELECT id FROM exception_case WHERE closed_at IS NULL AND NOT flag")
    # Whoever gets no answer presses again.
    await until(lambda: premises.retry(case), "the retry is answered")


SCENES: Mapping[str, Callable[[Act], Awaitable[None]]] = MappingProxyType(
    {
        scene.__name__: scene
        for scene in (
            *(orders, rung, first_start, unheard_grant, unanswered, absent, slow, in_doubt, absent_again),
            *(vanished, vanished_sending, amended, cancelled, edited, ghost, released),
        )
    }
)
