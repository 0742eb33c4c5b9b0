"""The shape of a sales channel: a value made of functions, opened by `async with`. Every part but its
names is optional.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

from app.domain.despatch import Parcel
from app.domain.message import Draft
from app.domain.order import Order, Unreadable


@dataclass(frozen=True, slots=True)
class Listed:
    """A row of a list that tells no changes. `item`: which one it is; `fingerprint`: of what it holds; `draft`: the
    notice to append if either is new.
    """

    item: str
    fingerprint: str
    draft: Draft


@dataclass(frozen=True, slots=True)
class Walk:
    """A page of such a list. `number` rises from walk to walk. `ended`: it was the last page, so that what was listed
    before and not this time has left the list.
    """

    number: int
    rows: tuple[Listed, ...]
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """What one poll call brought: drafts to append, the cursor to keep with them, and whether more waits.

    `confirm`: opaque ids that the channel may forget once the drafts are committed (never before).
    `horizon`: how far through the channel's history this page reaches, UTC. `walk`: rows of which only new and changed
    ones become messages; a walk that found any is followed by another at once.
    """

    drafts: tuple[Draft, ...]
    cursor: dict[str, Any]
    more: bool = False
    confirm: tuple[str, ...] = ()
    horizon: datetime | None = None
    walk: Walk | None = None


Receive = Callable[[bytes, Mapping[str, str], datetime], tuple[Draft, ...]]
Poll = Callable[[dict[str, Any], datetime], Awaitable[Page]]


class Polled(Protocol):
    """Whoever is asked for news: a channel, or the ERP."""

    @property
    def name(self) -> str: ...
    @property
    def connection(self) -> str: ...
    @property
    def destination(self) -> str: ...
    @property
    def polls(self) -> Mapping[str, Poll]: ...


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The ERP has these `lines` (units by the channel's line) of the order `ref`, under `number`. `filed_at`: when a
    file that tells so was written, for channels that read files. Times are UTC.
    """

    ref: str
    channel_id: str
    number: str
    placed_at: datetime
    lines: Mapping[str, int]
    filed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """`sent`: whether there was anything to tell. `left`: lines that are new in the channel and that the ERP lacks, or
    holds with another quantity: they were not acknowledged. `waits`: it lies in a file, and the channel does not show
    yet that it read it: ask again.
    """

    sent: bool
    left: tuple[str, ...] = ()
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Shipment:
    """A despatch of the order `ref`. `ordered`: units of each of the channel's lines; `told`: of those, what other
    notes told. `now`: UTC. `again`: it was tried before.
    """

    ref: str
    channel_id: str
    parcel: Parcel
    ordered: Mapping[str, int]
    told: Mapping[str, int]
    now: datetime
    again: bool = False


@dataclass(frozen=True, slots=True)
class Return:
    """A return that was asked for: `id` in the channel, `units` of the order's line `line`."""

    id: str
    channel_id: str
    line: str
    units: int


@dataclass(frozen=True, slots=True)
class Budget:
    """Requests a second on average, and at once. Orders keep at least 30 % of it (outbox.md §8)."""

    rate: float
    burst: float


@dataclass(slots=True)
class Meter:
    """Requests that were made since the channel was opened, answered or not."""

    asked: int = 0


@dataclass(frozen=True, slots=True)
class Article:
    """Something that can be ordered, as its system spells it: `code`, "" where only the barcode tells; `barcode`, "" where
    there is none. `active`: it may be sold.
    """

    code: str
    barcode: str = ""
    active: bool = True


@dataclass(frozen=True, slots=True)
class Articles:
    """A page of a catalogue. `onward`: where the next one begins; None after the last."""

    items: tuple[Article, ...]
    onward: dict[str, Any] | None


