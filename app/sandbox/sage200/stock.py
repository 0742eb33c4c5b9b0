"""Holdings and their allocation to orders (sage200.md 9.7, 10.2)."""

from decimal import Decimal

from app.sandbox.mirror import Doc, View
from app.sandbox.sage200.refusal import invalid
from app.sandbox.store import Change

HOLDING = "sage200.warehouse_holding"
ZERO = Decimal("0.00000")


def find_holding(view: View, product_id: int, warehouse_id: int) -> Doc | None:
    return next(iter(view.find(HOLDING, product_id=product_id, warehouse_id=warehouse_id)), None)


def derive(holding: Doc) -> Doc:
    """Fills in the figures that follow from what is in stock, allocated and reserved."""
    stock, reserved = Decimal(holding["confirmed_qty_in_stock"]), Decimal(holding["quantity_reserved"])
    free = stock - Decimal(holding["quantity_allocated_sop"])
    return {
        **holding,
        "quantity_in_stock": str(stock),
        "quantity_in_stock_less_reserved": str(stock - reserved),
        "quantity_allocated": holding["quantity_allocated_sop"],
        "free_stock_available": str(free),
        "free_stock_available_less_reserved": str(free - reserved),
    }


def allocate(change: Change, line: Doc, wanted: Decimal, *, shortage: str, stamp: str | None) -> Decimal:
    """Takes free stock for the line, or gives some back if `wanted` is negative; answers what was taken.
    `shortage`: "part", "refuse" or "negative". `stamp` None = the holding's time does not move.
    """
    holding = find_holding(change, line["product_id"], line["warehouse_id"])
    if holding is None or wanted == 0:
        return ZERO
    free = max(Decimal(holding["free_stock_available_less_reserved"]), ZERO)
    taken = wanted
    if wanted > free and shortage != "negative":
        if shortage == "refuse":
            raise invalid(f"There is not enough free stock of '{line['code']}'.")
        taken = free
    held = Decimal(holding["quantity_allocated_sop"]) + taken
    moved = derive({**holding, "quantity_allocated_sop": str(held)})
    if stamp is not None:
        moved["date_time_updated"] = stamp
    change.put(HOLDING, holding["id"], moved)
    return taken


def move_stock(change: Change, holding: Doc, *, stock: Decimal, allocated: Decimal, stamp: str) -> None:
    """Adds to what is in stock and what is allocated."""
    moved = derive(
        {
            **holding,
            "confirmed_qty_in_stock": str(Decimal(holding["confirmed_qty_in_stock"]) + stock),
            "quantity_allocated_sop": str(Decimal(holding["quantity_allocated_sop"]) + allocated),
            "date_time_updated": stamp,
        }
    )
    change.put(HOLDING, holding["id"], moved)
