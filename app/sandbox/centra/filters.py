"""`where`, `sort`, `limit` and `page` of orders, applied to the stored documents without copying them."""

import base64
import binascii
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from graphql import GraphQLError

from app.sandbox.centra import dates
from app.sandbox.centra.shop import COUNTRIES, CURRENCIES, find_store
from app.sandbox.mirror import Doc

Test = Callable[[Doc], bool]
SORT_KEYS: dict[str, Callable[[Doc], Any]] = {
    "id": lambda order: order["id"],
    "number": lambda order: order["number"],
    "orderDate": lambda order: order["created_at"],
    "createdAt": lambda order: order["created_at"],
    "updatedAt": lambda order: order["updated_at"],
}


@dataclass(frozen=True, slots=True)
class Readers:
    """What the fields of a filter read; `ranges` are of moments in the kept form, or of none."""

    lists: dict[str, Callable[[Doc], Any]]
    equals: dict[str, Callable[[Doc], Any]]
    ranges: dict[str, Callable[[Doc], str | None]]


ORDERS = Readers(
    lists={
        "id": lambda order: order["id"],
        "number": lambda order: order["number"],
        "status": lambda order: order["status"],
        "storeId": lambda order: order["store"],
        "marketId": lambda order: find_store(order["store"]).market_id,
        "pricelistId": lambda order: find_store(order["store"]).pricelist_id,
        "currencyId": lambda order: CURRENCIES[order["currency"]].id,
        "countryId": lambda order: COUNTRIES[order["country"]].id,
        "customerId": lambda order: order.get("customer", {}).get("id"),
        "accountId": lambda order: order.get("account", {}).get("id"),
        "buyerId": lambda order: order.get("buyer", {}).get("id"),
        "deliveryWindowId": lambda order: (order.get("delivery_window") or {}).get("id"),
        "orderHoldReason": lambda order: order["hold"],
    },
    equals={
        "storeType": lambda order: find_store(order["store"]).type,
        "isLocked": lambda order: order["locked"],
        "isOnHold": lambda order: order["hold"] is not None,
        "isWaitingForPayment": lambda order: order["hold"] == "WAITING_FOR_PAYMENT",
        "isInternal": lambda order: order["internal"],
    },
    ranges={
        "createdAt": lambda order: str(order["created_at"]),
        "orderDate": lambda order: str(order["created_at"]),
        "updatedAt": lambda order: str(order["updated_at"]),
        "cancelDate": lambda order: order.get("cancel_date"),
    },
)
SHIPMENTS = Readers(
    lists={
        "id": lambda pair: pair["shipment"]["id"],
        "number": lambda pair: pair["shipment"]["number"],
        "trackingNumber": lambda pair: pair["shipment"]["info"].get("trackingNumber"),
        "orderId": lambda pair: pair["order"]["id"],
        "storeId": lambda pair: pair["order"]["store"],
    },
    equals={
        "storeType": lambda pair: find_store(pair["order"]["store"]).type,
        "isGoodToGo": lambda pair: pair["shipment"]["good_to_go"],
        "isOnHold": lambda pair: pair["order"]["hold"] is not None,
        "isPaid": lambda pair: pair["shipment"]["paid_at"] is not None,
        "isCaptured": lambda pair: pair["shipment"]["captured_at"] is not None,
        "isShipped": lambda pair: pair["shipment"]["shipped_at"] is not None,
    },
    ranges={
        "createdAt": lambda pair: pair["shipment"]["created_at"],
        "updatedAt": lambda pair: pair["shipment"]["updated_at"],
        "shippedAt": lambda pair: pair["shipment"]["shipped_at"],
        "paidAt": lambda pair: pair["shipment"]["paid_at"],
        "capturedAt": lambda pair: pair["shipment"]["captured_at"],
    },
)
"""Of a shipment with its order."""


def compile_filter(where: Doc | None, zone: ZoneInfo, now: datetime, readers: Readers = ORDERS) -> Test:
    """All of the fields given, those that `negate` names turned round. A null is as good as an absence. Raises
    GraphQLError for a date that is none, and for a name that is no field.
    """
    wanted = {name: value for name, value in (where or {}).items() if value is not None}
    negated = set(wanted.pop("negate", ()))
    unknown = negated - {*readers.lists, *readers.equals, *readers.ranges}
    if unknown:
        raise GraphQLError(f"Unknown field to negate: {', '.join(sorted(unknown))}.")
    tests = [
        _turn(_compile_one(name, value, (zone, now), readers), turned=name in negated)
        for name, value in wanted.items()
    ]
    return lambda doc: all(test(doc) for test in tests)


def _turn(test: Test, *, turned: bool) -> Test:
    return lambda doc: test(doc) is not turned


def _compile_one(name: str, wanted: Any, here: tuple[ZoneInfo, datetime], readers: Readers) -> Test:
    if name in readers.lists:
        read, allowed = readers.lists[name], set(wanted)
        return lambda doc: read(doc) in allowed
    if name in readers.equals:
        equal = readers.equals[name]
        return lambda doc: bool(equal(doc) == wanted)
    moment = readers.ranges[name]
    low, high = (read_date(wanted.get(edge), *here) for edge in ("from", "to"))

    def lies_between(doc: Doc) -> bool:
        value = moment(doc)
        return value is not None and (low is None or low <= value) and (high is None or value <= high)

    return lies_between


def read_date(text: object, zone: ZoneInfo, now: datetime) -> str | None:
    try:
        return None if text is None else dates.read(str(text), zone, now)
    except ValueError as error:
        raise GraphQLError(str(error)) from None


def sort_orders(orders: Iterable[Doc], keys: list[str] | None) -> list[Doc]:
    """Without a key: newest first, as the admin pages list them."""
    ordered = sorted(orders, key=SORT_KEYS["number"], reverse=not keys)
    for key in reversed(keys or []):
        name, _, way = key.rpartition("_")
        ordered.sort(key=SORT_KEYS[name], reverse=way == "DESC")
    return ordered


def cut_page(items: list[Doc], limit: int, page: int) -> list[Doc]:
    check_limit(limit)
    if page < 1:
        raise GraphQLError("page must be 1 or more.")
    return items[(page - 1) * limit : page * limit]


def check_limit(limit: int, name: str = "limit") -> None:
    if not 1 <= limit <= 200:
        raise GraphQLError(f"{name} must be between 1 and 200.")


def write_cursor(order: Doc) -> str:
    return base64.b64encode(f"number:{order['number']}".encode()).decode()


def read_cursor(cursor: str) -> int:
    try:
        key, _, number = base64.b64decode(cursor, validate=True).decode().partition(":")
        if key == "number":
            return int(number)
    except (binascii.Error, UnicodeDecodeError, ValueError):
        pass
    raise GraphQLError("Invalid cursor.")
