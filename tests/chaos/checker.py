"""Judges a finished run. Pure; `test_checker.py` plants a fault of each kind."""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from app.demo.verdict import judge
from tests.chaos.history import Fault, Flight, History, Outbox, Place, Wrong

SKU, ORDER = "sku:", "order:"
WITHDRAWN = frozenset({"superseded", "cancelled"})
"""Results of messages that may leave an order lane from its middle."""


def examine(history: History) -> tuple[Fault, ...]:
    """Every promise that was broken; none is a clean run."""
    outbox = history.outbox
    return (
        *_deliveries(history),
        *_documents(history),
        *_standing(history),
        *_sku_order(history),
        *_cycle(outbox),
        *_order_lanes(outbox),
        *_overlaps(outbox),
        *_asides(outbox),
        *_balance(outbox),
    )


def _deliveries(history: History) -> Iterator[Fault]:
    known = history.outbox.keys
    for one in history.deliveries:
        if one.sure and one.key not in known:
            yield Fault(Wrong.LOST, f"{one.key} was accepted and is not in the outbox")
    sent = {one.key for one in history.deliveries}
    for key in known:
        if history.complete and key.startswith(history.complete) and key not in sent:
            yield Fault(Wrong.UNEXPECTED, f"{key} is in the outbox and was never sent")


def _documents(history: History) -> Iterator[Fault]:
    """What the channels show against what stands in the ERP."""
    outbox = history.outbox
    exempt = frozenset(
        message.fact for number in outbox.asides if (message := outbox.messages.get(number)) and message.fact
    )
    verdict = judge(history.asked, history.entered, history.spans, exempt)
    waiting = {message.fact for number, message in outbox.messages.items() if number in outbox.open}
    for key in verdict.missing:
        if key not in history.maybe and key not in waiting:
            yield Fault(Wrong.LOST, f"{key} has no document")
    for number in verdict.strangers:
        yield Fault(Wrong.UNEXPECTED, f"document {number} belongs to no order")
    for name, count in verdict.doubled.items():
        if count:
            yield Fault(Wrong.DOUBLED, f"{count} surplus documents by {name}")
    for told in (*verdict.wrong_units, *verdict.wrong_gross):
        yield Fault(Wrong.DIFFERS, told)
    for key in (*verdict.cancelled_live, *verdict.too_early, *verdict.not_live):
        yield Fault(Wrong.DIFFERS, f"{key} stands in the ERP as it should not")
    connections = {order.key: order.connection for order in history.asked}
    for first, second in verdict.violations:
        if history.ill and connections[first] != connections[second]:
            continue
        yield Fault(Wrong.ORDER, f"{first} was accepted before {second} was sent, and entered after it")


def _standing(history: History) -> Iterator[Fault]:
    outbox = history.outbox
    for number, state in outbox.open.items():
        message = outbox.messages.get(number)
        if message is None or message.cls == "state":
            continue
        if state != "parked":
            yield Fault(Wrong.STRANDED, f"message {number} ({message.fact or message.key}) is {state}")
        elif message.fact not in history.may_park:
            yield Fault(Wrong.PARKED, f"message {number} ({message.fact or message.key})")


def _sku_order(history: History) -> Iterator[Fault]:
    """In each lane, documents were made in the order of the tickets. What stepped aside may come late, never early."""
    outbox = history.outbox
    applied = sorted(outbox.messages, key=lambda number: outbox.receipts.get(number) == "applied")
    facts = {outbox.messages[number].fact: number for number in applied}
    made = {facts[one.key]: one.created for one in history.entered if one.key in facts}
    for lane, tickets in _tickets(outbox.places, SKU).items():
        last, before = -1, 0
        for number in sorted((number for number in tickets if number in made), key=made.__getitem__):
            place = _next_ticket(tickets[number], last, late=number in outbox.asides)
            if place is None:
                yield Fault(
                    Wrong.ORDER,
                    f"{lane}: message {number} (tickets {tickets[number]}) after {before} ({last})",
                )
            else:
                last, before = place, number


def _next_ticket(drawn: Sequence[int], last: int, *, late: bool) -> int | None:
    """The smallest ticket under which the message may have gone now; None: its turn was before."""
    if late:
        return max(last, min(drawn))
    return min((ticket for ticket in drawn if ticket > last), default=None)


