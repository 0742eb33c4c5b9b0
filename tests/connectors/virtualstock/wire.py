"""Virtualstock's answers, as its documents show them; each maker gives an order with one thing changed."""

from typing import Any

HOST = "https://www.the-edge.test"


def item(ref: str = "1", **changes: Any) -> dict[str, Any]:
    return {
        "url": f"{HOST}/restapi/v4/items/990001/",
        "part_number": "61203344",
        "retailer_sku_reference": "61203344",
        "supplier_sku_reference": "NG-LAMP-BRS",
        "line_reference": ref,
        "quantity": 2,
        "name": "Brass desk lamp",
        "description": None,
        "status": "ORDER",
        "unit_cost_price": "62.50",
        "subtotal": "125.00",
        "tax": "25.00",
        "tax_rate": "20.00",
        "total": "150.00",
        "promised_date": "2026-11-10T00:00:00",
        "retailer_additional_reference": "5012345678900",
        **changes,
    }


def order(number: int = 700101, **changes: Any) -> dict[str, Any]:
    return {
        "url": f"{HOST}/restapi/v4/orders/{number}/",
        "retailer": f"{HOST}/restapi/v4/customers/31/?format=json",
        "order_reference": f"A{number}",
        "order_date": "2026-07-03T09:14:27",
        "status": "ORDER",
        "purchase_order_reference": "PO-88213",
        "comment": None,
        "test_flag": False,
        "items": [item()],
        "currency_code": "GBP",
        "subtotal": "125.00",
        "tax": "25.00",
        "total": "150.00",
        "shipping_address": {
            "full_name": "Mrs E Hartley",
            "line_1": "14 Quayside Row",
            "line_2": None,
            "city": None,
            "state": None,
            "postal_code": "YO21 1AA",
            "country": "United Kingdom",
            "phone": None,
            "email": None,
        },
        **changes,
    }


def page(*orders: dict[str, Any], count: int | None = None) -> dict[str, Any]:
    return {
        "count": len(orders) if count is None else count,
        "next": f"{HOST}/x",
        "previous": None,
        "results": list(orders),
    }
