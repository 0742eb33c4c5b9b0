"""An order as a retailer's system creates it."""

import random
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from app.sandbox.mirror import Doc
from app.sandbox.store import Change
from app.sandbox.virtualstock.retailers import Retailer, find_retailer

ORDER = "virtualstock.order"
PRODUCT = "virtualstock.product"
LONDON = ZoneInfo("Europe/London")
PENNY = Decimal("0.01")
STANDARD_RATE = Decimal(20)
FIRST_ORDER, FIRST_ITEM = 700_101, 990_001
WISHES = frozenset(
    {
        "account",
        "retailer",
        "order_reference",
        "lines",
        "address",
        "test_flag",
        "comment",
        "channel",
        "purchase_order_reference",
        "end_user_purchase_order_reference",
        "additional_order_reference",
        "delivery_service_code",
        "currency_code",
        "promised_days",
        "placed_at",
        "status",
    }
)
LINE_WISHES = frozenset(
    {"sku", "quantity", "unit_cost_price", "part_number", "line_reference", "tax_rate", "status"}
)
ADDRESS: Mapping[str, str | None] = {
    "full_name": "Mrs E Hartley",
    "line_1": "14 Quayside Row",
    "line_2": "Flat 3",
    "city": "Whitby",
    "state": None,
    "postal_code": "YO21 1AA",
    "country": "GB",
    "phone": "07700900123",
    "email": None,
}


def place_order(change: Change, wish: Mapping[str, Any], now: datetime, rng: random.Random) -> Doc:
    """`wish`: WISHES, of which account, retailer (its code) and lines must be there. Raises ValueError."""
    _check(wish)
    retailer = find_retailer(change, wish["retailer"])
    number = change.next_id(ORDER, FIRST_ORDER)
    reference = wish.get("order_reference") or _reference(retailer, number)
    if change.find(ORDER, order_reference=reference, retailer=retailer.id):
        raise ValueError(f"order_reference {reference} was used before")
    placed = datetime.fromisoformat(wish["placed_at"]) if "placed_at" in wish else now
    order = {
        "id": number,
        "account": wish["account"],
        "retailer": retailer.id,
        "order_reference": reference,
        "order_date": naive(placed),
        "test_flag": bool(wish.get("test_flag", False)),
        "channel": wish.get("channel"),
        "purchase_order_reference": wish.get("purchase_order_reference"),
        "end_user_purchase_order_reference": wish.get(
            "end_user_purchase_order_reference", f"{55_000_000 + number}"
        ),
        "additional_order_reference": wish.get("additional_order_reference"),
        "delivery_service_code": wish.get("delivery_service_code", "standard"),
        "comment": wish.get("comment", None if retailer.tidy else "2nd address line:\nrear of the mill"),
        "currency_code": wish.get("currency_code", "GBP"),
        "shipping_address": _address(retailer, wish.get("address", {}), rng),
        "hidden_until": "",
        "changed_at": naive(placed),
        "lines": [],
    }
    promised = placed + timedelta(days=wish.get("promised_days", 5))
    order["lines"] = [
        _line(change, retailer, line, place, promised) for place, line in enumerate(wish["lines"], start=1)
    ]
    refresh_status(order)
    change.put(ORDER, number, order)
    return order


def _check(wish: Mapping[str, Any]) -> None:
    unknown = set(wish) - WISHES
    missing = {"account", "retailer", "lines"} - set(wish)
    if unknown or missing or not wish["lines"]:
        raise ValueError(
            f"an order needs account, retailer and lines, and may have {', '.join(sorted(WISHES))}"
        )
    for line in wish["lines"]:
        if set(line) - LINE_WISHES or "sku" not in line:
            raise ValueError(f"a line has {', '.join(sorted(LINE_WISHES))}")


