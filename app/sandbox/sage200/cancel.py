"""The record that a cancelled line leaves (sage200.md 7.1, 9.2)."""

from decimal import Decimal

from app.sandbox.mirror import Doc
from app.sandbox.sage200.lines import Entry
from app.sandbox.sage200.refusal import invalid

CANCELLED_LINES = "sage200.sop_cancelled_line"


def keeps_record(entry: Entry) -> bool:
    """What asking for a record does in a company that keeps none is a switch."""
    kept = bool(entry.setting("record_cancelled_order_lines"))
    if not kept and entry.setting("cancelled_line_when_off") == "refuse":
        raise invalid("Cancelled lines are not recorded in this company.")
    return kept


def record_cancelled(entry: Entry, order: Doc, line: Doc, quantity: Decimal) -> None:
    """`line` as it was."""
    id_ = entry.change.next_id("sage200.id", 27_000)
    doc = {
        "id": id_,
        "sop_order_return_id": order["id"],
        "item_code": line.get("code", ""),
        "item_description": line.get("description", "")[:1000],
        "cancelled_quantity": str(quantity),
        "stock_unit_cancelled_quantity": str(quantity),
        "cancelled_date": entry.stamp,
        "user_number": 1,
        "user_name": entry.user[:20],
        "date_time_created": entry.stamp,
        "date_time_updated": entry.stamp,
    }
    entry.change.put(CANCELLED_LINES, id_, doc)
    order["cancelled_status"] = "Partially"
