"""Centra's wire shapes. Unknown fields are ignored and enums are plain text, because the schema grows without versions."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import simplejson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, StrictStr
from pydantic.alias_generators import to_camel

from app.domain.lanes import UNSTORABLE

INT_MOST = 2**31 - 1  # GraphQL's Int; a larger one would fail the whole query that it is put into

_DECODE = simplejson.JSONDecoder(parse_float=Decimal).decode


def read_json(text: str | bytes) -> Any:
    """Numbers with a point become Decimal. Raises ValueError for whatever cannot be read, absurd depth included."""
    try:
        return _DECODE(text if isinstance(text, str) else text.decode())
    except (RecursionError, ArithmeticError):
        raise ValueError("nested too deeply, or a number beyond all measure") from None


def storable(text: str) -> str:
    """Without NUL and lone surrogates: valid in JSON, refused by jsonb."""
    return UNSTORABLE.sub("\ufffd", text)


def moment(text: str, zone: ZoneInfo) -> datetime:
    """UTC. GraphQL's dates carry an offset; one without is the instance's local time (centra.md 1.3, 2.4)."""
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)


def _text(value: Any) -> Any:
    if value is None:
        return ""
    return storable(value) if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_text)]
Word = Annotated[StrictStr, Field(min_length=1, max_length=64)]
Id = Annotated[StrictInt, Field(ge=1, le=INT_MOST)]


Figure = Annotated[Decimal, Field(ge=-(10**12), le=10**12, decimal_places=20)]


class Wire(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=to_camel)


class HookEvent(Wire):
    """One entry of a webhook's `events`; for an order, `id` is its number (centra.md 1.3)."""

    type: Word
    action: Word
    date: Word
    id: Id | Word


class QueueEvent(Wire):
    """`object_reference` is the number of an Order, the id of anything else; an Int64, which may travel as text."""

    id: Id
    object_type: Text
    change_type: Text
    object_reference: int
    created_at: Text


class Changed(Wire):
    """A row of the sweep; `updated_at` may be absent on an order that never changed."""

    number: Id
    created_at: Text
    updated_at: Text = ""

    @property
    def stamp(self) -> str:
        return self.updated_at or self.created_at


class Amount(Wire):
    value: Figure


class Price(Wire):
    value: Annotated[Figure, Field(ge=0)]


class Currency(Wire):
    code: Text = Field(pattern=r"^[A-Z]{3}$")


class Total(Amount):
    currency: Currency


class Named(Wire):
    id: int
    name: Text = ""


class Country(Wire):
    code: Text = ""


class WireAddress(Wire):
    first_name: Text = ""
    last_name: Text = ""
    company_name: Text = ""
    attention: Text = ""
    address1: Text = ""
    address2: Text = ""
    city: Text = ""
    zip_code: Text = ""
    state_or_province: Text = ""
    country: Country | None = None
    email: Text = ""
    phone_number: Text = ""
    cell_phone_number: Text = ""
    vat_number: Text = ""


class Size(Wire):
    sku: Text = Field(default="", alias="SKU")
    ean: Text = Field(default="", alias="EAN")


class WireLine(Wire):
    """`line_value` with tax and `net` without, both after line discounts and before vouchers (centra.md 3.4)."""

    typename: Text = Field(alias="__typename")
    id: int
    product_name: Text = ""
    product_variant_name: Text = ""
    size: Text = ""
    quantity: int = Field(ge=0)
    cancelled_quantity: int = Field(default=0, ge=0)
    tax_percent: Annotated[Figure, Field(ge=0, le=100)]
    unit_original_price: Price
    line_value: Price
    net: Price
    product_size: Size | None = None


class Discount(Wire):
    typename: Text = Field(alias="__typename")
    value: Amount


class WireTotals(Wire):
    line_values: Amount
    shipping: Price
    handling: Price
    discounts: Amount
    tax_added: Amount
    tax_deducted: Amount
    tax_included: Amount
    shipping_tax_deducted: Amount


class PaymentMethod(Wire):
    plugin: Text = ""
    uri: Text = ""
    name: Text = ""


class Customer(Wire):
    email: Text = ""
    first_name: Text = ""
    last_name: Text = ""


class DeliveryWindow(Wire):
    """Only preorders tell days (centra.md 3.4)."""

    delivery_start_date: date | None = None
    delivery_end_date: date | None = None


class WireOrder(Wire):
    """`id` is a hash, `number` what people see (centra.md 3.1)."""

    typename: Text = Field(alias="__typename")
    id: Text
    number: Id
    status: Text
    is_on_hold: bool
    order_hold_reason: Text = ""
    order_date: Text
    updated_at: Text = ""
    store: Named
    market: Named
    country: Country
    grand_total: Total
    totals: WireTotals
    discounts_applied: tuple[Discount, ...] = ()
    payment_method: PaymentMethod | None = None
    shipping_address: WireAddress
    billing_address: WireAddress | None = None
    lines: tuple[WireLine, ...]
    customer: Customer | None = None
    account: Named | None = None
    purchase_order_number: Text = ""
    delivery_windows: tuple[DeliveryWindow, ...] = ()


class Complaint(Wire):
    """An entry of `errors`, `userErrors` or `userWarnings`."""

    message: Text = ""
    extensions: dict[str, Any] | None = None


class Envelope(Wire):
    data: dict[str, Any] | None = None
    errors: tuple[Complaint, ...] = ()


class MutationPayload(Wire):
    """Both lists are on every mutation's payload and never null (centra.md 2.2)."""

    user_errors: tuple[Complaint, ...]
    user_warnings: tuple[Complaint, ...]