Catalogue = Callable[[dict[str, Any]], Awaitable[Articles]]
Unpack = Callable[[str, Mapping[str, Any]], Order | Unreadable | None]
Acknowledge = Callable[[Acknowledgement], Awaitable[Acknowledged]]
Answer = Callable[[str, frozenset[str]], Awaitable[bool]]
AcknowledgeReturn = Callable[[Return], Awaitable[bool]]
Begin = Callable[[], Awaitable[None]]
Ship = Callable[[Shipment, Begin], Awaitable[bool]]
Gone = Callable[[Sequence[tuple[str, str]], int], tuple[Draft, ...]]


@dataclass(frozen=True, slots=True)
class Channel:
    """`name`: `centra`; `connection`: `uk`; `prefix`: of its orders' keys in the ERP. What it has no part for is not
    asked of it.
    """

    name: str
    connection: str
    prefix: str = ""

    # receive(raw, headers, now): pure; header names come in lower case. Raises ForgedError, or MalformedError for
    # authentic bytes that it cannot read. `content_type`: the only one that it reads.
    content_type: str | None = None
    receive: Receive | None = None
    polls: Mapping[str, Poll] = field(default_factory=dict)
    # confirm(ids): the channel forgets them.
    confirm: Callable[[Sequence[str]], Awaitable[None]] | None = None

    # fetch_orders(refs): as they are now, at most `most_orders`. Refs that the channel does not (yet) know, or that are
    # another store's, are left out of the answer; an order that cannot be read does not take the others with it.
    fetch_orders: Callable[[Sequence[str]], Awaitable[Mapping[str, Order | Unreadable]]] | None = None
    most_orders: int = 200
    # unpack(ref, body): the order that a notice brought along whole, so that nobody has to fetch it.
    unpack: Unpack | None = None
    # gone(items, walk): notices for what left a list, (item, ref) each. One with `if_unposted` in its body counts only
    # while its order waits to be posted.
    gone: Gone | None = None
    # Whether its orders carry a version of their own; without one, what was read later counts as newer.
    stamped: bool = True
    # find_orders(shipments): refs of the orders that these are shipments of, where despatches begin in the channel.
    find_orders: Callable[[Sequence[int]], Awaitable[Mapping[int, str]]] | None = None

    # Tells that the ERP has an order; repeatable.
    acknowledge: Acknowledge | None = None
    # ship(shipment, begin): tells of a despatch; awaits `begin` right before it writes; answers whether there was
    # anything to tell. Raises InDoubtError where a part may have been taken that no read would show.
    ship: Ship | None = None
    # Whether it shows of a despatch whose it was. Where not, one that was there before we told it may be somebody else's.
    signed: bool = True
    # What a parcel may be said to have gone by, where the channel keeps a list of it.
    carriers: Callable[[], Awaitable[frozenset[str]]] | None = None
    # answer_cancellation(channel_id, lines): agrees to what was asked to be cancelled of these lines; answers whether
    # anything was still to answer.
    answer_cancellation: Answer | None = None
    # Agrees to deal with a return; answers whether anything was still to answer.
    acknowledge_return: AcknowledgeReturn | None = None

    # catalogue(cursor): a page of what is for sale; {} is the first.
    catalogue: Catalogue | None = None
    # Every problem found, as sentences for a person.
    preflight: Callable[[], Awaitable[tuple[str, ...]]] | None = None
    # Without a `meter`, each call is taken for one request of the budget.
    budget: Budget | None = None
    meter: Meter | None = None

    # Store -> how far a unit's price may differ from the ERP's for its account; others are not compared.
    tolerances: Mapping[str, Decimal] = field(default_factory=dict)
    # Store -> how long after its order it waits for an acknowledgement.
    patience: Mapping[str, timedelta] = field(default_factory=dict)
    # The poll from whose list an acknowledgement takes an order away; any poll if "".
    new_orders: str = ""
    # In which the ERP's numbers must be one of a kind, the destination if ""; `number_prefix`: put before them, where
    # other companies' may be equal.
    account: str = ""
    number_prefix: str = ""

    @property
    def destination(self) -> str:
        return f"{self.name}:{self.connection}"
