"""A clean history passes; a planted fault of each kind is found, whatever else happened."""

import random
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.demo.verdict import Asked, Entered, Span
from tests.chaos.checker import examine, find_cycle
from tests.chaos.history import Delivery, Flight, History, Message, Outbox, Place, Settlement, Wrong

SKUS = ("A", "B", "C", "D")


class Run:
    """A made-up run that kept every promise: orders enter, head their lanes, fly, are settled; some step aside."""

    def __init__(self, seed: int, orders: int) -> None:
        self.chance = random.Random(seed)
        self.clock = 0
        self.lanes = {n: self._skus() for n in range(1, orders + 1)}
        self.queue: list[tuple[int, int]] = []
        self.places: list[Place] = []
        self.flights: list[Flight] = []
        self.settled: list[Settlement] = []
        self.entered: list[Entered] = []
        self.asides: dict[int, str] = {}
        self.maybe = frozenset(
            key(n) for n in self.lanes if len(self.lanes) > 3 and self.chance.random() < 0.1
        )

    def _skus(self) -> tuple[str, ...]:
        return tuple(sorted(self.chance.sample(SKUS, self.chance.randint(1, 3))))

    def tick(self) -> int:
        self.clock += 1
        return self.clock

    def enter(self, number: int) -> None:
        ticket = self.tick()
        self.queue.append((ticket, number))
        self.places += [Place(f"sku:{sku}", ticket, number) for sku in self.lanes[number]]

    def play(self) -> History:
        for number in self.lanes:
            self.places.append(Place(f"order:uk/{number}", self.tick(), number))
            self.enter(number)
        while self.queue:
            ticket, number = self.chance.choice([one for one in sorted(self.queue) if self.heads(one)])
            self.queue.remove((ticket, number))
            lanes = (f"order:uk/{number}", *(f"sku:{sku}" for sku in self.lanes[number]))
            begun = self.tick()
            if number not in self.asides and self.chance.random() < 0.2:
                self.asides[number] = "locked"
                self.flights.append(Flight(number, lanes, begun, self.tick()))
                self.enter(number)
                continue
            if key(number) not in self.maybe or self.chance.random() < 0.5:
                self.entered.append(document(number, self.lanes[number], self.tick()))
            self.settled.append(Settlement(number, self.tick(), "applied"))
            self.flights.append(Flight(number, lanes, begun, self.clock))
        return self.history()

    def heads(self, one: tuple[int, int]) -> bool:
        mine = set(self.lanes[one[1]])
        return not any(ticket < one[0] and mine & set(self.lanes[other]) for ticket, other in self.queue)

    def history(self) -> History:
        messages = {n: Message(n, "uk", "effect", f"sage200/{n}", key(n)) for n in self.lanes}
        notices = {n + 1000: Message(n + 1000, "uk", "notice", f"webhook/{n}") for n in self.lanes}
        everything = messages | notices
        outbox = Outbox(
            messages=everything,
            keys={message.key: number for number, message in everything.items() if message.key},
            receipts=dict.fromkeys(everything, "applied"),
            asides=self.asides,
            dirty=frozenset(sku for n in self.asides for sku in self.lanes[n]),
            places=tuple(self.places),
            flights=tuple(self.flights),
            settled=tuple(self.settled),
        )
        return History(
            outbox,
            asked=tuple(order(n, self.lanes[n]) for n in self.lanes),
            entered=tuple(self.entered),
            deliveries=tuple(Delivery(f"webhook/{n}", key(n) not in self.maybe) for n in self.lanes),
            maybe=self.maybe,
            complete=("webhook/",),
        )


def key(number: int) -> str:
    return f"CEN-{number}"


def order(number: int, skus: tuple[str, ...]) -> Asked:
    return Asked(key(number), "uk", number, True, False, dict.fromkeys(skus, 1), Decimal(10 + number), "GBP")


def document(number: int, skus: tuple[str, ...], created: int) -> Entered:
    units = dict.fromkeys(skus, 1)
    return Entered(
        f"D{created}",
        f"{created:06d}",
        key(number),
        f"t{number}",
        True,
        units,
        Decimal(10 + number),
        "GBP",
        created,
    )


def kinds(history: History) -> set[Wrong]:
    return {fault.kind for fault in examine(history)}


def sure(history: History) -> Entered:
    """A document that must be there."""
    return next(one for one in history.entered if one.key not in history.maybe)


