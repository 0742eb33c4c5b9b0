"""An order in our words. Every connector speaks these; nothing past a connector knows a vendor's."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from app.domain.message import Violation


class Standing(StrEnum):
    """What may be done with an order now (R-32)."""

    RELEASABLE = "releasable"
    HELD = "held"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


DISPATCHED = "DISPATCHED"
"""Why an order is held that is dispatched whole in the channel."""


class LineKind(StrEnum):
    PRODUCT = "product"
    GIFT_CARD = "gift_card"


class ChargeKind(StrEnum):
    SHIPPING = "shipping"
    HANDLING = "handling"


@dataclass(frozen=True, slots=True)
class Address:
    """As the channel gave it, unshortened; `country` is ISO 3166 alpha-2."""

    name: str = ""
    company: str = ""
    lines: tuple[str, ...] = ()
    city: str = ""
    region: str = ""
    postcode: str = ""
    country: str = ""
    email: str = ""
    phone: str = ""
    vat_number: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """`quantity` is what is still wanted (cancelled units are out), `gross` the line's total for it after line
    discounts and before order discounts, in the order's price mode (VAT included or not, see `Order`).
    `tax_rate` in percent. `ref` is the channel's line identity, kept as given.
    """

    ref: str
    sku: str
    description: str
    quantity: int
    cancelled: int
    gross: Decimal
    tax_rate: Decimal
    ean: str = ""
    kind: LineKind = LineKind.PRODUCT


@dataclass(frozen=True, slots=True)
class Charge:
    """`gross` in the order's price mode. Its VAT follows the goods (finance.md 4.2 row 11)."""

    kind: ChargeKind
    gross: Decimal


@dataclass(frozen=True, slots=True)
class Totals:
    """The channel's own figures: what the shopper pays, and the VAT in it."""

    gross: Decimal
    tax: Decimal


@dataclass(frozen=True, slots=True)
class Shipped:
    """What left by the channel's own doing. `shipment`: the channel's identity of it within the order; `lines`: (the
    channel's line, units). `carrier`, `service`, `tracking`, `day` (civil): where the channel tells them.
    """

    shipment: str
    lines: tuple[tuple[str, int], ...]
    carrier: str = ""
    service: str = ""
    tracking: str = ""
    day: date | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """One order as its channel shows it. `ref`: the number people see, as text."""

    connection: str
    ref: str
    channel_id: str
    standing: Standing
    hold_reason: str
    channel_status: str
    placed_at: datetime
    # The channel's version of this snapshot, UTC.
    updated_at: datetime
    store: str
    market: str
    currency: str
    country: str
    lines: tuple[Line, ...]
    charges: tuple[Charge, ...]
    # Of the whole order, positive, in the price mode, spread over the lines only.
    discount: Decimal
    totals: Totals
    delivery: Address
    invoice: Address
    # Whether line, charge and discount figures hold VAT.
    tax_included: bool = True
    wholesale: bool = False
    account: str = ""
    purchase_order: str = ""
    payment_method: str = ""
    # Somebody in the channel holds it on purpose.
    paused: bool = False
    # The days between which a trade customer wants the goods.
    deliver_from: date | None = None
    deliver_by: date | None = None
    # Only where despatches begin in the channel.
    shipped: tuple[Shipped, ...] = ()
    # Lines that the channel gives no figures for: theirs, rate included, are 0 and are missing from the totals.
    unpriced: tuple[str, ...] = ()
    # Whether the channel waits to hear that the ERP has a line of it.
    unacknowledged: bool = False
    # Only where despatches begin in the ERP: lines that the channel shows as dispatched, by us or by somebody there.
    dispatched: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        """Of this snapshot, as keys spell it."""
        return f"{self.updated_at:%Y%m%dT%H%M%S.%f}"

    def has_left(self) -> bool:
        """All that is wanted of it was shipped."""
        gone = Counter[str]()
        for one in self.shipped:
            gone.update(dict(one.lines))
        return bool(self.shipped) and all(gone[line.ref] >= line.quantity for line in self.lines)

    def skus(self) -> tuple[str, ...]:
        """Codes of the lines that still want stock, as the channel spells them."""
        return tuple(line.sku for line in self.lines if line.quantity and line.kind is LineKind.PRODUCT)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An order that the channel has and that cannot be put into our words: everything that is wrong with it."""

    ref: str
    violations: tuple[Violation, ...]
