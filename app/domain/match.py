"""Which line of a sales order is which: what we last applied, what the channel shows and what the ERP holds. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
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


@dataclass(frozen=True, slots=True)
class Group:
    """All lines of one article, charge or text: prices that cannot be split evenly make several of one (finance.md 4.4)."""

    base: tuple[Entry, ...]
    theirs: tuple[Entry, ...]
    ours: tuple[DocumentLine, ...]

    @property
    def is_wanted_otherwise(self) -> bool:
        """Whether the channel changed anything of it."""
        return _counted(self.base) != _counted(self.theirs)

    @property
    def is_edited(self) -> bool:
        """Whether the ERP holds a line that we neither wrote nor want: a person was here."""
        known = _counted(self.base) | _counted(self.theirs)
        return not _counted(line.entry for line in self.ours) <= known

    @property
    def is_single(self) -> bool:
        """Then its fields can be merged one by one."""
        return len(self.base) == len(self.theirs) == len(self.ours) == 1

    def trios(self) -> Iterator[Trio]:
        pairs = list(_pairs(list(self.base), list(self.theirs)))
        for (old, new), line in zip(pairs, assign(pairs, self.ours), strict=True):
            yield Trio(old, new, line)


def match(
    base: Sequence[Entry] | None, theirs: Sequence[Entry], ours: Sequence[DocumentLine]
) -> Iterator[Group]:
    known = [line.entry for line in ours] if base is None else base
    keys = dict.fromkeys(_key(one) for one in (*known, *theirs, *(line.entry for line in ours)))
    for key in keys:
        yield Group(
            tuple(one for one in known if _key(one) == key),
            tuple(one for one in theirs if _key(one) == key),
            tuple(line for line in ours if _key(line.entry) == key),
        )


def _key(entry: Entry) -> tuple[EntryKind, str]:
    return entry.kind, name_of(entry)


def _counted(entries: Iterable[Entry]) -> Counter[tuple[Any, ...]]:
    return Counter(tuple(figures(entry).values()) for entry in entries)


def _pairs(before: list[Entry], after: list[Entry]) -> Iterator[Pair]:
    """Equal ones first, then those of one channel line, then in order."""
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
