"""Sage's records as they travel. Read: unknown fields ignored, nulls as absent. Written: lengths of sage200.md 9."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from app.domain.errors import DestinationError


class Wire(BaseModel):
    """A record that Sage sent; `null` counts as absent."""

    model_config = ConfigDict(
        extra="ignore", frozen=True, coerce_numbers_to_str=True, hide_input_in_errors=True
    )

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, row: Any) -> Any:
        return (
            {name: value for name, value in row.items() if value is not None}
            if isinstance(row, dict)
            else row
        )


R = TypeVar("R", bound=Wire)


def read(model: type[R], rows: Iterable[Mapping[str, Any]]) -> list[R]:
    """Raises DestinationError for a record of another shape: nothing may be concluded from it."""
    try:
        return [model.model_validate(row) for row in rows]
    except ValidationError as error:
        raise DestinationError(f"Sage sent a record that cannot be read: {error}") from error


class Record(Wire):
    id: int


class CustomerRow(Record):
    reference: str
    currency_id: int = 0
    on_hold: bool = False


class ProductRow(Record):
    code: str
    barcode: str = ""
    product_group_id: int = 0
    tax_code_id: int = 0
    product_status_type: str = ""
    allow_sales_order: bool = True

    @property
    def active(self) -> bool:
        """The literal is not known, only its label "Inactive" (sage200.md 8)."""
        return self.allow_sales_order and "inactive" not in self.product_status_type.lower()


class GroupRow(Wire):
    id: int
    code: str


class TaxRow(Wire):
    id: int
    code: str
    tax_rate: Decimal


class WarehouseRow(Wire):
    id: int
    name: str
    use_for_sales_trading: bool = True


class ChargeRow(Wire):
    id: int
    code: str


class CountryRow(Wire):
    id: int
    code: str


class NominalRow(Wire):
    reference: str
    cost_centre_code: str = ""
    department_code: str = ""


class _Iso(Wire):
    code: str = ""


class CurrencyRow(Wire):
    id: int
    currency_iso_code: _Iso = _Iso()


class AnalysisRow(Wire):
    class_name: str = ""
    property_name: str = ""
    slot: int = 0
    is_mandatory: bool = False
    is_read_only: bool = False


class SettingsRow(Wire):
    auto_generate_order_return_numbers: bool = True
    are_prices_tax_inclusive: bool = False
    allocate_stock_on_order_entry: bool = True
    amend_nominal_codes: bool = True
    amend_header_analysis_codes: bool = True
    record_cancelled_order_lines: bool = False


class LineRow(Wire):
    line_type: str = ""
    code: str = ""
    line_quantity: Decimal = Decimal(0)


class OrderRow(Wire):
    """`lines` and the totals are None where the answer left them out. `trace`: our spare field, put in by the reader."""

    id: int
    document_no: str = ""
    customer_document_no: str = ""
    document_status: str = ""
    is_draft: bool = False
    total_net_value: Decimal | None = None
    total_tax_value: Decimal | None = None
    total_gross_value: Decimal | None = None
    lines: tuple[LineRow, ...] | None = None
    trace: str = ""


class ViewRow(Wire):
    """A row of `sop_order_return_views`: orders, returns, quotes and pro formas alike."""

    id: int
    document_no: str = ""
    customer_document_no: str = ""
    document_status_id: int | None = None
    total_net_value: Decimal = Decimal(0)
    total_tax_value: Decimal = Decimal(0)
    total_gross_value: Decimal = Decimal(0)


def _plain(value: Any) -> Any:
    """No exponent on the wire: `Decimal("1E+2")` goes as 100."""
    return Decimal(format(value, "f")) if isinstance(value, Decimal) else value


Amount = Annotated[Decimal, BeforeValidator(_plain), Field(allow_inf_nan=False, decimal_places=5)]


def _fits(value: str, most: int) -> str:
    """Sage counts as its database does, in UTF-16 units: an emoji is two."""
    units = len(value.encode("utf-16-le", "surrogatepass")) // 2
    if units > most:
        raise ValueError(f"{units} characters, {most} at most")
    return value


Text3 = Annotated[str, AfterValidator(partial(_fits, most=3))]
Text8 = Annotated[str, AfterValidator(partial(_fits, most=8))]
Text10 = Annotated[str, AfterValidator(partial(_fits, most=10))]
Text20 = Annotated[str, AfterValidator(partial(_fits, most=20))]
Text30 = Annotated[str, AfterValidator(partial(_fits, most=30))]
Text60 = Annotated[str, AfterValidator(partial(_fits, most=60))]
Text100 = Annotated[str, AfterValidator(partial(_fits, most=100))]
Text235 = Annotated[str, AfterValidator(partial(_fits, most=235))]
Text255 = Annotated[str, AfterValidator(partial(_fits, most=255))]
Text256 = Annotated[str, AfterValidator(partial(_fits, most=256))]
Text6000 = Annotated[str, AfterValidator(partial(_fits, most=6000))]


class Sent(BaseModel):
    """A record that we send. Sage refuses what is too long and every null (sage200.md 5): empty fields stay out."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class AddressSent(Sent):
    postal_name: Text60 | None = None
    address_1: Text60 | None = None
    address_2: Text60 | None = None
    address_3: Text60 | None = None
    address_4: Text60 | None = None
    city: Text60 | None = None
    county: Text60 | None = None
    postcode: Text10 | None = None
    country: Text60 | None = None
    contact: Text235 | None = None
    telephone_number: Text30 | None = None
    email_address: Text255 | None = None
    country_code_id: int | None = None


class LineSent(Sent):
    """Which fields a line type takes: sage200.md 9.2. A charge has no quantity."""

    line_type: str
    product_id: int | None = None
    warehouse_id: int | None = None
    code: Text20 | None = None
    description: Text6000 | None = None
    line_quantity: Amount | None = None
    to_allocate_quantity: Amount | None = None
    selling_unit_price: Amount
    selling_unit_price_overridden: bool | None = None
    tax_code_id: int
    nominal_reference: Text8 | None = None
    nominal_cost_centre: Text3 | None = None
    nominal_department: Text3 | None = None


class OrderSent(Sent):
    customer_id: int
    document_date: str
    requested_delivery_date: str | None = None
    promised_delivery_date: str | None = None
    customer_document_no: Annotated[Text20, Field(min_length=1)]
    is_editing: bool = False
    use_invoice_address: bool = False
    delivery_address: AddressSent
    lines: tuple[LineSent, ...] = Field(min_length=1)
    spare: Text100 = ""
    analysis: dict[Annotated[int, Field(ge=1, le=20)], Annotated[Text60, Field(min_length=1)]] = Field(
        default_factory=dict
    )
