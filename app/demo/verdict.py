"""Verdicts on a finished day: what the channels show against what stands in the ERP. Pure.

Nothing here comes from Sluice's tables but which orders stepped aside.
"""

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

Units = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Asked:
    """An order as the channel shows it in the end. `key`: its name in the ERP. `live`: the ERP must have it (not
    cancelled, not held, confirmed). `units`: ERP code -> quantity, without what is nought.
    """

    key: str
    connection: str
    number: int
    live: bool
    cancelled: bool
    units: Units
    gross: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Entered:
    """A sales order that is not cancelled. `created`: place of its creation in the history. `spare`: our trace."""

    id: str
    number: str
    key: str
    spare: str
    live: bool
    units: Units
    gross: Decimal
    currency: str
    created: int


@dataclass(frozen=True, slots=True)
class Span:
    """When an order was first accepted as one that may be sent: the call's begin and end (sortable texts)."""

    began: str
    ended: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Each list holds sentences or keys; all empty is a day without fault."""

    missing: tuple[str, ...]
    wrong_units: tuple[str, ...]
    wrong_gross: tuple[str, ...]
    cancelled_live: tuple[str, ...]
    too_early: tuple[str, ...]
    not_live: tuple[str, ...]
    strangers: tuple[str, ...]
    doubled: Mapping[str, int]
    violations: tuple[tuple[str, str], ...] = field(default=())

    @property
    def sales_orders_doubled(self) -> int:
        return max(self.doubled.values(), default=0)

    def complaints(self) -> list[str]:
        """What is not in step, a sentence a kind."""
        kinds = {
            "not in Sage": self.missing,
            "in Sage with other quantities": self.wrong_units,
            "in Sage with another gross": self.wrong_gross,
            "cancelled in the channel, live in Sage": self.cancelled_live,
            "in Sage though held or unconfirmed": self.too_early,
            "left unfinished in Sage": self.not_live,
            "in Sage without an order": self.strangers,
        }
        said = [f"{len(found)} {what}: {_some(found)}" for what, found in kinds.items() if found]
        if self.sales_orders_doubled:
            said.append(f"{self.sales_orders_doubled} doubled in Sage: {dict(self.doubled)}")
        return said


def judge(
    asked: Sequence[Asked],
    entered: Sequence[Entered],
    spans: Mapping[str, Span],
    exempt: frozenset[str] = frozenset(),
) -> Verdict:
    """`exempt`: keys of orders that stepped aside."""
    by_key: defaultdict[str, list[Entered]] = defaultdict(list)
    for one in entered:
        by_key[one.key].append(one)
    known = {order.key: order for order in asked}
    there = {key: found[0] for key, found in by_key.items() if key in known}
    pairs = [(known[key], document) for key, document in there.items()]
    return Verdict(
        missing=tuple(order.key for order in asked if order.live and order.key not in there),
        wrong_units=tuple(
            f"{order.key}: {dict(order.units)} ordered, {dict(document.units)} entered"
            for order, document in pairs
            if order.live and order.units != document.units
        ),
        wrong_gross=tuple(
            f"{order.key}: {order.gross} ordered, {document.gross} entered"
            for order, document in pairs
            if order.live and order.gross != document.gross
        ),
        cancelled_live=tuple(order.key for order, _ in pairs if order.cancelled),
        too_early=tuple(order.key for order, _ in pairs if not order.live and not order.cancelled),
        not_live=tuple(one.number for one in entered if not one.live),
        strangers=tuple(one.number for one in entered if one.key not in known),
        doubled=count_doubled(asked, entered),
        violations=tuple(find_violations(asked, there, spans, exempt)),
    )


def count_doubled(asked: Sequence[Asked], entered: Sequence[Entered]) -> dict[str, int]:
    """Surplus documents by each of three names, since a fault that spoils one may leave the others."""
    wanted = Counter(_content(order) for order in asked if order.live)
    contents = Counter(_content(one) for one in entered)
    return {
        "customer_document_no": _surplus(one.key for one in entered),
        "spare": _surplus(one.spare for one in entered if one.spare),
        "content": sum(max(0, count - max(1, wanted[what])) for what, count in contents.items()),
    }


def find_violations(
    asked: Sequence[Asked],
    there: Mapping[str, Entered],
    spans: Mapping[str, Span],
    exempt: frozenset[str],
) -> list[tuple[str, str]]:
    """(A, B): they share a SKU, A was accepted before B began to be, and B was created first."""
    sharing: defaultdict[str, list[str]] = defaultdict(list)
    for order in asked:
        if order.key in there and order.key in spans and order.key not in exempt:
            for code in order.units:
                sharing[code].append(order.key)
    found = {
        (first, second)
        for keys in sharing.values()
        for first, second in itertools.permutations(keys, 2)
        if spans[first].ended < spans[second].began and there[second].created < there[first].created
    }
    return sorted(found)


def _surplus(names: Iterable[str]) -> int:
    return sum(count - 1 for count in Counter(names).values())


def _content(one: Asked | Entered) -> tuple[object, ...]:
    return (one.currency, one.gross, frozenset(one.units.items()))


def _some(found: Sequence[str], most: int = 5) -> str:
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return "; ".join(found[:most]) + more
