"""Sage's records as they travel. Read: unknown fields ignored, nulls as absent. Written: lengths of sage200.md 9."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

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
    product_status_type: str = ""
    allow_sales_order: bool = True

    @property
    def active(self) -> bool:
        """The literal is not known, only its label "Inactive" (sage200.md 8)."""
        return self.allow_sales_order and "inactive" not in self.product_status_type.lower()


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


class Sent(BaseModel):
    """A record that we send. Sage refuses what is too long and every null (sage200.md 5): empty fields stay out."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class AddressSent(Sent):
    postal_name: str | None = Field(default=None, max_length=60)
    address_1: str | None = Field(default=None, max_length=60)
    address_2: str | None = Field(default=None, max_length=60)
    address_3: str | None = Field(default=None, max_length=60)
    address_4: str | None = Field(default=None, max_length=60)
    city: str | None = Field(default=None, max_length=60)
    county: str | None = Field(default=None, max_length=60)
    postcode: str | None = Field(default=None, max_length=10)
    country: str | None = Field(default=None, max_length=60)
    contact: str | None = Field(default=None, max_length=235)
    telephone_number: str | None = Field(default=None, max_length=30)
    email_address: str | None = Field(default=None, max_length=255)
    country_code_id: int | None = None


class LineSent(Sent):
    """Which fields a line type takes: sage200.md 9.2. A charge has no quantity."""

    line_type: str
    product_id: int | None = None
    warehouse_id: int | None = None
    code: str | None = Field(default=None, max_length=20)
    description: str | None = Field(default=None, max_length=6000)
    line_quantity: Amount | None = None
    to_allocate_quantity: Amount | None = None
    selling_unit_price: Amount
    selling_unit_price_overridden: bool | None = None
    tax_code_id: int
    nominal_reference: str | None = Field(default=None, max_length=8)
    nominal_cost_centre: str | None = Field(default=None, max_length=3)
    nominal_department: str | None = Field(default=None, max_length=3)


class OrderSent(Sent):
    customer_id: int
    document_date: str
    customer_document_no: str = Field(min_length=1, max_length=20)
    is_editing: bool = False
    use_invoice_address: bool = False
    delivery_address: AddressSent
    lines: tuple[LineSent, ...] = Field(min_length=1)
    spare: Annotated[str, Field(max_length=100)] = ""
    analysis: dict[Annotated[int, Field(ge=1, le=20)], Annotated[str, Field(min_length=1, max_length=60)]] = (
        Field(default_factory=dict)
    )
