"""A shopper's checkout: from a wish to an order."""

import hashlib
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from app.sandbox.centra import arithmetic, catalogue, dates
from app.sandbox.centra.announce import announce_order
from app.sandbox.centra.desk import Desk, tell_news
from app.sandbox.centra.lines import Basket
from app.sandbox.centra.money import NOTHING, parse_money
from app.sandbox.centra.payments import add_entry
from app.sandbox.centra.ship import ship_rest
from app.sandbox.centra.shop import (
    ADDRESS,
    COUNTRIES,
    CURRENCIES,
    HOLD_REASONS,
    ORDER,
    STATUSES,
    WHOLESALE,
    Store,
    find_store,
)
from app.sandbox.mirror import Doc
from app.sandbox.store import Change

WISHES = frozenset(
    {
        "store",
        "lines",
        "vouchers",
        "voucher_on_growth",
        "shipping",
        "handling",
        "address",
        "billing",
        "customer",
        "account",
        "buyer",
        "purchase_order_number",
        "delivery_window",
        "cancel_date",
        "country",
        "tax",
        "status",
        "hold",
        "internal",
        "comment",
        "internal_comment",
        "payment",
        "gift_card",
    }
)
VOUCHERS = {
    "percent": "AppliedVoucherDiscount",
    "amount": "AppliedVoucherDiscount",
    "free_shipping": "AppliedVoucherFreeShipping",
    "credit": "AppliedVoucherCredit",
    "admin": "AdminDiscount",
}


def place_order(desk: Desk, wish: dict[str, Any]) -> Doc:
    """Raises ValueError for a wish that no checkout would take, and for a key that it does not know."""
    unknown = set(wish) - WISHES
    if unknown:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
    store = find_store(wish.get("store", 1))
    country = wish.get("country", store.country)
    if country not in COUNTRIES:
        raise ValueError(f"no country {country}")
    change = desk.change
    order = _write_head(desk, wish, store, country)
    order["lines"] = Basket(change, store.currency, country).fill(wish["lines"])
    order["voucher_on_growth"] = wish.get("voucher_on_growth", desk.switch("voucher_on_growth"))
    order["created_at"] = order["updated_at"] = desk.moment
    for raw in wish.get("vouchers", []):
        add_voucher(order, raw)
    _set_status(order, wish, autoconfirm=desk.switch("autoconfirm"))
    _write_payments(change, order, wish)
    for line in arithmetic.counted_lines(order):
        catalogue.allocate(change, line, line["quantity"])
    if desk.switch("direct_to_shipment") and order["status"] == "CONFIRMED" and not order["hold"]:
        ship_rest(desk, order, shipped=False)
    if order["lines"][0]["gift_certificate"]:
        ship_rest(desk, order, shipped=True)
    change.put(ORDER, order["number"], order)
    announce_order(change, order, "CREATED", order["created_at"])
    tell_news(desk, order)
    return order


def add_voucher(order: Doc, raw: dict[str, Any]) -> None:
    """`raw`: code, name and one of percent, amount, credit, admin (amounts) or free_shipping."""
    kinds = [kind for kind in VOUCHERS if kind in raw]
    if len(kinds) != 1:
        raise ValueError(f"a voucher is exactly one of {', '.join(VOUCHERS)}")
    kind = kinds[0]
    percent = Decimal(str(raw.get("percent", 0)))
    if not 0 <= percent <= 100:
        raise ValueError(f"{percent} percent off")
    voucher = {
        "type": VOUCHERS[kind],
        "kind": kind,
        "code": raw.get("code"),
        "name": raw.get("name") or raw.get("code") or kind,
        "percent": str(percent),
        "amount": str(parse_money(raw[kind])) if kind in {"amount", "credit", "admin"} else "0.00",
        "date": order["created_at"],
        "shares": {},
    }
    order["vouchers"].append(voucher)
    voucher["shares"] = arithmetic.share_voucher(order, voucher)


def read_address(raw: dict[str, Any], country: str) -> Doc:
    unknown = set(raw) - {*ADDRESS, "country"}
    if unknown:
        raise ValueError(f"unknown in an address: {', '.join(sorted(unknown))}")
    return {**raw, "country": raw.get("country", country)}


