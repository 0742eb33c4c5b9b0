"""What one account at Virtualstock needs to know, and the habits of each retailer that it serves."""

from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field, SecretStr, model_validator

from app.domain.calendar import Calendar

RetailerCode = Annotated[
    str, Field(pattern=r"^([A-QS-Z0-9][A-Z0-9]{0,6}|R|R[A-Z0-9]{0,5}[A-Z][A-Z0-9]{0,5})$", max_length=7)
]
"""Never R and digits alone: that is how orders of unknown retailers are called."""
FieldName = Literal[
    "sub_status", "fulfillment_route", "supplier_dispatch_date", "supplier_delivery_date", "comment"
]


class Retailer(BaseModel):
    """The habits of one retailer. `id`: the number at the end of its `customers` URL."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: int = Field(ge=1)
    name: str = ""
    # Where the sales order's number goes: the acknowledgement's comment, the SFTP acknowledgement, or nowhere but the
    # screen (virtualstock.md 6.2, 9.1).
    supplier_reference: Literal["ack_comment", "sftp_ack", "none"] = "none"
    # What an acknowledgement must hold; one that lacks it parks.
    ack_required: frozenset[FieldName] = frozenset()
    # Sent where given.
    ack_sub_status: str = Field(default="", max_length=100)
    fulfillment_route: str = Field(default="", max_length=255)
    # Whether the retailer takes any; none is sent where not.
    comments: bool = True
    # Whether acknowledgements tell when goods leave and arrive: `dispatch_days` working days after the order's own
    # (`cut_off`, London time), `delivery_days` after that. In `working_days` 0 is Monday.
    tells_dates: bool = False
    cut_off: time = time(17)
    dispatch_days: int = Field(default=0, ge=0, le=60)
    delivery_days: int = Field(default=2, ge=0, le=60)
    working_days: frozenset[Annotated[int, Field(ge=0, le=6)]] = Field(
        default=frozenset({0, 1, 2, 3, 4}), min_length=1
    )
    holidays: frozenset[date] = frozenset()
    # Whether its cost prices must be those of its account in the ERP, by `price_tolerance` a unit at most.
    price_check: bool = True
    price_tolerance: Decimal = Field(default=Decimal("0.00"), ge=0, le=1000, decimal_places=2)
    # How long after its order the retailer waits for the acknowledgement.
    acknowledge_hours: float | None = Field(default=None, gt=0, le=720)

    @property
    def calendar(self) -> Calendar:
        return Calendar(self.working_days, self.holidays, self.cut_off)


class VirtualstockSettings(BaseModel):
    """One account. `base_url`: the root before `/restapi` and `/api`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: AnyHttpUrl
    username: str = Field(min_length=1)
    password: SecretStr = Field(min_length=1)
    # `basic` is going to be retired.
    auth: Literal["jwt", "basic"] = "jwt"
    # Begins every probe key of this connection.
    prefix: str = Field(pattern=r"^[A-Z0-9]{1,7}$")
    # Our code -> retailer; the code stands before the retailer's reference in every number that people see.
    retailers: dict[RetailerCode, Retailer] = Field(min_length=1)
    # Of those who push hints to us; without them nothing is accepted.
    push_username: str = ""
    push_password: SecretStr = SecretStr("")
    # What becomes of orders that are marked so.
    test_orders: Literal["hold", "post"] = "hold"
    timeout_seconds: float = Field(default=15.0, gt=0, le=300)
    page_size: int = Field(default=100, ge=1, le=1000)
    # The account's limit, which others of the house may share (virtualstock.md 4).
    requests_per_minute: float = Field(default=250.0, gt=0, le=10_000)
    dispatch_origin: Literal["erp", "channel"] = "erp"
    # Put before Sage's numbers, for one of several companies that sell through the account.
    number_prefix: str = Field(default="", pattern=r"^[A-Za-z0-9-]{0,10}$")
    # Where acknowledgements by SFTP are laid.
    outgoing_dir: Path | None = None
    # Its lists show 73 hours, as v3's do, so that they are asked for again and again, back to the last walk.
    change_window: bool = False
    # Orders from this day on are posted also where somebody else acknowledged them; those from the first start on where
    # it is not given.
    acknowledged_since: date | None = None

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        ids = [retailer.id for retailer in self.retailers.values()]
        if len(set(ids)) < len(ids):
            raise ValueError("retailers: two codes have one id")
        if bool(self.push_username) != bool(self.push_password.get_secret_value()):
            raise ValueError("push_username and push_password go together")
        filing = [code for code, one in self.retailers.items() if one.supplier_reference == "sftp_ack"]
        if filing and self.outgoing_dir is None:
            raise ValueError(f"retailer {filing[0]} has supplier_reference sftp_ack: give outgoing_dir")
        return self

    @property
    def ships_itself(self) -> bool:
        return self.dispatch_origin == "channel"

    @property
    def root(self) -> str:
        return str(self.base_url).rstrip("/")

    def code_of(self, retailer_id: int) -> str | None:
        return next((code for code, one in self.retailers.items() if one.id == retailer_id), None)
