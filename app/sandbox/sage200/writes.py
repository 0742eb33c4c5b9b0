"""What can be written beside orders: (resource, method, length of the path) -> how."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from app.sandbox.mirror import Doc
from app.sandbox.sage200 import addresses, couriers
from app.sandbox.sage200.despatch import change_note, confirm_despatch
from app.sandbox.sage200.despatch_sheets import CONFIRM, COURIER, CUSTOMER_ADDRESS, RECEIPT, TRACKING
from app.sandbox.sage200.lines import Entry
from app.sandbox.sage200.prices import enquire
from app.sandbox.sage200.ready import show_item
from app.sandbox.sage200.resources import show

Answer = tuple[Any, str]


@dataclass(frozen=True, slots=True)
class Write:
    """`do` answers what the caller is shown, None for nothing, and what history calls it. `body`: what it reads, None
    for nothing. `waits`: whether it can be made to wait for the lock on an order.
    """

    do: Callable[[Entry, str, Any], Answer]
    body: type[dict[str, Any]] | type[list[Any]] | None = dict
    waits: bool = False


def despatch(entry: Entry, _: str, body: Doc) -> Answer:
    """The body as it was obeyed: there is no despatch number in it (sage200.md 9.3)."""
    order, items, note = confirm_despatch(entry, body)
    wish = {name: body[name] for name in ("confirmation_intent_type",) if name in body}
    tracking = {**note, "sop_order_return_id": order["id"]}
    shown = {
        **show(CONFIRM, {"confirmation_intent_type": "ConfirmOnDespatch", **wish}),
        "sop_order_return_id": order["id"],
        "despatch_receipt_date": note["despatch_date"],
        "items": [show_item(entry.change, order, line, quantity) for line, quantity in items],
        "tracking_items": [show(TRACKING, tracking)] if body.get("tracking_items") else [],
    }
    return shown, order.get("customer_document_no", "")


def correct_note(entry: Entry, id_: str, body: Doc) -> Answer:
    note = change_note(entry, id_, body)
    return show(RECEIPT, note), note["despatch_no"]


def add_courier(entry: Entry, _: str, body: Doc) -> Answer:
    courier = couriers.add_courier(entry, body)
    return show(COURIER, courier), courier["name"]


def change_courier(entry: Entry, id_: str, body: Doc) -> Answer:
    courier = couriers.change_courier(entry, id_, body)
    return show(COURIER, courier), courier["name"]


def change_couriers(entry: Entry, _: str, body: list[Any]) -> Answer:
    return [show(COURIER, courier) for courier in couriers.change_couriers(entry, body)], ""


def remove_courier(entry: Entry, id_: str, _: None) -> Answer:
    couriers.remove_courier(entry, id_)
    return None, id_


def add_address(entry: Entry, _: str, body: Doc) -> Answer:
    address = addresses.add_address(entry, body)
    return show(CUSTOMER_ADDRESS, address), address["description"]


def change_address(entry: Entry, id_: str, body: Doc) -> Answer:
    address = addresses.change_address(entry, id_, body)
    return show(CUSTOMER_ADDRESS, address), address["description"]


def remove_address(entry: Entry, id_: str, _: None) -> Answer:
    addresses.remove_address(entry, id_)
    return None, id_


WRITES: Mapping[tuple[str, str, int], Write] = MappingProxyType(
    {
        ("sop_confirm_despatch", "POST", 1): Write(despatch, waits=True),
        ("sop_despatch_receipts", "PUT", 2): Write(correct_note),
        ("couriers", "POST", 1): Write(add_courier),
        ("couriers", "PUT", 1): Write(change_couriers, body=list),
        ("couriers", "PUT", 2): Write(change_courier),
        ("couriers", "DELETE", 2): Write(remove_courier, body=None),
        ("customer_price_enquiry", "POST", 1): Write(enquire),
        ("customer_delivery_addresses", "POST", 1): Write(add_address),
        ("customer_delivery_addresses", "PUT", 2): Write(change_address),
        ("customer_delivery_addresses", "DELETE", 2): Write(remove_address, body=None),
    }
)
