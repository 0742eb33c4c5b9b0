"""Works notices and effects, as flows do, by people who fall ill: a third of all they do goes wrong."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from app.domain.message import (
    Claimed,
    Done,
    Draft,
    InDoubt,
    MessageClass,
    Outcome,
    Result,
    Retry,
    Snooze,
    Verdict,
)
from app.outbox.claim import claim
from app.outbox.intend import Intent, intend
from app.outbox.partitions import extend
from app.outbox.repair import repair
from app.outbox.rescue import rescue
from app.outbox.room import Claim, Limits, Want
from app.outbox.tickets import MovedError
from app.outbox.withdraw import impatient, step_aside
from tests.chaos.crowd import books
from tests.chaos.crowd.facts import SOURCES, Fact, World
from tests.chaos.crowd.fates import IN_DOUBT, UNHEARD, UNINTENDED, WRITTEN, AtTheBooks, InHand, draw
from tests.chaos.crowd.hands import Hands

NOTICES = Want("shop.order", batch=200, serial=True)
EFFECTS = Want("erp.place", batch=40)
ERP = "erp:main"
SLOTS = 16
FEW = 20
APPLIED = Done(Result.APPLIED)


async def take(hands: Hands, want: Want, destination: str) -> list[list[Claimed]]:
    """Batches: what is in doubt apart from what is ready."""
    who = Claim(destination, hands.worker, hands.now(), timedelta(seconds=hands.times.lease))
    taken = await claim(hands.pool, [want], Limits(SLOTS, None, 1000), who)
    return [messages for _, messages in taken]


async def gather_breath(hands: Hands, batches: Sequence[Sequence[Claimed]]) -> None:
    """Where little is ready, more will be in a moment: a batch is cheaper than its messages one by one."""
    if sum(map(len, batches)) < FEW:
        await asyncio.sleep(hands.rng.uniform(0.05, 0.25))


async def reread(hands: Hands, world: World) -> None:
    """Notices of any connection."""
    source = hands.rng.choice(SOURCES)
    batches = await take(hands, NOTICES, f"shop:{source}")
    for messages in batches:
        await _reread(hands, world, messages)
    await gather_breath(hands, batches)


async def _reread(hands: Hands, world: World, messages: Sequence[Claimed]) -> None:
    """What their orders need by now, the oldest first."""
    fate = draw(InHand, hands.rng)
    hands.seen[f"notices {fate.value}"] += 1
    outcomes, told = [], set[str]()
    for message in messages:
        facts = world.order(int(message.order_ref or 0))[: message.body["number"] + 1]
        fresh = [fact for fact in facts if fact.key not in told]
        told |= {fact.key for fact in fresh}
        result = Result.APPLIED if fresh else Result.NO_EFFECT
        outcomes.append(Outcome(message, Done(result), tuple(effect(fact) for fact in fresh)))
    if fate in {InHand.HALVED, InHand.DROPPED}:
        kept = len(outcomes) // 2 if fate is InHand.HALVED else 0
        await hands.die(messages[kept:])
        outcomes = outcomes[:kept]
    if outcomes:
        await hands.settle(outcomes)


def effect(fact: Fact) -> Draft:
    return Draft(
        kind="erp.place",
        cls=MessageClass.EFFECT,
        destination=ERP,
        source=fact.source,
        key=fact.key,
        order_ref=fact.ref,
        skus=fact.skus,
        body={"number": fact.number},
    )


class Clerk:
    """Writes effects into the books. `late`: writes that will happen after their answer was given up."""

    def __init__(self, hands: Hands, late: asyncio.TaskGroup) -> None:
        self._hands = hands
        self._late = late

    async def work(self) -> None:
        batches = await take(self._hands, EFFECTS, ERP)
        for messages in batches:
            if messages[0].in_doubt:
                await self._probe(messages)
            else:
                await self._send(messages)
        await gather_breath(self._hands, batches)

    async def _send(self, messages: Sequence[Claimed]) -> None:
        hands = self._hands
        fates = {message.id: draw(AtTheBooks, hands.rng) for message in messages}
        hands.seen.update(fate.value for fate in fates.values())
        begun = [message for message in messages if fates[message.id] not in UNINTENDED]
        ours = await intend(hands.pool, [Intent(m, "place", str(m.key), b"") for m in begun])
        sent = [message for message in begun if message.id in ours]
        written = await self._write(sent, fates)
        outcomes = [
            Outcome(message, verdict)
            for message in messages
            if (message.id in ours or fates[message.id] is AtTheBooks.LOCKED)
            and (verdict := self._verdict(fates[message.id], arrived=str(message.key) in written))
        ]
        answered = {outcome.message.id for outcome in outcomes}
        await hands.die([message for message in messages if message.id not in answered])
        if outcomes:
            await hands.settle(outcomes)
        lost = [m for m in sent if fates[m.id] is AtTheBooks.DIES_SENT and str(m.key) in written]
        if lost and hands.hits(0.2):
            self._late.create_task(self._come_back(lost))

    async def _write(self, sent: Sequence[Claimed], fates: dict[int, AtTheBooks]) -> set[str]:
        """Keys of what is in the books now."""
        hands = self._hands
        places = await self._places(sent)
        deadline = hands.now() + timedelta(seconds=hands.times.deadline)
        if late := [places[m.id] for m in sent if fates[m.id] is AtTheBooks.COMMITS_LATE]:
            self._late.create_task(self._write_late(late, deadline))
        at_once = [places[m.id] for m in sent if fates[m.id] in WRITTEN]
        return await books.write(hands.books, at_once, deadline) if at_once else set()

    async def _write_late(self, documents: Sequence[books.Document], deadline: datetime) -> None:
        await asyncio.sleep(self._hands.rng.uniform(0, self._hands.times.deadline))
        written = await books.write(self._hands.books, documents, deadline)
        self._hands.seen["written late"] += len(written)

    async def _places(self, messages: Sequence[Claimed]) -> dict[int, books.Document]:
        rows = await self._hands.pool.fetch(
            "SELECT id, ticket FROM message_state WHERE id = ANY($1::bigint[])", [m.id for m in messages]
        )
        tickets = {row["id"]: row["ticket"] for row in rows}
        return {
            m.id: books.Document(
                str(m.key),
                str(m.order_ref),
                m.body["number"],
                tuple(lane.removeprefix("sku:") for lane in m.lanes),
                tickets.get(m.id),
            )
            for m in messages
        }

    def _verdict(self, fate: AtTheBooks, *, arrived: bool) -> Verdict | None:
        """What is known of it; None from whoever died."""
        if fate in UNHEARD:
            return None
        if fate is AtTheBooks.REFUSED:
            return Retry("connection refused")
        if fate is AtTheBooks.LOCKED:
            return Snooze("locked", 0.1, aside=True)
        if fate in IN_DOUBT or not arrived:
            return InDoubt("read timeout", self._hands.times.probe)
        return APPLIED

    async def _probe(self, messages: Sequence[Claimed]) -> None:
        hands = self._hands
        if hands.hits(0.1):
            hands.seen["died probing"] += len(messages)
            await hands.die(messages)
            return
        there = await books.seek(hands.books, [str(message.key) for message in messages])
        outcomes = []
        for message in messages:
            absent = message.waited > hands.times.quarantine and message.probes > 0
            found = str(message.key) in there
            hands.seen["adopted" if found else "sent again" if absent else "asked again"] += 1
            doubt = InDoubt("not there", hands.times.probe, resend=absent)
            outcomes.append(Outcome(message, APPLIED if found else doubt))
        await hands.settle(outcomes)

    async def _come_back(self, messages: Sequence[Claimed]) -> None:
        """Whoever seemed dead was only slow, and tells of a send that really was done."""
        await asyncio.sleep(self._hands.rng.uniform(0, self._hands.times.patience / 3))
        settled = await self._hands.settle([Outcome(message, APPLIED) for message in messages])
        self._hands.seen["came back in time" if settled else "came back too late"] += 1


async def tend(hands: Hands) -> None:
    """Once through what a worker looks after besides."""
    try:
        hands.seen["rescued"] += await rescue(
            hands.pool, hands.now(), settle_delay=timedelta(seconds=hands.times.probe)
        )
        hands.seen["repairs"] += await repair(hands.pool)
        since = hands.now() - timedelta(seconds=hands.times.patience)
        hands.seen["stepped aside"] += await step_aside(
            hands.pool, await impatient(hands.pool, since), "in_doubt"
        )
        if hands.hits(0.1):
            await extend(hands.pool)
    except MovedError:
        hands.seen["moved"] += 1
    await hands.enter()
    await asyncio.sleep(hands.rng.uniform(0.3, 0.9))
