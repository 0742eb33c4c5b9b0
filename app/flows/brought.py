"""Orders as they are now: those that a notice brought along whole, and those that the channel has to be asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from app.domain.channel import Channel
from app.domain.message import Claimed
from app.domain.order import Order, Unreadable
from app.flows.context import Context
from app.flows.upstream import timed
from app.ledger import snapshot
from app.ledger.snapshot import Snapshot


async def read(
    ctx: Context, channel: Channel, messages: Sequence[Claimed]
) -> Mapping[str, Order | Unreadable]:
    """What notices brought along, the newest of each order, and the others as the channel shows them now. What was brought
    counts once: a notice that comes again, or that is not newer than what is known, is asked for anew.
    """
    told: dict[str, Order | Unreadable] = {}
    bare: dict[str, None] = {}
    refs = [message.order_ref or "" for message in messages]
    kept = await snapshot.read(ctx.pool, channel.connection, refs) if channel.unpack else {}
    for message, ref in zip(messages, refs, strict=True):
        order = channel.unpack(ref, message.body) if channel.unpack else None
        if order is not None:
            told[ref] = order
        if not _counts(order, message, kept.get(ref)):
            bare[ref] = None
    if channel.fetch_orders is None or not bare:
        return told
    fetched = await timed(ctx, channel.name, "fetch_orders", channel.fetch_orders(list(bare)))
    kept_told = {ref: one for ref, one in told.items() if ref not in bare or isinstance(one, Unreadable)}
    return kept_told | dict(fetched)


def _counts(order: Order | Unreadable | None, message: Claimed, known: Snapshot | None) -> bool:
    """What cannot be read may have been corrected since."""
    if not isinstance(order, Order) or message.attempts > 1:
        return False
    return known is None or order.updated_at > known.version_at


def after(before: Snapshot | None, order: Order | Unreadable) -> Order | Unreadable:
    """Its version is the moment at which it was read: newer than what was read before, whatever a clock did."""
    if before is None or isinstance(order, Unreadable) or order.updated_at > before.version_at:
        return order
    return replace(order, updated_at=before.version_at + timedelta(microseconds=1))
