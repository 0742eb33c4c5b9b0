"""What all mapping tables share: the words their rows are written in, and a row's identity."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from app.domain.lanes import normalise
from app.domain.zones import ZONES

ANY = "*"


Text = Annotated[str, StringConstraints(pattern=r"^[^|\x00-\x1f\x7f]*$", max_length=200)]
Word = Annotated[Text, StringConstraints(min_length=1)]
Code = Annotated[Word, AfterValidator(normalise)]
Connection = Annotated[str, StringConstraints(pattern=r"^([a-z0-9_]+|\*)$")]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Origin = Annotated[str, StringConstraints(pattern=r"^([A-Z]{2}|\*)$")]
Place = Annotated[str, StringConstraints(pattern=rf"^([A-Z]{{2}}|{'|'.join(sorted(ZONES))}|\*)$")]
Percent = Annotated[Decimal, Field(ge=0, le=100, decimal_places=2)]
Amount = Annotated[Decimal, Field(decimal_places=3)]
TaxCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,5}$")]
Buyer = Literal["consumer", "business", "any"]
Source = Literal[
    "connection",
    "store",
    "market",
    "country",
    "currency",
    "account",
    "payment_method",
    "purchase_order",
    "ref",
    "channel_id",
]
"""What of an order may be copied into an analysis field: nothing personal."""


class Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    @property
    def key(self) -> str:
        """Which row this is: two rows of a table with one key are the same row."""
        raise NotImplementedError


class Dated(Row):
    """Both days belong to the time in which the row holds; None is without end."""

    valid_from: date | None = None
    valid_to: date | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.valid_from and self.valid_to and self.valid_to < self.valid_from:
            raise ValueError("valid_to is before valid_from")
        return self

    def holds_on(self, day: date) -> bool:
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_to is None or day <= self.valid_to
        )
