"""One order as Virtualstock shows it now: read before anything is told about it."""

from pydantic import ValidationError

from app.connectors.virtualstock.payloads import WireOrder
from app.connectors.virtualstock.poll import Source
from app.domain.errors import PermanentError, TransientError


def path_of(channel_id: str) -> str:
    return f"restapi/v4/orders/{int(channel_id)}/"


async def read_order(source: Source, channel_id: str) -> WireOrder:
    """Raises PermanentError(E-VS-ORDER-GONE) where it is not shown any more."""
    raw = await source.client.get(path_of(channel_id), {"format": "json"})
    if raw is None:
        raise PermanentError("E-VS-ORDER-GONE", "Virtualstock does not show the order any more")
    try:
        return WireOrder.model_validate(raw)
    except ValidationError as error:
        raise TransientError("an order that cannot be read") from error
