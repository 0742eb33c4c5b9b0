"""Virtualstock's wire shapes. Unknown fields are ignored, statuses are plain text, nulls are common (virtualstock.md 6)."""

import re
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import urlsplit

import simplejson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from app.domain.lanes import UNSTORABLE

_DECODE = simplejson.JSONDecoder(parse_float=Decimal).decode
_LAST_NUMBER = re.compile(r"/(\d{1,18})/?$")


def read_json(text: str | bytes) -> Any:
    """Raises ValueError for whatever cannot be read, absurd depth included."""
    try:
        return _DECODE(text if isinstance(text, str) else text.decode())
    except (RecursionError, ArithmeticError):
        raise ValueError("nested too deeply, or a number beyond all measure") from None


def last_number(url: str) -> int:
    """The id at the end of a URL's path. The host is never looked at: one body names two (virtualstock.md 2). Raises
    ValueError.
    """
    found = _LAST_NUMBER.search(urlsplit(url).path)
    if found is None:
        raise ValueError("a URL without a number at its end")
    return int(found[1])


def storable(value: Any) -> Any:
    """Without NUL and lone surrogates, in keys and texts alike: valid in JSON, refused by jsonb."""
    if isinstance(value, str):
        return UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, list):
        return [storable(one) for one in value]
    if isinstance(value, dict):
        return {storable(name): storable(one) for name, one in value.items()}
    return value


def _text(value: Any) -> Any:
    if value is None:
        return ""
    return UNSTORABLE.sub("\ufffd", value) if isinstance(value, str) else value


def _spelt(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else _text(value)


Text = Annotated[str, BeforeValidator(_text)]
Spelt = Annotated[str, BeforeValidator(_spelt)]
"""A text that samples also show as a bare number."""
Money = Annotated[Decimal, Field(ge=0, le=10**12, decimal_places=5)]


class Wire(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class WireAddress(Wire):
    full_name: Text = ""
    line_1: Text = ""
    line_2: Text = ""
    city: Text = ""
    state: Text = ""
    postal_code: Text = ""
    country: Text = ""
    phone: Text = ""
    email: Text = ""


class WireItem(Wire):
    """`line_reference` here is `line_ref` in every write; `unit_cost_price` without VAT."""

    part_number: Text
    line_reference: Text = Field(min_length=1)
    quantity: int = Field(ge=0)
    status: Text = Field(min_length=1)
    supplier_sku_reference: Text = ""
    retailer_sku_reference: Text = ""
    retailer_additional_reference: Text = ""
    name: Text = ""
    description: Text = ""
    unit_cost_price: Money | None = None
    subtotal: Money | None = None
    tax: Money | None = None
    tax_rate: Annotated[Decimal, Field(ge=0, le=100)] | None = None
    total: Money | None = None
    promised_date: Text = ""


class WireOrder(Wire):
    url: Text
    retailer: Text
    order_reference: Text = Field(min_length=1)
    order_date: Text
    status: Text
    test_flag: bool = False
    currency_code: Text = Field(default="GBP", pattern=r"^[A-Z]{3}$")
    purchase_order_reference: Text = ""
    end_user_purchase_order_reference: Text = ""
    comment: Text = ""
    shipping_address: WireAddress
    items: tuple[WireItem, ...] = Field(min_length=1)
    subtotal: Money | None = None
    tax: Money | None = None
    total: Money | None = None


class _Reference(Wire):
    line_reference: Text = Field(min_length=1)


class WireReturn(Wire):
    """`order` stays as it came: it is read like any other. Samples send `quantity` as text too."""

    id: Text = Field(min_length=1, max_length=100)
    quantity: int = Field(ge=1)
    order: dict[str, Any]
    order_item: _Reference
    return_reason_code: Spelt = ""


class WirePage(Wire):
    """`results` stay as they came: one that cannot be read must not take the others with it."""

    count: int = Field(ge=0)
    results: tuple[dict[str, Any], ...]


class WireProduct(Wire):
    """`data`: fields that the retailer chose."""

    part_number: Text = ""
    data: dict[str, Any] = Field(default_factory=dict)


class Carrier(Wire):
    slug: Text = Field(min_length=1)
    name: Text = ""


class Push(Wire):
    """Our own extension: that something happened to an order, and nothing of what."""

    event_id: Text = Field(min_length=1, max_length=100)
    event: Text = Field(min_length=1, max_length=100)
    order_url: Text = ""
    order_reference: Text = Field(default="", max_length=100)


class Tracking(Wire):
    """Virtualstock's tracking webhook (virtualstock.md 8)."""

    ts: int
    order_number: Text = Field(min_length=1, max_length=100)
    tracking_number: Spelt = ""
    status: Text = Field(min_length=1, max_length=40)