def _line(change: Change, retailer: Retailer, wish: Doc, place: int, promised: datetime) -> Doc:
    product = next(iter(change.seek(PRODUCT, sku=wish["sku"], retailer=retailer.id)), None) or _foreign(
        wish["sku"]
    )
    quantity = int(wish.get("quantity", 1))
    if quantity < 1:
        raise ValueError("quantity")
    names = {"retailer_sku": "retailer_sku", "stock_number": "stock_number", "ean": "ean"}
    zeros = "03d" if retailer.line_refs == "zeros" else "d"
    return {
        "id": change.next_id("virtualstock.item", FIRST_ITEM),
        "line_reference": wish.get("line_reference", format(place, zeros)),
        "part_number": wish.get("part_number", product[names[retailer.identifier]]),
        "retailer_sku_reference": product["retailer_sku"],
        "supplier_sku_reference": product["sku"] if retailer.supplier_sku else None,
        "retailer_additional_reference": product["ean"] if retailer.ean else None,
        "name": product["name"],
        "description": None,
        "quantity": quantity,
        **_money(retailer, wish, product, quantity),
        "promised_date": naive(promised.replace(hour=0, minute=0, second=0)),
        "status": wish.get("status", "ORDER"),
        "dispatched": 0,
        "cancelled": 0,
        "cancel_asked": 0,
        "returned": 0,
        "sent": [],
    }


def _foreign(sku: str) -> Doc:
    """An article that the supplier's catalogue lacks."""
    return {
        "sku": sku,
        "retailer_sku": sku,
        "stock_number": sku,
        "ean": sku,
        "name": sku,
        "cost": "10.00",
        "vat": "standard",
    }


def _money(retailer: Retailer, wish: Doc, product: Doc, quantity: int) -> Doc:
    names = ("unit_cost_price", "subtotal", "tax", "tax_rate", "total")
    if wish.get("unit_cost_price", "" if retailer.prices else None) is None:
        return dict.fromkeys(names)
    cost = Decimal(str(wish.get("unit_cost_price") or product["cost"]))
    rate = Decimal(str(wish.get("tax_rate", STANDARD_RATE if product["vat"] == "standard" else 0)))
    net = cost * quantity
    tax = (net * rate / 100).quantize(PENNY, ROUND_HALF_UP)
    figures = (cost, net, tax, rate, net + tax)
    return {name: str(figure.quantize(PENNY)) for name, figure in zip(names, figures, strict=True)}


def _address(retailer: Retailer, wish: Doc, rng: random.Random) -> Doc:
    if set(wish) - set(ADDRESS):
        raise ValueError(f"an address has {', '.join(ADDRESS)}")
    if retailer.tidy:
        return {**ADDRESS, **wish}
    untidy = {"line_2": "Whitby", "city": "North Yorkshire", "phone": None, "country": "United Kingdom"}
    if rng.random() < 0.5:
        untidy["city"] = None
    return {**ADDRESS, **untidy, **wish}


def _reference(retailer: Retailer, number: int) -> str:
    shapes = {
        "letter": f"A{104_000_000 + number}",
        "digits": f"{31_002_000_000 + number}",
        "long": f"HV/{number}/web order {number:064d}"[:100],
    }
    return shapes[retailer.references]


def naive(moment: datetime) -> str:
    """19 characters, no offset; whose clock they mean is stated nowhere: London's."""
    return moment.astimezone(LONDON).replace(tzinfo=None, microsecond=0).isoformat()


PROGRESS = (
    "ORDER",
    "ORDER_ACK",
    "BACKORDER",
    "CANCEL",
    "DISPATCH",
    "CANCEL_ACK",
    "RMA",
    "RMA_ACK",
    "RMA_AUTHORISED",
)


def refresh_status(order: Doc) -> None:
    """The common status if all lines agree, else the least advanced; both ends are kept for the reader to choose."""
    ranks = sorted({line["status"] for line in order["lines"]}, key=_rank)
    order.update(status=ranks[0], status_ahead=ranks[-1])


def _rank(status: str) -> int:
    return PROGRESS.index(status) if status in PROGRESS else len(PROGRESS)