def lose_event(history: History) -> History:
    sent = next(one.key for one in history.deliveries if one.sure)
    keys = {name: number for name, number in history.outbox.keys.items() if name != sent}
    return replace(history, outbox=replace(history.outbox, keys=keys))


def lose_document(history: History) -> History:
    gone = sure(history)
    return replace(history, entered=tuple(one for one in history.entered if one is not gone))


def add_stranger(history: History) -> History:
    return replace(history, entered=(*history.entered, replace(sure(history), id="X", key="CEN-999")))


def add_unsent(history: History) -> History:
    known = {"webhook/999": history.outbox.keys["webhook/1"]}
    return replace(history, outbox=replace(history.outbox, keys={**history.outbox.keys, **known}))


def double(history: History) -> History:
    last = history.entered[-1]
    return replace(history, entered=(*history.entered, replace(last, id="X", created=last.created + 1)))


def misprice(history: History) -> History:
    wrong = sure(history)
    return replace(
        history,
        entered=tuple(
            replace(one, gross=one.gross + Decimal("0.01")) if one is wrong else one
            for one in history.entered
        ),
    )


def swap_sku(history: History) -> History:
    """Two that share a lane and never stepped aside change places in the ERP."""
    first, second = sharing(history)
    times = {first.key: second.created, second.key: first.created}
    return replace(
        history,
        entered=tuple(replace(one, created=times.get(one.key, one.created)) for one in history.entered),
    )


def sharing(history: History) -> tuple[Entered, Entered]:
    aside = {key(number) for number in history.outbox.asides}
    steady = [one for one in history.entered if one.key not in aside]
    return next(
        (a, b) for a in steady for b in steady if a.created < b.created and set(a.units) & set(b.units)
    )


def close_circle(history: History) -> History:
    first, second = (int(one.key.removeprefix("CEN-")) for one in sharing(history))
    circle = (
        Place("sku:Y", 9001, first),
        Place("sku:Y", 9002, second),
        Place("sku:Z", 9003, second),
        Place("sku:Z", 9004, first),
    )
    return replace(history, outbox=replace(history.outbox, places=(*history.outbox.places, *circle)))


def swap_order_lane(history: History) -> History:
    """The second message of an order is settled before its first."""
    outbox = history.outbox
    first, *_ = outbox.settled
    late = Message(500, "uk", "effect", "sage200/late")
    return replace(
        history,
        outbox=replace(
            outbox,
            messages={**outbox.messages, 500: late},
            keys={**outbox.keys, "sage200/late": 500},
            receipts={**outbox.receipts, 500: "applied"},
            places=(*outbox.places, Place(f"order:uk/{first.message}", 9000, 500)),
            settled=(*outbox.settled, Settlement(500, first.at - 1, "applied")),
        ),
    )


def fly_together(history: History) -> History:
    one = history.outbox.flights[0]
    other = replace(one, message=one.message + 1, begun=one.begun, ended=one.begun + 1)
    flights = (*history.outbox.flights, other)
    return replace(history, outbox=replace(history.outbox, flights=flights))


def leave_silently(history: History) -> History:
    place = next(one for one in history.outbox.places if one.lane.startswith("sku:"))
    places = (*history.outbox.places, replace(place, ticket=9000))
    asides = {n: why for n, why in history.outbox.asides.items() if n != place.message}
    return replace(history, outbox=replace(history.outbox, places=places, asides=asides))


def keep_clean(history: History) -> History:
    """Somebody stepped aside, and no stock is read anew."""
    number = history.outbox.settled[0].message
    asides = {**history.outbox.asides, number: "in_doubt"}
    return replace(history, outbox=replace(history.outbox, asides=asides, dirty=frozenset()))


def strand(history: History, state: str = "waiting") -> History:
    number = history.outbox.settled[0].message
    receipts = {n: result for n, result in history.outbox.receipts.items() if n != number}
    return replace(history, outbox=replace(history.outbox, receipts=receipts, open={number: state}))


def park(history: History) -> History:
    return strand(history, "parked")


def end_twice(history: History) -> History:
    return replace(
        history, outbox=replace(history.outbox, open={history.outbox.settled[0].message: "parked"})
    )


def forget_end(history: History) -> History:
    number = history.outbox.keys["webhook/1"]
    receipts = {n: result for n, result in history.outbox.receipts.items() if n != number}
    return replace(history, outbox=replace(history.outbox, receipts=receipts))


