"""Agrees to a retailer's cancellation (virtualstock.md 6.4). How much of a line was asked for is told nowhere: the whole is
assumed, and a retailer who asked for less refuses it.
"""

from pydantic import ValidationError

from app.connectors.virtualstock.payloads import WireOrder
from app.connectors.virtualstock.poll import Source
from app.domain.errors import PermanentError, TransientError

ASKED = "CANCEL"


async def answer_cancellation(channel_id: str, *, source: Source) -> bool:
    """Whether anything was still to answer: the lines are read first, so that a repeat changes nothing."""
    path = f"restapi/v4/orders/{int(channel_id)}/"
    raw = await source.client.get(path, {"format": "json"})
    if raw is None:
        raise PermanentError("E-VS-ORDER-GONE", "Virtualstock does not show the order any more")
    try:
        items = [item for item in WireOrder.model_validate(raw).items if item.status == ASKED]
    except ValidationError as error:
        raise TransientError("an order that cannot be read") from error
    if not items:
        return False
    told = [
        {"part_number": item.part_number, "line_ref": item.line_reference, "quantity": item.quantity}
        for item in items
    ]
    await source.client.send("POST", f"{path}cancel_acknowledge/?format=json", {"items": told})
    return True
