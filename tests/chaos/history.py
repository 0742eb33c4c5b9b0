"""The values that a finished run is judged by: what was sent, what was accepted, what came of it, what the outbox holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from app.demo.verdict import Asked, Entered, Span


class Wrong(StrEnum):
    """`lost`: accepted and nowhere. `unexpected`: there, and nobody sent it. `stranded`: open when all was quiet."""

    LOST = "lost"
    UNEXPECTED = "unexpected"
    DOUBLED = "doubled"
    DIFFERS = "differs"
    ORDER = "sku order"
    CYCLE = "cycle"
    ORDER_LANE = "order lane"
    OVERLAP = "in flight together"
    ASIDE = "stepped aside"
    STRANDED = "stranded"
    PARKED = "parked"
    BALANCE = "balance"


@dataclass(frozen=True, slots=True)
class Fault:
    kind: Wrong
    told: str

    def __str__(self) -> str:
        return f"{self.kind.value}: {self.told}"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event of one call. `key`: its permanent key in the outbox. `sure`: answered 2xx; else it may have been stored
    or not, and neither is a fault.
    """

    key: str
    sure: bool


@dataclass(frozen=True, slots=True)
class Message:
    """`fact`: the name of its document in the ERP, for an effect that makes one."""

    id: int
    source: str
    cls: str
    key: str | None = None
    fact: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A ticket as it was drawn."""

    lane: str
    ticket: int
    message: int


@dataclass(frozen=True, slots=True)
class Flight:
    """A lease. `lanes`: where the message stood meanwhile. `begun`, `ended`: rising numbers; None while it lasts."""

    message: int
    lanes: tuple[str, ...]
    begun: int
    ended: int | None


@dataclass(frozen=True, slots=True)
class Settlement:
    """`at`: a rising number. A message that was replayed has several."""

    message: int
    at: int
    result: str


@dataclass(frozen=True, slots=True)
class Outbox:
    """`keys`: permanent key -> message. `open`: message -> state. `receipts`: message -> result. `asides`: message -> why
    it left its lanes. `dirty`: codes whose stock must be read anew.
    """

    messages: Mapping[int, Message]
    keys: Mapping[str, int]
    open: Mapping[int, str] = field(default_factory=dict)
    receipts: Mapping[int, str] = field(default_factory=dict)
    asides: Mapping[int, str] = field(default_factory=dict)
    dirty: frozenset[str] = frozenset()
    places: Sequence[Place] = ()
    flights: Sequence[Flight] = ()
    settled: Sequence[Settlement] = ()


@dataclass(frozen=True, slots=True)
class History:
    """`asked`: the orders that the channels show in the end, `entered`: documents, both named by `key`. `maybe`: orders of
    which nobody knows whether they were accepted: there or not, neither is a fault. `spans`: when the others were.
    `complete`: beginnings of keys of which all `deliveries` are known. `may_park`: orders that wait for a person. `ill`: a
    connection fared ill now and then; the others did not wait for it, so that order across them is that of the tickets.
    """

    outbox: Outbox
    asked: Sequence[Asked] = ()
    entered: Sequence[Entered] = ()
    deliveries: Sequence[Delivery] = ()
    maybe: frozenset[str] = frozenset()
    spans: Mapping[str, Span] = field(default_factory=dict)
    complete: tuple[str, ...] = ()
    may_park: frozenset[str] = frozenset()
    ill: bool = False
