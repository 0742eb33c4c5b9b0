"""How far a sales order has come in the ERP, and what of it is to be confirmed as despatched (R-51). Pure."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from app.domain.despatch import Note
from app.domain.message import Violation

Goods = Mapping[str, Decimal]
"""The ERP's normalised code -> units."""


@dataclass(frozen=True, slots=True)
class LineProgress:
    """A line with goods, as the ERP holds it now; in units. `ready`: what it would let go."""

    id: int
    code: str
    ordered: Decimal
    despatched: Decimal
    ready: Decimal

    @property
    def outstanding(self) -> Decimal:
        return self.ordered - self.despatched


@dataclass(frozen=True, slots=True)
class Progress:
    """`live`: whether the ERP despatches anything of it. `notes`: all there are."""

    number: str
    live: bool
    lines: tuple[LineProgress, ...]
    notes: tuple[Note, ...]

    def marked(self, mark: str) -> Note | None:
        """The note that bears our mark; a person may have written more beside it."""
        whole = re.compile(rf"(?<!\S){re.escape(mark)}(?!\S)")
        return next((note for note in self.notes if whole.search(note.remark)), None)

    @property
    def despatched(self) -> Goods:
        return _sum((line.code, line.despatched) for line in self.lines)


@dataclass(frozen=True, slots=True)
class Item:
    """`despatched`: of the line until now; what is there afterwards tells whether a despatch was made."""

    line: int
    quantity: Decimal
    despatched: Decimal


@dataclass(frozen=True, slots=True)
class Despatch:
    """What is to be confirmed. `courier` by the ERP's name, `consignment`, `day` (civil; None: today): where they are known.
    `mark`: ours, ≤ 256 characters, by which the note is found again.
    """

    document_id: int
    items: tuple[Item, ...]
    mark: str
    courier: str = ""
    consignment: str = ""
    day: date | None = None


def allot(progress: Progress, goods: Goods) -> tuple[Item, ...] | tuple[Violation, ...]:
    """The goods spread over the lines that still owe them, or everything that stands in the way. Never more than what is
    outstanding, however it came about.
    """
    if not progress.live:
        fix = "the ERP despatches nothing of an order that is not live: release it there, then retry"
        return (Violation("E-SAGE-REJECTED", "document_status", progress.number, fix),)
    wrong = tuple(found for code, units in goods.items() if (found := _complain(progress, code, units)))
    if wrong or not goods:
        return wrong or (Violation("E-QTY", "lines", "", "the shipment has no goods of this order"),)
    return tuple(item for code, units in goods.items() for item in _spread(progress, code, units))


def _spread(progress: Progress, code: str, units: Decimal) -> list[Item]:
    items = []
    for line in progress.lines:
        taken = min(line.ready, line.outstanding, units)
        if line.code == code and taken > 0:
            items.append(Item(line.id, taken, line.despatched))
            units -= taken
    return items


def _complain(progress: Progress, code: str, units: Decimal) -> Violation | None:
    lines = [line for line in progress.lines if line.code == code]
    left = sum((max(line.outstanding, Decimal(0)) for line in lines), Decimal(0))
    ready = sum((max(min(line.ready, line.outstanding), Decimal(0)) for line in lines), Decimal(0))
    by_hand = "or despatch it there by hand and retry"
    if not lines:
        fix = f"sales order {progress.number} has no such article: put it back there, {by_hand}"
        return Violation("E-LINE-UNKNOWN", "product_code", code, fix)
    if units > left:
        fix = f"sales order {progress.number} expects only {left.normalize():f} more: correct it there, {by_hand}"
        return Violation("E-QTY", code, f"{units.normalize():f}", fix)
    if units > ready:
        fix = f"only {ready.normalize():f} of it are allocated: allocate the rest in the ERP, then retry"
        return Violation("E-QTY", code, f"{units.normalize():f}", fix)
    return None


def covers(progress: Progress, goods: Goods) -> bool:
    """Whether at least these were despatched, by whomever."""
    gone = progress.despatched
    return bool(goods) and all(gone.get(code, Decimal(0)) >= units for code, units in goods.items())


def imprint(gone: Goods, less: Goods | None = None) -> bytes:
    """SHA-256 of what was despatched, without `less`: it tells a later look what there was before a send."""
    kept = {code: units - (less or {}).get(code, Decimal(0)) for code, units in gone.items()}
    spelt = sorted(f"{code}={units.normalize():f}" for code, units in kept.items() if units)
    return hashlib.sha256("\n".join(spelt).encode()).digest()


def add(*several: Goods) -> Goods:
    return _sum((code, units) for goods in several for code, units in goods.items())


def _sum(pairs: Iterable[tuple[str, Decimal]]) -> Goods:
    total: defaultdict[str, Decimal] = defaultdict(Decimal)
    for code, units in pairs:
        total[code] += units
    return dict(total)
