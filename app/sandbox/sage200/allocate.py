"""What of a line is allocated and may go (sage200.md 9.2, 10.2)."""

from decimal import Decimal

from app.sandbox.mirror import Doc
from app.sandbox.sage200.lines import STANDARD, Entry
from app.sandbox.sage200.stock import allocate


def held_of(line: Doc) -> Decimal:
    """Allocated and not yet despatched."""
    return Decimal(line.get("available_for_despatch", "0"))


def hold(entry: Entry, line: Doc, held: Decimal) -> None:
    """Whether `allocated_quantity` goes on counting what was despatched is a switch."""
    despatched = Decimal(line["despatch_receipt_quantity"])
    shown = held + despatched if entry.setting("allocated_after_despatch") == "stays" else held
    full = held + despatched >= Decimal(line["line_quantity"])
    line.update(
        available_for_despatch=str(held),
        allocated_quantity=str(shown),
        allocation_status="None" if shown == 0 else "Fully" if full else "Partially",
    )


def move_allocation(entry: Entry, line: Doc, wanted: Decimal) -> None:
    """Allocates more, or less if `wanted` is negative."""
    stamp = entry.stamp if entry.setting("holding_stamp_moves") else None
    taken = allocate(entry.change, line, wanted, shortage=entry.setting("insufficient_stock"), stamp=stamp)
    hold(entry, line, held_of(line) + taken)


def allocate_line(entry: Entry, line: Doc) -> None:
    wanted = Decimal(line.pop("to_allocate_quantity", "0"))
    if line["line_type"] == STANDARD:
        move_allocation(entry, line, wanted if may_allocate(entry) else Decimal(0))


def may_allocate(entry: Entry) -> bool:
    allowed = entry.setting("allocate_stock_on_order_entry")
    return bool(allowed or entry.setting("allocation_when_off") == "works")
