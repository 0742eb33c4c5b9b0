"""The fields of a supplier's action, one line of it (virtualstock.md 6.4)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from app.sandbox.mirror import Doc
from app.sandbox.virtualstock import refusal
from app.sandbox.virtualstock.retailers import Retailer

LENGTHS: Mapping[str, int] = MappingProxyType(
    {
        "part_number": 255,
        "line_ref": 100,
        "sub_status": 100,
        "fulfillment_route": 255,
        "comment": 255,
        "carrier": 255,
        "tracking_number": 100,
        "tracking_url": 255,
    }
)
REQUIRED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "acknowledge": (),
        "backorder": ("sub_status", "supplier_dispatch_date"),
        "dispatch": ("carrier", "tracking_number", "supplier_dispatch_date"),
        "cancel_acknowledge": (),
        "return_acknowledge": (),
    }
)
DATES = ("supplier_dispatch_date", "supplier_delivery_date")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
DAY = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True, slots=True)
class Sent:
    """`told`: the item as it was sent, for the history and for people."""

    part_number: str
    line_ref: str
    quantity: int
    carrier: str = ""
    told: Doc = field(default_factory=dict)


def check_fields(action: str, item: Any, retailer: Retailer) -> Sent:
    """Raises Refused with the first thing that is wrong."""
    if not isinstance(item, dict):
        raise refusal.invalid("Validation error: an item must be an object")
    for name in ("part_number", "line_ref", "quantity", *REQUIRED[action]):
        if item.get(name) in (None, ""):
            raise refusal.field(name, "This field is required.")
    for name, most in LENGTHS.items():
        _check_text(name, item, most)
    _check_dates(action, item)
    _check_habits(action, item, retailer)
    return Sent(
        item["part_number"],
        item["line_ref"],
        _quantity(item["quantity"]),
        str(item.get("carrier") or ""),
        item,
    )


def _check_text(name: str, item: Doc, most: int) -> None:
    value = item.get(name)
    if value is None:
        return
    if name == "tracking_number" and isinstance(value, int) and not isinstance(value, bool):
        return  # the samples send one so
    if not isinstance(value, str):
        raise refusal.field(name, "Not a valid string.")
    if len(value) > most:
        raise refusal.field(name, f"Ensure this field has no more than {most} characters.")


def _check_dates(action: str, item: Doc) -> None:
    shape, form = (DAY, "YYYY-MM-DD") if action == "dispatch" else (MOMENT, "YYYY-MM-DDThh:mm:ss")
    for name in DATES:
        value = item.get(name)
        if value is None:
            continue
        if not isinstance(value, str) or not shape.fullmatch(value) or not _exists(value):
            raise refusal.field(name, f"Date has wrong format. Use one of these formats instead: {form}.")


def _exists(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _check_habits(action: str, item: Doc, retailer: Retailer) -> None:
    if action == "acknowledge":
        for name in retailer.required:
            if not item.get(name):
                raise refusal.field(name, "This field is required.")
        _check_choice("sub_status", item, retailer.ack_sub_statuses)
    if action == "backorder":
        _check_choice("sub_status", item, retailer.backorder_sub_statuses)
        if retailer.backorder_needs_delivery and not item.get("supplier_delivery_date"):
            raise refusal.field("supplier_delivery_date", "This field is required.")
    if action in {"acknowledge", "backorder"}:
        _check_choice("fulfillment_route", item, retailer.routes)
    refused = retailer.comments == "none" or (
        retailer.comments == "not_on_backorder" and action == "backorder"
    )
    if refused and item.get("comment"):
        raise refusal.invalid("Validation error: Comments are not allowed for this retailer")


def _check_choice(name: str, item: Doc, allowed: tuple[str, ...]) -> None:
    value = item.get(name)
    if value and value not in allowed:
        raise refusal.field(name, f'"{value}" is not a valid choice.')


def _quantity(value: Any) -> int:
    """Whole and above zero; the samples send text as well."""
    text = str(value)
    if isinstance(value, bool) or not re.fullmatch(r"-?\d{1,9}", text):
        raise refusal.field("quantity", "A valid integer is required.")
    if int(text) <= 0:
        raise refusal.invalid("Validation error: quantity value can't be less or equal zero")
    return int(text)
