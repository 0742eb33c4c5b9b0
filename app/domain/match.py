"""Which line of a sales order is which: what we last applied, what the channel shows and what the ERP holds. Pure."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

from app.domain.amend import DocumentLine
from app.domain.erp import Entry, EntryKind
from app.domain.lanes import normalise

Pair = tuple[Entry | None, Entry | None]
MOST_ALIKE = 10
"""Lines of one article that are told apart by their figures; more are taken in order."""
UNWRITTEN, ABSENT = 1, 10


@dataclass(frozen=True, slots=True)
class Trio:
    """One line, thrice; None where it is not there."""

    base: Entry | None
    theirs: Entry | None
    ours: DocumentLine | None


def match(
    base: Sequence[Entry] | None, theirs: Sequence[Entry], ours: Sequence[DocumentLine]
) -> Iterator[Trio]:
    """Lines of one article (or charge, or text) are paired: equal ones first, then of one channel line, then in order."""
    known = [line.entry for line in ours] if base is None else base
    groups: defaultdict[tuple[EntryKind, str], tuple[list[Entry], list[Entry], list[DocumentLine]]]
    groups = defaultdict(lambda: ([], [], []))
    for entry in known:
        groups[entry.kind, name_of(entry)][0].append(entry)
    for entry in theirs:
        groups[entry.kind, name_of(entry)][1].append(entry)
    for line in ours:
        groups[line.entry.kind, name_of(line.entry)][2].append(line)
    for before, after, there in groups.values():
        yield from _trios(before, after, there)


def _trios(before: list[Entry], after: list[Entry], there: list[DocumentLine]) -> Iterator[Trio]:
    pairs = list(_pairs(before, after))
    for (old, new), line in zip(pairs, assign(pairs, there), strict=True):
        yield Trio(old, new, line)


def _pairs(before: list[Entry], after: list[Entry]) -> Iterator[Pair]:
    olds, news = list(before), list(after)
    tests: tuple[Callable[[Entry, Entry], bool], ...] = (
        lambda old, new: figures(old) == figures(new) and old.ref in {new.ref, ""},
        lambda old, new: old.ref == new.ref,
        lambda _old, _new: True,
    )
    for test in tests:
        for new in list(news):
            old = next((one for one in olds if test(one, new)), None)
            if old is not None:
                olds.remove(old)
                news.remove(new)
                yield old, new
    yield from ((old, None) for old in olds)
    yield from ((None, new) for new in news)


def assign(pairs: Sequence[Pair], lines: Sequence[DocumentLine]) -> list[DocumentLine | None]:
    """Which of the ERP's lines is which of the pairs: whatever leaves the least unexplained. What a try that came half-way
    has written already must not count as somebody else's line.
    """
    if len(lines) > MOST_ALIKE:
        rest = [*lines, *[None] * len(pairs)]
        return rest[: len(pairs)]

    @cache
    def best(place: int, used: int) -> tuple[int, tuple[int, ...]]:
        if place == len(pairs):
            return 0, ()
        options = [(ABSENT if pairs[place][0] else UNWRITTEN, -1)]
        options += [(_cost(pairs[place], line), at) for at, line in enumerate(lines) if not used >> at & 1]
        tried = []
        for cost, at in options:
            more, others = best(place + 1, used if at < 0 else used | 1 << at)
            tried.append((cost + more, (at, *others)))
        return min(tried, key=lambda one: one[0])

    return [lines[at] if at >= 0 else None for at in best(0, 0)[1]]


def _cost(pair: Pair, line: DocumentLine) -> int:
    there = figures(line.entry)
    if pair[1] is not None and there == figures(pair[1]):
        return 0
    if pair[0] is not None and there == figures(pair[0]):
        return UNWRITTEN
    return ABSENT - 1 if pair[0] is not None else ABSENT * 10


def name_of(entry: Entry) -> str:
    return normalise(entry.code) or entry.description


def price_of(entry: Entry) -> Decimal:
    """What is sent as the price: a charge has no quantity."""
    return entry.net if entry.kind is EntryKind.CHARGE else entry.unit_net


def figures(entry: Entry) -> dict[str, Any]:
    """What of a line may be changed, in the words of the books."""
    return {
        "quantity": Decimal(1) if entry.kind is EntryKind.CHARGE else entry.quantity,
        "price": price_of(entry),
        "tax code": entry.tax_code,
        "nominal": entry.nominal,
    }
