"""What a sales order in the ERP holds, and what is to be changed in it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Protocol

from app.domain.erp import Delivery, Document, Entry, SalesOrder
from app.domain.message import Violation

Dates = tuple[date | None, date | None]


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """A line as the ERP holds it now. `entry`: in our words; its price is the one that the ERP keeps. `despatched`: units."""

    id: int
    entry: Entry
    despatched: Decimal


@dataclass(frozen=True, slots=True)
class Contents:
    """A sales order as it stands now. `analysis`: slot -> value. `dates`: the days between which its goods are wanted.
    `amendable`: False once it is complete, printed or in dispute.
    """

    document: Document
    lines: tuple[DocumentLine, ...]
    delivery: Delivery
    analysis: Mapping[int, str] = field(default_factory=dict)
    dates: Dates = (None, None)
    amendable: bool = True


@dataclass(frozen=True, slots=True)
class Amendment:
    """What is still to be written. `changed`: a line and what it becomes. `delivery`, `dates`: whole, None leaves them."""

    removed: tuple[DocumentLine, ...] = ()
    changed: tuple[tuple[DocumentLine, Entry], ...] = ()
    added: tuple[Entry, ...] = ()
    delivery: Delivery | None = None
    analysis: Mapping[int, str] = field(default_factory=dict)
    dates: Dates | None = None


Wish = Amendment | tuple[Violation, ...] | None
"""None: nothing is left to do. Violations: nothing may be done."""
Decide = Callable[[Contents], Wish]


@dataclass(frozen=True, slots=True)
class Revision:
    """`decide` is pure and is asked anew whenever the document was read. `order`: whose codes an amendment may name."""

    document_id: int
    decide: Decide
    order: SalesOrder | None = None


class OurLock(Protocol):
    """What is remembered of a lock of ours, so that whoever comes after a crash can release it. `begin`: before it is
    taken; `take(lock_id)`: the ERP gave it; `write`: right before the one write, raises to stop it; `end`: it is released.
    """

    async def begin(self) -> None: ...

    async def take(self, lock_id: int) -> None: ...

    async def write(self) -> None: ...

    async def end(self) -> None: ...
