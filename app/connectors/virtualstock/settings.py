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
    """`id`: the number at the end of its `customers` URL. `supplier_reference`: where the sales order's number goes:
    the acknowledgement's comment, the SFTP acknowledgement, or nowhere but the screen (virtualstock.md 6.2, 9.1).
    `ack_required`: what an acknowledgement must hold; one that lacks it parks. `ack_sub_status`, `fulfillment_route`: sent where given.
    `comments`: whether the retailer takes any; none is sent where not. `tells_dates`: whether acknowledgements tell when goods leave and
    arrive: `dispatch_days` working days after the order's own (`cut_off`, London time), `delivery_days` after that;
    `working_days`: 0 is Monday. `price_check`: whether its cost prices must be those of its account in the ERP, by
    `price_tolerance` a unit at most. `acknowledge_hours`: how long after its order the retailer waits for the acknowledgement.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: int = Field(ge=1)
    name: str = ""
    supplier_reference: Literal["ack_comment", "sftp_ack", "none"] = "none"
    ack_required: frozenset[FieldName] = frozenset()
    ack_sub_status: str = Field(default="", max_length=100)
    fulfillment_route: str = Field(default="", max_length=255)
    comments: bool = True
    tells_dates: bool = False
    cut_off: time = time(17)
    dispatch_days: int = Field(default=0, ge=0, le=60)
    delivery_days: int = Field(default=2, ge=0, le=60)
    working_days: frozenset[Annotated[int, Field(ge=0, le=6)]] = Field(
        default=frozenset({0, 1, 2, 3, 4}), min_length=1
    )
    holidays: frozenset[date] = frozenset()
    price_check: bool = True
    acknowledge_hours: float | None = Field(default=None, gt=0, le=720)
    price_tolerance: Decimal = Field(default=Decimal("0.00"), ge=0, le=1000, decimal_places=2)

    @property
    def calendar(self) -> Calendar:
        return Calendar(self.working_days, self.holidays, self.cut_off)


class VirtualstockSettings(BaseModel):
    """`base_url`: the root before `/restapi` and `/api`. `auth`: `basic` is going to be retired. `prefix` begins every
    probe key of this connection. `retailers`: our code -> retailer; the code stands before the retailer's reference in
    every number that people see. `push_username`, `push_password`: of those who push hints to us; without them nothing
    is accepted. `test_orders`: what becomes of orders that are marked so. `requests_per_minute`: the account's limit,
    which others of the house may share (virtualstock.md 4). `number_prefix`: put before Sage's numbers, for one of several
    companies that sell through the account. `outgoing_dir`: where acknowledgements by SFTP are laid.
    `change_window`: its lists show 73 hours, as v3's do, so that
    they are asked for again and again, back to the last walk. `acknowledged_since`: orders from this day on are posted also where somebody else acknowledged them; those from the
    first start on where it is not given.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: AnyHttpUrl
    username: str = Field(min_length=1)
    password: SecretStr = Field(min_length=1)
    auth: Literal["jwt", "basic"] = "jwt"
    prefix: str = Field(pattern=r"^[A-Z0-9]{1,7}$")
    retailers: dict[RetailerCode, Retailer] = Field(min_length=1)
    push_username: str = ""
    push_password: SecretStr = SecretStr("")
    test_orders: Literal["hold", "post"] = "hold"
    timeout_seconds: float = Field(default=15.0, gt=0, le=300)
    page_size: int = Field(default=100, ge=1, le=1000)
    requests_per_minute: float = Field(default=250.0, gt=0, le=10_000)
    dispatch_origin: Literal["erp", "channel"] = "erp"
    number_prefix: str = Field(default="", pattern=r"^[A-Za-z0-9-]{0,10}$")
    outgoing_dir: Path | None = None
    change_window: bool = False
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
