"""Centra's answers, as its documents show them; each maker gives the documented order with one thing changed."""

import copy
import hashlib
import hmac
from typing import Any
from urllib.parse import quote, quote_plus

import simplejson

SECRET = "s3cret-of-the-tests"
ADDRESS = {
    "firstName": "Imogen",
    "lastName": "Ashdown",
    "companyName": None,
    "attention": None,
    "address1": "14 Quay Street",
    "address2": "Flat 3",
    "city": "Bristol",
    "zipCode": "BS1 4DE",
    "stateOrProvince": None,
    "country": {"code": "GB"},
    "email": "imogen@example.com",
    "phoneNumber": "+441170000000",
    "cellPhoneNumber": None,
    "vatNumber": None,
}


def line(
    id_: int, sku: str, value: str, *, quantity: int = 1, rate: str = "20", **more: Any
) -> dict[str, Any]:
    """`value` with tax; the net is what the documents' method makes of it."""
    gross = float(value)
    return {
        "__typename": "ProductOrderLine",
        "id": id_,
        "productName": f"Article {sku}",
        "productVariantName": "Navy",
        "size": "M",
        "quantity": quantity,
        "cancelledQuantity": 0,
        "taxPercent": float(rate),
        "unitOriginalPrice": {"value": round(gross / quantity, 2) if quantity else gross},
        "lineValue": {"value": gross},
        "net": {"value": round(gross / (1 + float(rate) / 100), 2)},
        "productSize": {"SKU": sku, "EAN": "5012345678900"},
        **more,
    }


def totals(**figures: float) -> dict[str, Any]:
    names = [
        "lineValues",
        "shipping",
        "handling",
        "discounts",
        "taxAdded",
        "taxDeducted",
        "taxIncluded",
        "shippingTaxDeducted",
    ]
    return {name: {"value": figures.get(name, 0)} for name in names}


def order(number: int = 20417, **changes: Any) -> dict[str, Any]:
    """UK, prices with 20 % VAT: 285.00 - voucher 28.50 + shipping 5.00 = 261.50 (centra.md 3.6)."""
    return {
        "__typename": "DirectToConsumerOrder",
        "id": "7c1f0a5be2d94f0c8a6e3b1d5f20417a",
        "number": number,
        "status": "CONFIRMED",
        "isOnHold": False,
        "orderHoldReason": None,
        "orderDate": "2026-03-02T10:14:07+01:00",
        "updatedAt": "2026-03-02T10:15:00+01:00",
        "store": {"id": 1, "name": "Retail"},
        "market": {"id": 3, "name": "United Kingdom"},
        "country": {"code": "GB"},
        "grandTotal": {"value": 261.5, "currency": {"code": "GBP"}},
        "totals": totals(lineValues=285, shipping=5, discounts=28.5, taxIncluded=43.58),
        "discountsApplied": [{"__typename": "AppliedVoucherDiscount", "value": {"value": 28.5}}],
        "paymentMethod": {"plugin": "adyen_drop_in", "uri": "adyen", "name": "Adyen"},
        "shippingAddress": copy.deepcopy(ADDRESS),
        "billingAddress": copy.deepcopy(ADDRESS),
        "lines": [
            line(51201, "JKT100NVYM", "240", quantity=2),
            line(51202, "TEE020ECRS", "45"),
        ],
        "customer": {"email": "imogen@example.com", "firstName": "Imogen", "lastName": "Ashdown"},
        **changes,
    }


def simple(value: str, lines: list[dict[str, Any]], **figures: float) -> dict[str, Any]:
    """An order of these lines without vouchers; `value` is its grand total in GBP."""
    return order(
        lines=lines,
        grandTotal={"value": float(value), "currency": {"code": "GBP"}},
        totals=totals(**figures),
        discountsApplied=[],
    )


def as_sent(document: Any) -> Any:
    """Through the wire: numbers become Decimal."""
    return simplejson.loads(simplejson.dumps(document), use_decimal=True)


def event(**changes: Any) -> dict[str, Any]:
    return {"type": "order", "action": "insert", "date": "2026-03-02 09:14:07.118204", "id": 20417, **changes}


def form(payload: Any, *, plus: bool = True) -> bytes:
    text = payload if isinstance(payload, str) else simplejson.dumps(payload)
    return b"payload=" + (quote_plus if plus else quote)(text, safe="").encode()


def sign(raw: bytes, seconds: int, secret: str = SECRET) -> str:
    mac = hmac.new(secret.encode(), f"{seconds}.".encode() + raw, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={mac}"