def _write_head(desk: Desk, wish: dict[str, Any], store: Store, country: str) -> Doc:
    number = desk.change.next_id(ORDER, 20001)
    address = read_address(wish.get("address", {}), country)
    if wish.get("tax", arithmetic.INCLUDED) not in {
        arithmetic.INCLUDED,
        arithmetic.ADDED,
        arithmetic.DEDUCTED,
    }:
        raise ValueError(f"tax is included, added or deducted, not {wish['tax']}")
    if wish.get("hold") not in {None, *HOLD_REASONS}:
        raise ValueError(f"no hold reason {wish['hold']}")
    head = {
        "number": number,
        "id": hashlib.sha256(f"centra order {number}".encode()).hexdigest()[:32],
        "store": store.id,
        "country": country,
        "currency": store.currency,
        "rate": str(CURRENCIES[store.currency].rate),
        "tax_mode": wish.get("tax", arithmetic.INCLUDED),
        "hold": wish.get("hold"),
        "locked": False,
        "internal": bool(wish.get("internal", False)),
        "comment": wish.get("comment"),
        "internal_comment": wish.get("internal_comment"),
        "address": address,
        "billing": read_address(wish["billing"], country) if "billing" in wish else address,
        "shipping": str(parse_money(wish.get("shipping", 0))),
        "handling": str(parse_money(wish.get("handling", 0))),
        "vouchers": [],
        "shipments": [],
        "shipment_count": 0,
        "payments": [],
        "requests": [],
        "declines": 0,
        "created_at": None,
        "readable_at": None,
    }
    return {**head, **_write_parties(desk, wish, store, address)}


def _write_parties(desk: Desk, wish: dict[str, Any], store: Store, address: Doc) -> Doc:
    if store.type == WHOLESALE:
        account = {"id": 71, "name": address.get("companyName") or "Trade account", **wish.get("account", {})}
        buyer = {"id": 81, "email": address.get("email"), **wish.get("buyer", {})}
        return {
            "account": account,
            "buyer": buyer,
            "purchase_order_number": wish.get("purchase_order_number"),
            "delivery_window": _read_window(desk.change, wish.get("delivery_window")),
            "cancel_date": _begin_day(desk, wish.get("cancel_date")),
        }
    customer = {
        "id": desk.change.next_id("centra.customer", 8841),
        "email": address.get("email") or "shopper@example.com",
        "firstName": address.get("firstName"),
        "lastName": address.get("lastName"),
        **wish.get("customer", {}),
    }
    return {"customer": customer}


def _read_window(change: Change, raw: dict[str, Any] | None) -> Doc | None:
    """`raw`: name, start, end (days), and an id where it shall be a known one."""
    if raw is None:
        return None
    unknown = set(raw) - {"id", "name", "start", "end"}
    if unknown:
        raise ValueError(f"unknown in a delivery window: {', '.join(sorted(unknown))}")
    id_ = raw.get("id") or change.next_id("centra.delivery_window", 31)
    start, end = _read_day(raw.get("start")), _read_day(raw.get("end"))
    if start and end and end < start:
        raise ValueError(f"a window from {start} to {end}")
    return {"id": id_, "name": raw.get("name") or f"Window {id_}", "start": start, "end": end}


def _read_day(raw: str | None) -> str | None:
    return None if raw is None else date.fromisoformat(raw).isoformat()


def _begin_day(desk: Desk, raw: str | None) -> str | None:
    """In the instance's zone."""
    day = _read_day(raw)
    return None if day is None else dates.read(day, ZoneInfo(desk.switch("zone")), desk.now)


def _set_status(order: Doc, wish: dict[str, Any], *, autoconfirm: bool) -> None:
    """Gift certificates hold nothing else and arrive shipped (centra.md 3.2)."""
    certificates = {line["gift_certificate"] for line in order["lines"]}
    if len(certificates) > 1:
        raise ValueError("a gift certificate is ordered alone")
    order["status"] = wish.get("status", "CONFIRMED" if autoconfirm else "PENDING")
    if order["status"] not in STATUSES:
        raise ValueError(f"no status {order['status']}")


def _write_payments(change: Change, order: Doc, wish: dict[str, Any]) -> None:
    """An order of nothing was never paid; wholesale is invoiced elsewhere; a gift card pays its part."""
    due = arithmetic.compute_figures(order).grand_total
    method = wish.get("payment", "adyen_drop_in")
    order["payment_method"] = None if not due or "account" in order else method
    if order["payment_method"] is None:
        return
    card = min(parse_money(wish.get("gift_card", 0)), due)
    waiting = order["hold"] == "WAITING_FOR_PAYMENT"
    if card > NOTHING:
        add_entry(change, order, "AUTH_GIFT_CARD", card, order["created_at"])
    if due > card:
        add_entry(change, order, "AUTH_PENDING" if waiting else "AUTH", due - card, order["created_at"])
