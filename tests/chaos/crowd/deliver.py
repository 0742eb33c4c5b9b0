"""Delivers notices: batches of any size, some of them lost on the way and delivered again, some late, many twice."""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence

from app.db.session import PASSING
from app.domain.message import Draft, MessageClass
from app.outbox.append import append
from tests.chaos.crowd.facts import Delivery, World
from tests.chaos.crowd.fates import OnTheWay, draw
from tests.chaos.crowd.hands import AbortError, Hands

MOST = 200
BACKLOG = 20_000
"""Open messages above which nobody delivers, so that what comes and what is worked stay mixed."""


def notice(delivery: Delivery) -> Draft:
    fact = delivery.fact
    return Draft(
        kind="shop.order",
        cls=MessageClass.NOTICE,
        destination=f"shop:{fact.source}",
        source=fact.source,
        key=delivery.key,
        order_ref=fact.ref,
        body={"number": fact.number},
    )


async def deliver(hands: Hands, world: World, process: int, seconds: float) -> None:
    """All that this process carries of the blocks that anybody has begun when the first is out of time."""
    late: deque[Delivery] = deque()
    clock = asyncio.get_running_loop().time
    until = clock() + seconds
    for number in world.blocks():
        if not await _may_begin(hands, number, tired=clock() > until):
            break
        mine = [one for one in world.block(number) if one.process == process]
        held, late = late, deque()
        mine += held
        hands.rng.shuffle(mine)
        await _hand_over(hands, mine, late)
        while await _open(hands) > BACKLOG:  # noqa: ASYNC110 - other processes work it off
            await asyncio.sleep(hands.rng.uniform(0.05, 0.2))
    while late:
        mine, late = list(late), deque()
        await _hand_over(hands, mine, late)


async def _may_begin(hands: Hands, number: int, *, tired: bool) -> bool:
    stop = await hands.pool.fetchval(
        """
        UPDATE horizon SET stop = CASE WHEN stop IS NULL AND $2 THEN greatest(begun, 1) ELSE stop END,
            begun = CASE WHEN stop IS NULL AND NOT $2 THEN greatest(begun, $1 + 1) ELSE begun END RETURNING stop
        """,
        number,
        tired,
    )
    return stop is None or number < stop


async def _open(hands: Hands) -> int:
    return int(await hands.pool.fetchval("SELECT count(*) FROM message_state"))


async def _hand_over(hands: Hands, parcels: Sequence[Delivery], late: deque[Delivery]) -> None:
    left = deque(parcels)
    while left:
        batch = [left.popleft() for _ in range(min(len(left), hands.rng.randint(1, MOST)))]
        drawn = _drawn(hands, batch)
        fates = {kind: [one for one, fate in drawn if fate is kind] for kind in OnTheWay}
        late.extend(fates[OnTheWay.LATE])
        arrived = [*fates[OnTheWay.WELL], *fates[OnTheWay.UNANSWERED]]
        late.extend(fates[OnTheWay.UNANSWERED])
        for some, aborted in ((fates[OnTheWay.ABORTED], True), (arrived, False)):
            if not await _append(hands, some, aborted=aborted):
                late.extend(some)


def _drawn(hands: Hands, batch: Iterable[Delivery]) -> list[tuple[Delivery, OnTheWay]]:
    drawn = [(one, draw(OnTheWay, hands.rng)) for one in batch]
    hands.seen.update(fate.value for _, fate in drawn)
    return drawn


async def _append(hands: Hands, some: Sequence[Delivery], *, aborted: bool) -> bool:
    """Whether they are stored for certain."""
    if not some:
        return True
    try:
        async with hands.pool.acquire() as conn, conn.transaction():
            answers = await append(conn, [notice(one) for one in some])
            hands.abort_if(aborted=aborted)
    except AbortError:
        return False
    except PASSING as error:
        hands.seen[type(error).__name__] += 1
        return False
    hands.seen["deliveries"] += len(some)
    hands.seen["duplicates"] += sum(answer.duplicate for answer in answers)
    return True
