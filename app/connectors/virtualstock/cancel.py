"""Agrees to a retailer's cancellation (virtualstock.md 6.4). How much of a line was asked for is told nowhere: the whole is
assumed, and a retailer who asked for less refuses it.
"""

from app.connectors.virtualstock.orders import path_of, read_order
from app.connectors.virtualstock.poll import Source

ASKED = "CANCEL"


async def answer_cancellation(channel_id: str, lines: frozenset[str], *, source: Source) -> bool:
    """Whether anything was still to answer: the lines are read first, so that a repeat changes nothing."""
    wire = await read_order(source, channel_id)
    items = [item for item in wire.items if item.status == ASKED and item.line_reference in lines]
    if not items:
        return False
    told = [
        {"part_number": item.part_number, "line_ref": item.line_reference, "quantity": item.quantity}
        for item in items
    ]
    await source.client.send("POST", f"{path_of(channel_id)}cancel_acknowledge/?format=json", {"items": told})
    return True
