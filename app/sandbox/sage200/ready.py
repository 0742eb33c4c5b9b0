"""Lines that can be despatched now, as sop_confirm_despatch and sop_despatch_discrete_orders list them
(sage200.md 6, 9.3).
"""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from app.sandbox.mirror import Doc, View
from app.sandbox.sage200 import despatch_sheets
from app.sandbox.sage200.fields import Fields
from app.sandbox.sage200.filters import Row
from app.sandbox.sage200.lines import ON_DESPATCH
from app.sandbox.sage200.progress import LIVE, intent_of, owed_of, ready_of
from app.sandbox.sage200.resources import Gather, Lazy, Resource, first, show
from app.sandbox.sage200.views import Getter, at, linked, stored


def ready_rows(view: View) -> Callable[[Doc], Iterable[Lazy]]:
    """An (order, line) for each line of which something can be despatched."""
    getters: dict[str, Getter] = {
        "order": lambda pair: pair[0],
        "line": lambda pair: pair[1],
        "sop_order_return_id": at(stored("id"), 0),
        "id": at(stored("id"), 0),
        "confirmation_intent_type": at(intent_of, 1),
        "trader_id": at(stored("customer_id"), 0),
        "trader_reference": at(linked("customer", "customer_id", "reference")(view), 0),
        "trader_name": at(linked("customer", "customer_id", "name")(view), 0),
        "warehouse_id": at(stored("warehouse_id"), 1),
        "document_no": at(stored("document_no"), 0),
        "document_value": at(stored("total_gross_value"), 0),
        "document_date": at(stored("document_date"), 0),
    }

    def of(order: Doc) -> list[Lazy]:
        if order["document_status"] != LIVE:
            return []
        return [Lazy(getters, (order, line)) for line in order["lines"] if intent_of(line) and ready_of(line)]

    return of


def group_ready(rows: list[Row], asked: frozenset[str]) -> list[dict[str, Any]]:
    """One group for each order and way to confirm; goods alone unless the filter asked about the way."""
    groups: dict[tuple[int, str], dict[str, Any]] = {}
    for row in rows:
        intent = row.get("confirmation_intent_type")
        if intent == ON_DESPATCH or "confirmation_intent_type" in asked:
            id_ = row.get("sop_order_return_id")
            group = {"sop_order_return_id": id_, "confirmation_intent_type": intent, "rows": []}
            groups.setdefault((id_, intent), group)["rows"].append(row)
    return list(groups.values())


def gather_ready(rows: list[Row], asked: frozenset[str]) -> list[Row]:
    return [*group_ready(rows, asked)]


def gather_orders(rows: list[Row], asked: frozenset[str]) -> list[Row]:
    return [group["rows"][0] for group in group_ready(rows, asked)]


def show_items(view: View, group: Row) -> list[Doc]:
    lines = [(row.get("order"), row.get("line")) for row in group.get("rows")]
    return [show_item(view, order, line, ready_of(line)) for order, line in lines]


def show_item(view: View, order: Doc, line: Doc, quantity: Decimal) -> Doc:
    """A line as sop_confirm_despatch has it; `quantity` is what may go, or what went."""
    despatched = Decimal(line["despatch_receipt_quantity"])
    customer = first(view, "customer", id=order["customer_id"])
    item = {
        **{
            name: line.get(name)
            for name in ("id", "product_id", "line_quantity", "despatch_receipt_quantity")
        },
        **{
            name: line.get(name, order.get(name))
            for name in ("requested_delivery_date", "promised_delivery_date")
        },
        "sop_order_return_id": order["id"],
        "document_no": order["document_no"],
        "document_date": order["document_date"],
        "customer_id": customer["id"],
        "customer_reference": customer["reference"],
        "customer_name": customer["name"],
        "item_code": line.get("code") or line.get("description", "")[:30],
        "item_name": first(view, "product", id=line.get("product_id")).get("name"),
        "warehouse_name": first(view, "warehouse", id=line.get("warehouse_id")).get("name"),
        "quantity": str(quantity),
        "outstanding_quantity": str(owed_of(line) - despatched),
        "available_quantity": str(ready_of(line)),
        "selling_unit_multiple": "1",
        "stock_unit_multiple": "1",
    }
    return show(despatch_sheets.CONFIRM_ITEM, item)


def list_ready(fields: Fields, gather: Gather, **more: Any) -> Resource:
    keys = MappingProxyType({"trader_id": "customer_id", "document_no": "document_no"})
    return Resource(
        "sop_order",
        fields,
        by_id=False,
        project=ready_rows,
        filters=despatch_sheets.READY_FILTERS,
        gather=gather,
        keys=keys,
        **more,
    )


READY: Mapping[str, Resource] = MappingProxyType(
    {
        "sop_confirm_despatch": list_ready(
            despatch_sheets.CONFIRM,
            gather_ready,
            derived=MappingProxyType({"items": show_items}),
            own=(("sop_order_return_id", False),),
        ),
        "sop_despatch_discrete_orders": list_ready(despatch_sheets.DISCRETE, gather_orders),
    }
)
