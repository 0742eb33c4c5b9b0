"""A row of each mapping table: what finance and operations write, checked as they write it. No row has a silent default
for a nominal, a tax code or an account (R-60).
"""

import re
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from app.domain.lanes import normalise
from app.domain.refusals import PhraseRow
from app.domain.row import (
    ANY,
    Amount,
    Buyer,
    Code,
    Connection,
    Currency,
    Dated,
    Origin,
    Percent,
    Place,
    Row,
    Source,
    TaxCode,
    Text,
    Word,
)


class PostingKind(StrEnum):
    """What a line of a sales order stands for, where its nominal is chosen."""

    PRODUCT = "product"
    GIFT_CARD = "gift_card"
    SHIPPING = "shipping"
    HANDLING = "handling"
    ROUNDING = "rounding"
    DESTINATION_VAT = "destination_vat"


class CustomerRow(Row):
    """`account`: the channel's own customer account for wholesale; "" for shoppers, who share one per currency."""

    connection: Connection
    store: Word = ANY
    currency: Currency
    account: Text = ""
    reference: Annotated[Word, StringConstraints(max_length=8)]

    @property
    def key(self) -> str:
        return f"{self.connection}|{self.store}|{self.currency}|{self.account}"


class TaxRow(Dated):
    """finance.md 4.2: who ships what to whom, at which rate of the channel -> tax code.

    `gift`: the row is for multi-purpose gift cards, the only ones that may leave places open. `destination_vat`: the
    channel's VAT is owed abroad (IOSS, OSS); goods go net at the code's zero rate, the VAT to a liability. `most`:
    net goods up to which the row holds, in `most_currency` (IOSS: 150 EUR).
    """

    ship_from: Origin
    ship_to: Place
    buyer: Buyer = "any"
    gift: bool = False
    rate: Percent
    code: TaxCode
    destination_vat: bool = False
    most: Amount | None = None
    most_currency: Currency | None = None
    note: Text = ""

    @property
    def key(self) -> str:
        rate = format(self.rate.normalize(), "f")
        parts = (self.ship_from, self.ship_to, self.buyer, "gift" if self.gift else "", rate)
        return "|".join((*parts, str(self.valid_from or "")))

    @property
    def code_rate(self) -> Decimal:
        """What the ERP's code must have."""
        return Decimal(0) if self.destination_vat else self.rate

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if ANY in {self.ship_from, self.ship_to} and not self.gift:
            raise ValueError("only a gift card's row may leave ship_from or ship_to open")
        if (self.most is None) != (self.most_currency is None):
            raise ValueError("most and most_currency go together")
        if self.gift and self.destination_vat:
            raise ValueError("a gift card bears no destination VAT")
        return self


class WarehouseRow(Row):
    """`ships_from`: ISO country, or XI for Northern Ireland."""

    connection: Connection
    warehouse: Annotated[Word, StringConstraints(max_length=20)]
    ships_from: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]

    @property
    def key(self) -> str:
        return self.connection


class PostingRow(Dated):
    """Tried in the order of `position`; the first whose conditions all hold decides (R-59).

    `country`: ISO code or zone. `sku`: whole, or its beginning and `*`. `value_from` <= net value of the line <
    `value_below`, in the order's currency.
    """

    rule: Word
    position: Annotated[int, Field(ge=0)]
    channel: Word = ANY
    connection: Connection = ANY
    store: Word = ANY
    country: Place = ANY
    group: Word = ANY
    sku: Code = ANY
    kind: PostingKind | Literal["*"] = "*"
    value_from: Amount | None = None
    value_below: Amount | None = None
    currency: Currency | Literal["*"] = "*"
    buyer: Buyer = "any"
    nominal: Annotated[Word, StringConstraints(max_length=8)]
    cost_centre: Annotated[Text, StringConstraints(max_length=3)] = ""
    department: Annotated[Text, StringConstraints(max_length=3)] = ""
    note: Text = ""

    @property
    def key(self) -> str:
        return self.rule


class ChargeRow(Row):
    """`code`: an additional charge of the ERP; "" posts free text, which needs a `description`. `tax_code`: for what
    is outside the scope of VAT; shipping and handling follow the goods.
    """

    connection: Connection
    kind: Literal["shipping", "handling", "rounding", "destination_vat"]
    code: Annotated[Text, StringConstraints(max_length=20)] = ""
    description: Text = ""
    tax_code: TaxCode | None = None

    @property
    def key(self) -> str:
        return f"{self.connection}|{self.kind}"

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if not self.code and not self.description:
            raise ValueError("free text needs a description")
        if (self.kind in {"rounding", "destination_vat"}) != (self.tax_code is not None):
            raise ValueError("tax_code is for rounding and destination_vat, and they need it")
        return self


class FieldRow(Row):
    """What fills an analysis field: a `constant`, or the order's `source`. The row of the store wins."""

    connection: Connection = ANY
    store: Word = ANY
    target: Annotated[str, StringConstraints(pattern=r"^analysis_([1-9]|1[0-9]|20)$")]
    constant: Annotated[Text, StringConstraints(max_length=60)] = ""
    source: Source | None = None

    @property
    def key(self) -> str:
        return f"{self.connection}|{self.store}|{self.target}"

    @property
    def slot(self) -> int:
        return int(self.target.removeprefix("analysis_"))

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if bool(self.constant) == (self.source is not None):
            raise ValueError("give either constant or source")
        return self


class AliasRow(Row):
    """Another spelling of a product code, for one connection or for all (`*`)."""

    connection: Connection = ANY
    alias: Word
    code: Annotated[Word, StringConstraints(max_length=30)]

    @property
    def key(self) -> str:
        return f"{self.connection}|{normalise(self.alias)}"


def _is_pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return text


class CarrierRow(Row):
    """The ERP's courier -> what a channel calls it (R-46). `store`: a retailer's code. `carrier`: the channel's own word,
    a slug at Virtualstock; `service`: for channels that are told one. `tracking`: what a tracking number looks like, as a
    regular expression; `tracking_url`: with `{number}` in it.
    """

    connection: Connection
    store: Word = ANY
    courier: Annotated[Word, StringConstraints(max_length=60)]
    carrier: Word
    service: Text = ""
    tracking: Annotated[Text, AfterValidator(_is_pattern)] = ""
    tracking_url: Text = ""

    @property
    def key(self) -> str:
        return f"{self.connection}|{self.store}|{normalise(self.courier)}"

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.tracking_url and "{number}" not in self.tracking_url:
            raise ValueError("tracking_url needs {number}")
        return self


TABLES: MappingProxyType[str, type[Row]] = MappingProxyType(
    {
        "customers": CustomerRow,
        "tax_codes": TaxRow,
        "warehouses": WarehouseRow,
        "posting_rules": PostingRow,
        "charges": ChargeRow,
        "required_fields": FieldRow,
        "sku_aliases": AliasRow,
        "carriers": CarrierRow,
        "phrases": PhraseRow,
    }
)
