"""Orders as a supplier reads them (virtualstock.md 2, 6.1-6.3)."""

from decimal import Decimal
from typing import Any

from app.sandbox.mirror import Doc, View
from app.sandbox.virtualstock.login import ACCOUNT
from app.sandbox.virtualstock.place import refresh_status
from app.sandbox.virtualstock.retailers import retailer_of
from app.sandbox.virtualstock.switches import setting
from app.sandbox.world import World

OTHER_HOST = "https://www.sandbox.the-edge.example"
"""Bodies mix two hosts: pages are told with the one that was asked, resources with this."""
ORDERS_ROOT = "restapi/v4"
LINE_FIELDS = (
    "part_number",
    "retailer_sku_reference",
    "supplier_sku_reference",
    "line_reference",
    "quantity",
    "name",
    "description",
    "status",
    "unit_cost_price",
    "subtotal",
    "tax",
    "tax_rate",
    "total",
    "promised_date",
    "retailer_additional_reference",
)
ORDER_FIELDS = (
    "order_reference",
    "order_date",
    "purchase_order_reference",
    "end_user_purchase_order_reference",
    "additional_order_reference",
    "comment",
    "test_flag",
    "currency_code",
    "shipping_address",
)


def link(path: str) -> str:
    return f"{OTHER_HOST}/{path}/"


def show_order(world: World, view: View, order: Doc, *, whole: bool) -> Doc:
    """`whole`: read by itself. `channel` is told in lists only, `delivery_service_code` and `retailer_data` never
    there (the collection shows them with returns).
    """
    supplier = view.get(ACCOUNT, order["account"]) or {}
    order = _behind(order) if setting(world, "returns_run_ahead") else order
    shown: dict[str, Any] = {
        "url": link(f"{ORDERS_ROOT}/orders/{order['id']}"),
        "retailer": link(f"{ORDERS_ROOT}/customers/{order['retailer']}"),
        "supplier": link(f"{ORDERS_ROOT}/suppliers/{supplier.get('orders_id', 0)}"),
        "status": order["status_ahead" if setting(world, "status_runs_ahead") else "status"],
        "items": [show_line(line) for line in order["lines"]],
        **{name: order[name] for name in ORDER_FIELDS},
        **_sum(order),
    }
    if not whole:
        shown["channel"] = order["channel"]
    if setting(world, "extra_fields") and order["id"] % 3 == 0:
        shown["fulfilment_score"] = None
    return shown


def _behind(order: Doc) -> Doc:
    """As it was before its returns were asked for."""
    lines = [{**line, "status": "DISPATCH"} if line["status"] == "RMA" else line for line in order["lines"]]
    earlier = {**order, "lines": lines}
    refresh_status(earlier)
    return earlier


def show_line(line: Doc) -> Doc:
    return {"url": link(f"{ORDERS_ROOT}/items/{line['id']}"), **{name: line[name] for name in LINE_FIELDS}}


def show_with_return(world: World, view: View, order: Doc) -> Doc:
    retailer = retailer_of(view, order["retailer"])
    address = {"line_1": "", "line_2": "", "city": "", "state": "", "country": "GB", "postal_code": ""}
    data = {
        "uuid": retailer.uuid,
        "name": retailer.name,
        "email": "",
        "phone": "",
        "tax_code": "",
        "address": address,
    }
    shown = show_order(world, view, order, whole=True)
    return {**shown, "retailer_data": data, "delivery_service_code": order["delivery_service_code"]}


def _sum(order: Doc) -> Doc:
    """Money of the order, as text; null where a line has none."""
    names = ("subtotal", "tax", "total")
    if any(line["total"] is None for line in order["lines"]):
        return dict.fromkeys(names)
    return {name: str(sum((Decimal(line[name]) for line in order["lines"]), Decimal(0))) for name in names}
