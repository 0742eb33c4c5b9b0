"""The stall's order in our words."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ValidationError

from app.domain.message import Violation
from app.domain.money import tax_within
from app.domain.order import Address, Line, Order, Standing, Totals, Unreadable


class WireLine(BaseModel):
    line: str
    sku: str
    units: int
    price: Decimal
    vat: Decimal


class WireOrder(BaseModel):
    ref: str
    state: str
    asked_to_cancel: bool
    version: datetime
    currency: str
    buyer: dict[str, str]
    lines: tuple[WireLine, ...]
    number: str
    parcels: tuple[dict[str, Any], ...]


def map_order(connection: str, ref: str, raw: dict[str, Any]) -> Order | Unreadable:
    try:
        wire = WireOrder.model_validate(raw)
    except ValidationError as error:
        fields = ", ".join(sorted({str(one["loc"][0]) for one in error.errors()}))
        return Unreadable(ref, (Violation("E-UNREADABLE", fields, "", "ask the stall"),))
    lines = tuple(
        Line(one.line, one.sku, one.sku, one.units, 0, one.price * one.units, one.vat) for one in wire.lines
    )
    gross = sum((line.gross for line in lines), Decimal(0))
    buyer = wire.buyer
    home = Address(
        name=buyer.get("name", ""),
        lines=(buyer.get("street", ""),),
        city=buyer.get("town", ""),
        postcode=buyer.get("postcode", ""),
        country="GB",
    )
    ended = wire.asked_to_cancel or wire.state == "cancelled"
    return Order(
        connection=connection,
        ref=ref,
        channel_id=ref,
        standing=Standing.CANCELLED if ended else Standing.RELEASABLE,
        hold_reason="",
        channel_status=wire.state,
        placed_at=wire.version,
        updated_at=wire.version,
        store="",
        market="",
        currency=wire.currency,
        country="GB",
        lines=lines,
        charges=(),
        discount=Decimal(0),
        totals=Totals(gross, sum((tax_within(line.gross, line.tax_rate) for line in lines), Decimal(0))),
        delivery=home,
        invoice=home,
    )
