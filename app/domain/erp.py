"""The shape of the ERP: where orders, stock and money are true."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from app.domain.channel import Catalogue, Poll
from app.domain.despatch import Note
from app.domain.message import Violation
from app.domain.progress import Despatch, Progress

if TYPE_CHECKING:  # made of what is below
    from app.domain.amend import Contents, OurLock, Revision
from app.domain.refusals import Phrases


@dataclass(frozen=True, slots=True)
class Customer:
    """`reference` ≤ 8 characters (sage200.md 9.6); an account has one currency for ever."""

    reference: str
    currency: str
    on_hold: bool


@dataclass(frozen=True, slots=True)
class Product:
    """`group`: the ERP's product group, for posting rules; "" where it was not read. `tax_rate`: of its own tax code, in
    percent; None where that is unknown.
    """

    code: str
    barcode: str
    active: bool
    group: str = ""
    tax_rate: Decimal | None = None


@dataclass(frozen=True, slots=True)
class TaxCode:
    """`code` as printed in the ERP ("1"); `rate` in percent."""

    code: str
    rate: Decimal


@dataclass(frozen=True, slots=True)
class Wanted:
    """Codes that a batch of documents will use."""

    customers: frozenset[str] = frozenset()
    products: frozenset[str] = frozenset()
    barcodes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Quote:
    """What a price is asked for: so many units of a normalised code for an account, at once."""

    customer: str
    code: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What the ERP knows of the wanted codes (absent = unknown there), and its small tables whole.

    `products`: by our normalised code. `by_barcode`: barcode -> every product that carries it.
    `nominals`: (reference, cost centre, department). `charges`: additional charge codes.
    `required_analysis`: analysis slots that the company makes mandatory on orders. `prices`: of one unit, after the
    account's discount; quotes that the ERP has no price for are left out.
    """

    customers: Mapping[str, Customer] = field(default_factory=dict)
    products: Mapping[str, Product] = field(default_factory=dict)
    by_barcode: Mapping[str, tuple[Product, ...]] = field(default_factory=dict)
    tax_codes: Mapping[str, TaxCode] = field(default_factory=dict)
    warehouses: frozenset[str] = frozenset()
    charges: frozenset[str] = frozenset()
    nominals: frozenset[tuple[str, str, str]] = frozenset()
    required_analysis: frozenset[int] = frozenset()
    tax_inclusive: bool = False
    prices: Mapping[Quote, Decimal] = field(default_factory=dict)


class EntryKind(StrEnum):
    STANDARD = "standard"
    CHARGE = "charge"
    FREE_TEXT = "free_text"


@dataclass(frozen=True, slots=True)
class Nominal:
    """reference ≤ 8, cost centre ≤ 3, department ≤ 3 characters (sage200.md 9.2)."""

    reference: str
    cost_centre: str = ""
    department: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a sales order: `net` = quantity x unit_net, to the penny; `tax` is what the ERP will work out.

    `unit_net` is the price to send. Where the company's prices hold VAT (Facts.tax_inclusive) it holds it too, and
    then `net` = quantity x unit_net - tax. `rule`: the posting rule that chose the nominal. `ref`: the channel's line.
    """

    kind: EntryKind
    code: str
    description: str
    quantity: Decimal
    unit_net: Decimal
    net: Decimal
    tax: Decimal
    tax_code: str
    nominal: Nominal
    warehouse: str = ""
    rule: str = ""
    ref: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Already fitted to the ERP's lengths (4 x 60, postcode 10, contact 235): wrapped on words, never cut."""

    name: str
    lines: tuple[str, ...]
    city: str
    county: str
    postcode: str
    country: str
    contact: str = ""
    phone: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class SalesOrder:
    """What we want to exist. `key` ≤ 20 characters, in the customer document number; `trace` in a spare field.
    `analysis`: slot 1..20 -> value ≤ 60. Totals are predicted and equal the channel's to the penny; `flags` tell what
    of the channel's figures finance should know of, and hold nothing up. `deliver_from`, `deliver_by`: as in `Order`.
    """

    key: str
    trace: str
    customer: str
    currency: str
    document_date: date
    delivery: Delivery
    entries: tuple[Entry, ...]
    net: Decimal
    tax: Decimal
    gross: Decimal
    analysis: Mapping[int, str] = field(default_factory=dict)
    flags: tuple[Violation, ...] = ()
    deliver_from: date | None = None
    deliver_by: date | None = None


class DocumentStanding(StrEnum):
    LIVE = "live"
    DRAFT = "draft"
    CANCELLED = "cancelled"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Document:
    """A sales order that exists in the ERP. `number` is "" for a ghost; `quantities`: normalised code -> units."""

    id: int
    number: str
    key: str
    trace: str
    standing: DocumentStanding
    net: Decimal
    tax: Decimal
    gross: Decimal
    quantities: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Erp:
    """`name`: `sage200`; `connection`: `main`. What writes raises PermanentError, TransientError, DestinationError,
    LockedError or InDoubtError: the class says what became of the request.
    """

    name: str
    connection: str
    # Cached look-ups.
    facts: Callable[[Wanted], Awaitable[Facts]]
    # Every document, drafts and archive included, whose customer document number or spare field equals a key; one
    # request for many keys.
    probe: Callable[[Sequence[str]], Awaitable[Mapping[str, tuple[Document, ...]]]]
    # place(order, last_check): sends one create; `last_check` is called right before the request is written, and
    # raises to stop it.
    place: Callable[[SalesOrder, Callable[[], None]], Awaitable[Document]]
    # Every problem found, as sentences for a person.
    preflight: Callable[[], Awaitable[tuple[str, ...]]]

    # Documents by the ERP's own number; absent = not there.
    find: Callable[[Sequence[str]], Awaitable[Mapping[str, Document]]] | None = None
    # As `Facts.prices`, never from a cache.
    prices: Callable[[Collection[Quote]], Awaitable[Mapping[Quote, Decimal]]] | None = None
    # All despatch notes of each document, as they stand now.
    notes: Callable[[Sequence[int]], Awaitable[Mapping[int, tuple[Note, ...]]]] | None = None
    # How far a document has come, None where there is no such document.
    progress: Callable[[int], Awaitable[Progress | None]] | None = None
    # confirm_despatch(despatch, last_check): as `place`.
    confirm_despatch: Callable[[Despatch, Callable[[], None]], Awaitable[None]] | None = None
    # Hears whom to ask what a refusal means.
    consult: Callable[[Phrases], None] | None = None
    polls: Mapping[str, Poll] = field(default_factory=dict)
    # catalogue(cursor): a page of its products; {} is the first.
    catalogue: Catalogue | None = None

    # A document as it stands now, None for one that is gone.
    contents: "Callable[[int], Awaitable[Contents | None]] | None" = None
    # change(revision, ours): decides and writes under the ERP's lock on the document, and reads back; answers what then
    # stands there, or why nothing was written. Raises LockedError while somebody else holds the lock.
    change: "Callable[[Revision, OurLock], Awaitable[Contents | tuple[Violation, ...]]] | None" = None
    # release(document_id, lock_id): ends a lock of ours that was left behind.
    release: Callable[[int, int], Awaitable[None]] | None = None
    # How long a lock of ours is held at most.
    lock_seconds: float = 10.0

    # Of addresses that it takes: a codec.
    charset: str = "utf-8"
    # Ceiling of requests in flight.
    slots: int = 4
    # Seconds after which a request is given up.
    deadline: float = 60.0

    @property
    def destination(self) -> str:
        return f"{self.name}:{self.connection}"