CORRUPTIONS: dict[Callable[[History], History], Wrong] = {
    lose_event: Wrong.LOST,
    lose_document: Wrong.LOST,
    add_stranger: Wrong.UNEXPECTED,
    add_unsent: Wrong.UNEXPECTED,
    double: Wrong.DOUBLED,
    misprice: Wrong.DIFFERS,
    swap_sku: Wrong.ORDER,
    close_circle: Wrong.CYCLE,
    swap_order_lane: Wrong.ORDER_LANE,
    fly_together: Wrong.OVERLAP,
    leave_silently: Wrong.ASIDE,
    keep_clean: Wrong.ASIDE,
    strand: Wrong.STRANDED,
    park: Wrong.PARKED,
    end_twice: Wrong.BALANCE,
    forget_end: Wrong.BALANCE,
}
seeds = st.integers(0, 2**32)


@given(seeds, st.integers(1, 25))
@settings(deadline=None)
def test_valid_history_is_clean(seed, orders):
    assert examine(Run(seed, orders).play()) == ()


@given(seeds, st.sampled_from(list(CORRUPTIONS)))
@settings(deadline=None, max_examples=200)
def test_single_corruption_is_found(seed, corrupt):
    history = Run(seed, 25).play()
    assert CORRUPTIONS[corrupt] in kinds(corrupt(history))


@pytest.mark.parametrize("corrupt", CORRUPTIONS, ids=lambda corrupt: corrupt.__name__)
def test_planted_fault_is_found(corrupt):
    assert CORRUPTIONS[corrupt] in kinds(corrupt(Run(7, 25).play()))


def test_every_kind_of_fault_is_planted():
    assert set(CORRUPTIONS.values()) == set(Wrong)


def test_order_that_may_have_been_accepted_may_be_missing():
    history = Run(7, 25).play()
    there = sure(history)
    gone = lose_document(history)
    assert kinds(replace(gone, maybe=gone.maybe | {there.key})) == set()


def test_event_without_an_answer_may_be_missing():
    history = Run(7, 5).play()
    unsure = tuple(replace(one, sure=False) for one in history.deliveries)
    lost = lose_event(history)
    spared = {
        n: m for n, m in lost.outbox.messages.items() if n < 1000 or n in set(lost.outbox.keys.values())
    }
    receipts = dict.fromkeys(spared, "applied")
    without = replace(lost.outbox, messages=spared, receipts=receipts)
    assert kinds(replace(lost, deliveries=unsure, outbox=without)) == set()


def test_what_stepped_aside_may_come_late_and_not_early():
    late = Outbox(
        {
            1: Message(1, "uk", "effect", "sage200/1", "CEN-1"),
            2: Message(2, "uk", "effect", "sage200/2", "CEN-2"),
        },
        {"sage200/1": 1, "sage200/2": 2},
        receipts={1: "applied", 2: "applied"},
        asides={1: "in_doubt"},
        dirty=frozenset("A"),
        places=(Place("sku:A", 1, 1), Place("sku:A", 2, 2)),
    )
    asked = (order(1, ("A",)), order(2, ("A",)))
    came = (document(1, ("A",), 9), document(2, ("A",), 8))
    assert kinds(History(late, asked, came)) == set()
    assert kinds(History(replace(late, asides={2: "in_doubt"}), asked, came)) == {Wrong.ORDER}


def test_order_that_waits_for_a_person_may_be_expected():
    parked = park(Run(7, 25).play())
    number = parked.outbox.settled[0].message
    assert kinds(replace(parked, may_park=frozenset({key(number)}))) == set()


def test_overtaking_that_the_channels_saw_is_found_without_tickets():
    history = replace(Run(7, 25).play(), spans={})
    first, second = sharing(history)
    spans = {second.key: Span("10:00", "10:01"), first.key: Span("10:02", "10:03")}
    blind = replace(history.outbox, places=())
    seen = replace(history, outbox=blind, spans=spans)
    assert kinds(seen) == kinds(replace(seen, ill=True)) == {Wrong.ORDER}
    away = tuple(replace(one, connection="eu") if one.key == first.key else one for one in seen.asked)
    assert kinds(replace(seen, asked=away)) == {Wrong.ORDER}
    assert kinds(replace(seen, asked=away, ill=True)) == set()


def test_cycle_is_told_from_end_to_end():
    found = find_cycle({1: {2}, 2: {3, 4}, 3: {5}, 4: {2}, 5: set()})
    assert (found[0], len(found), set(found)) == (found[-1], 3, {2, 4})
