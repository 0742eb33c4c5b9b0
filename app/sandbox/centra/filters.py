"""`where`, `sort`, `limit` and `page` of orders, applied to the stored documents without copying them."""

import base64
import binascii
from collections.abc import Callable, Iterable
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
LISTS: dict[str, Callable[[Doc], Any]] = {
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
    "orderHoldReason": lambda order: order["hold"],
}
EQUALS: dict[str, Callable[[Doc], Any]] = {
    "storeType": lambda order: find_store(order["store"]).type,
    "isLocked": lambda order: order["locked"],
    "isOnHold": lambda order: order["hold"] is not None,
    "isWaitingForPayment": lambda order: order["hold"] == "WAITING_FOR_PAYMENT",
    "isInternal": lambda order: order["internal"],
}
RANGES: dict[str, Callable[[Doc], str]] = {
    "createdAt": lambda order: str(order["created_at"]),
    "orderDate": lambda order: str(order["created_at"]),
    "updatedAt": lambda order: str(order["updated_at"]),
}


def compile_filter(where: Doc | None, zone: ZoneInfo, now: datetime) -> Test:
    """All of the fields given. A null is as good as an absence. Raises GraphQLError for a date that is none."""
    tests: list[Test] = []
    for name, wanted in (where or {}).items():
        if wanted is not None:
            tests.append(_compile_one(name, wanted, zone, now))
    return lambda order: all(test(order) for test in tests)


def _compile_one(name: str, wanted: Any, zone: ZoneInfo, now: datetime) -> Test:
    if name in LISTS:
        read, allowed = LISTS[name], set(wanted)
        return lambda order: read(order) in allowed
    if name in EQUALS:
        equal = EQUALS[name]
        return lambda order: equal(order) == wanted
    if name == "negate":
        inner = compile_filter(wanted, zone, now)
        return lambda order: not inner(order)
    moment = RANGES[name]
    low, high = (read_date(wanted.get(edge), zone, now) for edge in ("from", "to"))
    return lambda order: (low is None or low <= moment(order)) and (high is None or moment(order) <= high)


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
