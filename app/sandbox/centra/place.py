"""A shopper's checkout: from a wish to an order."""

import hashlib
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.sandbox.centra import arithmetic, catalogue, dates
from app.sandbox.centra.announce import announce_order
from app.sandbox.centra.lines import Basket
from app.sandbox.centra.money import NOTHING, parse_money
from app.sandbox.centra.shop import (
    ADDRESS,
    COUNTRIES,
    CURRENCIES,
    HOLD_REASONS,
    STATUSES,
    WHOLESALE,
    Store,
    find_store,
)
from app.sandbox.mirror import Doc
from app.sandbox.store import Change

ORDER = "centra.order"
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


def place_order(
    change: Change, wish: dict[str, Any], now: datetime, *, autoconfirm: bool, direct: bool
) -> Doc:
    """Raises ValueError for a wish that no checkout would take, and for a key that it does not know."""
    unknown = set(wish) - WISHES
    if unknown:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
    store = find_store(wish.get("store", 1))
    country = wish.get("country", store.country)
    if country not in COUNTRIES:
        raise ValueError(f"no country {country}")
    order = _write_head(change, wish, store, country)
    order["lines"] = Basket(change, store.currency, country).fill(wish["lines"])
    order["voucher_on_growth"] = wish.get("voucher_on_growth", "all")
    order["created_at"] = order["updated_at"] = dates.keep(now)
    for raw in wish.get("vouchers", []):
        add_voucher(order, raw)
    _set_status(order, wish, autoconfirm=autoconfirm)
    _write_payments(change, order, wish)
    for line in arithmetic.counted_lines(order):
        catalogue.allocate(change, line, line["quantity"])
    if direct and order["status"] == "CONFIRMED" and not order["hold"]:
        ship_rest(change, order, shipped=False)
    if order["lines"][0]["gift_certificate"]:
        ship_rest(change, order, shipped=True)
    change.put(ORDER, order["number"], order)
    announce_order(change, order, "CREATED")
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


def ship_rest(change: Change, order: Doc, *, shipped: bool) -> None:
    """A shipment of everything; with `shipped` the order is through."""
    moment = order["updated_at"]
    place = len(order["shipments"]) + 1
    flags = {"isGoodToGo": True, "isPaid": shipped, "isCaptured": shipped, "isShipped": shipped}
    number = f"{order['number']}-{place}"
    shipment = {
        "id": change.next_id("centra.shipment", 3455),
        "number": number,
        "created_at": moment,
        **flags,
    }
    order["shipments"].append(shipment)
    order["status"] = "SHIPPED" if shipped else "PROCESSING"


def _write_head(change: Change, wish: dict[str, Any], store: Store, country: str) -> Doc:
    number = change.next_id(ORDER, 20001)
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
        "payments": [],
        "created_at": None,
        "readable_at": None,
    }
    return {**head, **_write_parties(change, wish, store, address)}


def _write_parties(change: Change, wish: dict[str, Any], store: Store, address: Doc) -> Doc:
    if store.type == WHOLESALE:
        account = {"id": 71, "name": address.get("companyName") or "Trade account", **wish.get("account", {})}
        buyer = {"id": 81, "email": address.get("email"), **wish.get("buyer", {})}
        return {
            "account": account,
            "buyer": buyer,
            "purchase_order_number": wish.get("purchase_order_number"),
        }
    customer = {
        "id": change.next_id("centra.customer", 8841),
        "email": address.get("email") or "shopper@example.com",
        "firstName": address.get("firstName"),
        "lastName": address.get("lastName"),
        **wish.get("customer", {}),
    }
    return {"customer": customer}


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
        order["payments"].append(_entry(change, order, "AUTH_GIFT_CARD", "SUCCESS", card))
    if due > card:
        kind, state = ("AUTH_PENDING", "PENDING") if waiting else ("AUTH", "SUCCESS")
        order["payments"].append(_entry(change, order, kind, state, due - card))


def _entry(change: Change, order: Doc, kind: str, status: str, value: Decimal) -> Doc:
    id_ = change.next_id("centra.payment", 90112)
    reference = hashlib.sha256(f"payment {id_}".encode()).hexdigest()[:16].upper()
    moment = order["created_at"]
    return {
        "id": id_,
        "type": kind,
        "status": status,
        "value": str(value),
        "at": moment,
        "reference": reference,
    }
