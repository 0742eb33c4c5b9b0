"""The retailers' side of the day: their orders, what they must have been told in the end, and how Sluice is set up for them."""

import json
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from app.demo.shoppers import Shop
from app.demo.verdict import Asked

Doc = dict[str, Any]
CONNECTION, PREFIX = "edge", "VS"
ACCOUNT = MappingProxyType({"username": "northgate", "password": "supplier-password-of-the-day"})
RETAILERS: Mapping[str, Doc] = MappingProxyType(
    {
        "ARG": {"id": 31, "supplier_reference": "ack_comment"},
        "JLW": {
            "id": 47,
            "supplier_reference": "ack_comment",
            "fulfillment_route": "Direct to customer",
            "ack_sub_status": "Pending",
            "ack_required": ["fulfillment_route", "supplier_delivery_date"],
            "tells_dates": True,
        },
    }
)
SHARE = 0.1
CODES = {one["id"]: code for code, one in RETAILERS.items()}
CANCELLED = frozenset({"CANCEL", "CANCEL_ACK"})


def settings(url: str) -> dict[str, object]:
    given = {
        "BASE_URL": f"{url}/virtualstock",
        "USERNAME": ACCOUNT["username"],
        "PASSWORD": ACCOUNT["password"],
        "PREFIX": PREFIX,
        "RETAILERS": json.dumps(dict(RETAILERS)),
        "REQUESTS_PER_MINUTE": 6_000,
    }
    return {f"VIRTUALSTOCK__{CONNECTION}__{name}": value for name, value in given.items()}


def wishes(shop: Shop, count: int) -> Iterator[Doc]:
    """Orders of both retailers, mostly of several lines."""
    for place in range(count):
        code = list(RETAILERS)[place % len(RETAILERS)]
        lines = [{"sku": line["sku"], "quantity": line["quantity"]} for line in shop.basket(1 + place % 3)]
        yield {"account": ACCOUNT["username"], "retailer": code, "lines": lines, "promised_days": 14}


def ref_of(order: Doc) -> str:
    return f"{CODES[order['retailer']]}-{order['order_reference']}"


def key_of(order: Doc) -> str:
    """Its name in Sage; both retailers' references are short enough to be told in full."""
    return f"{PREFIX}-{ref_of(order)}"


def asked(order: Doc, aliases: Mapping[str, str]) -> Asked:
    wanted = [line for line in order["lines"] if line["status"] not in CANCELLED]
    units: dict[str, int] = {}
    for line in wanted:
        code = aliases.get(line["supplier_sku_reference"], line["supplier_sku_reference"]).upper()
        units[code] = units.get(code, 0) + line["quantity"]
    return Asked(
        key=key_of(order),
        connection=CONNECTION,
        number=order["id"],
        live=bool(wanted),
        cancelled=not wanted,
        units=units,
        gross=sum((Decimal(line["total"]) for line in wanted), Decimal(0)),
        currency=order["currency_code"],
    )


def untold(orders: Iterable[Doc], documents: Iterable[Doc]) -> list[str]:
    """What Sage knows and the retailer was not told: orders that are there, and goods that left."""
    there = {doc.get("customer_document_no"): doc for doc in documents}
    said = []
    for order in orders:
        document = there.get(key_of(order))
        if document is None:
            continue
        if any(line["status"] == "ORDER" for line in order["lines"]):
            said.append(f"{key_of(order)} is not acknowledged")
        elif is_despatched(document) and any(line["status"] != "DISPATCH" for line in order["lines"]):
            said.append(f"{key_of(order)} is not dispatched")
    return said


def is_despatched(document: Doc) -> bool:
    return any(Decimal(line.get("despatch_receipt_quantity") or 0) > 0 for line in document["lines"])