def _cycle(outbox: Outbox) -> Iterator[Fault]:
    """Over all lanes together, of those that went under the first ticket they drew, nobody stands before himself."""
    after: dict[int, set[int]] = defaultdict(set)
    for tickets in _tickets(outbox.places, SKU).values():
        once = sorted((drawn[0], number) for number, drawn in tickets.items() if number not in outbox.asides)
        for (_, first), (_, second) in itertools.pairwise(once):
            after[first].add(second)
    if found := find_cycle(after):
        yield Fault(Wrong.CYCLE, " before ".join(map(str, found)))


def find_cycle(after: Mapping[int, Iterable[int]]) -> list[int]:
    """A closed path through the graph, its first node again at the end; empty where there is none."""
    done: set[int] = set()
    for start in after:
        path: dict[int, None] = {}
        stack: list[tuple[int, bool]] = [(start, False)]
        while stack:
            node, leaving = stack.pop()
            if leaving:
                del path[node]
                done.add(node)
            elif node in path:
                nodes = list(path)
                return [*nodes[nodes.index(node) :], node]
            elif node not in done:
                path[node] = None
                stack.append((node, True))
                stack.extend((child, False) for child in after.get(node, ()))
    return []


def _order_lanes(outbox: Outbox) -> Iterator[Fault]:
    """Strict: each settlement belongs to the ticket that was drawn for it, and they rise together."""
    ended: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for one in sorted(outbox.settled, key=lambda one: one.at):
        ended[one.message].append((one.at, one.result))
    for lane, tickets in _tickets(outbox.places, ORDER).items():
        went = [
            (ticket, at, number)
            for number, drawn in tickets.items()
            for ticket, (at, result) in zip(sorted(drawn), ended[number], strict=False)
            if result not in WITHDRAWN
        ]
        went.sort()
        for (_, early, first), (_, late, second) in itertools.pairwise(went):
            if late < early:
                yield Fault(Wrong.ORDER_LANE, f"{lane}: message {second} was settled before {first}")


def _overlaps(outbox: Outbox) -> Iterator[Fault]:
    lanes: dict[str, list[Flight]] = defaultdict(list)
    for flight in sorted(outbox.flights, key=lambda one: one.begun):
        for lane in flight.lanes:
            lanes[lane].append(flight)
    for lane, flights in lanes.items():
        for first, second in itertools.pairwise(flights):
            if first.ended is None or second.begun < first.ended:
                yield Fault(Wrong.OVERLAP, f"{lane}: messages {first.message} and {second.message}")


def _asides(outbox: Outbox) -> Iterator[Fault]:
    """Nobody leaves a lane without a word, and the stock of what stepped aside is read anew."""
    counts: dict[int, int] = defaultdict(int)
    for one in outbox.settled:
        counts[one.message] += 1
    silent: set[int] = set()
    for lane, tickets in _tickets(outbox.places, SKU).items():
        for number, drawn in tickets.items():
            if number not in outbox.asides and len(drawn) > max(1, counts[number]):
                silent.add(number)
            reason = outbox.asides.get(number, "edited")
            if reason != "edited" and lane.removeprefix(SKU) not in outbox.dirty:
                yield Fault(
                    Wrong.ASIDE, f"message {number} left {lane} ({reason}), and its stock is not dirty"
                )
    for number in sorted(silent):
        yield Fault(Wrong.ASIDE, f"message {number} left its lanes and nothing says why")


def _balance(outbox: Outbox) -> Iterator[Fault]:
    """Received = settled + open, counted at the permanent keys, each once."""
    for key, number in outbox.keys.items():
        ends = (number in outbox.open) + (number in outbox.receipts)
        if number not in outbox.messages or ends != 1:
            yield Fault(Wrong.BALANCE, f"{key} (message {number}) is accounted for {ends} times")
    keyed = set(outbox.keys.values())
    for number, message in outbox.messages.items():
        if message.cls != "state" and number not in keyed:
            yield Fault(Wrong.BALANCE, f"message {number} has no permanent key")
    for number in {*outbox.open, *outbox.receipts} - outbox.messages.keys():
        yield Fault(Wrong.BALANCE, f"message {number} has an end and no beginning")


def _tickets(places: Iterable[Place], kind: str) -> dict[str, dict[int, list[int]]]:
    """Lane -> message -> tickets as drawn."""
    lanes: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for place in places:
        if place.lane.startswith(kind):
            lanes[place.lane][place.message].append(place.ticket)
    return lanes
