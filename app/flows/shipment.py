"""Where despatches begin in the channel: a notice of a shipment leads to its order, and what left of an order that the ERP
has, or is about to have, becomes one effect each (R-51).
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from urllib.parse import quote

from app.domain.message import Claimed, Done, Draft, MessageClass, Outcome, Result
from app.domain.order import LineKind, Order, Shipped
from app.domain.progress import Goods, add
from app.flows.context import Context
from app.flows.flow import Batch
from app.flows.upstream import timed
from app.ledger.shipped import ShippedSeen

CONFIRM = "despatch.confirm"


async def shipment(ctx: Context, batch: Batch) -> AsyncGenerator[Sequence[Outcome], None]:
    """The notice names a shipment, or, for all that is documented, its order: what exists is read again as an order."""
    channel = ctx.channels[batch.messages[0].destination]
    if channel.find_orders is None:
        done = Done(Result.NO_EFFECT, "despatches of this channel begin in the ERP")
        yield [Outcome(message, done) for message in batch.messages]
        return
    ids = [number for message in batch.messages if isinstance(number := message.body.get("id"), int)]
    call = channel.find_orders(list(dict.fromkeys(ids)))
    orders = await timed(ctx, channel.name, "find_orders", call) if ids else {}
    yield [_lead(message, orders) for message in batch.messages]


def _lead(message: Claimed, orders: Mapping[int, str]) -> Outcome:
    number = message.body.get("id")
    if not isinstance(number, int):
        return Outcome(message, Done(Result.NO_EFFECT, "it names nothing"))
    draft = Draft(
        kind=f"{message.kind.rpartition('.')[0]}.order",
        cls=MessageClass.NOTICE,
        destination=message.destination,
        source=message.source,
        key=f"{message.key}/order",
        order_ref=orders.get(number, str(number)),
        body={"via": "shipment"},
        parent=message.id,
    )
    return Outcome(message, Done(Result.APPLIED, f"order {draft.order_ref} is read"), (draft,))


def with_shipped(
    outcome: Outcome, order: Order, codes: Mapping[str, str], noted: frozenset[str], erp: tuple[str, str]
) -> Outcome:
    """What left since the last read. `noted`: shipments that are known; `erp`: its name and destination. Behind the place
    effect, where that is drafted by the same read.
    """
    fresh = [one for one in order.shipped if one.shipment not in noted]
    seen = [
        ShippedSeen(order.connection, order.ref, one.shipment, goods_of(order, one, codes)) for one in fresh
    ]
    drafts = [_draft(outcome.message, order, one, erp) for one in seen]
    if not drafts:
        return outcome
    verdict = Done(Result.APPLIED, f"{len(drafts)} shipments")
    return replace(
        outcome,
        verdict=verdict,
        follow_ups=(*outcome.follow_ups, *drafts),
        facts=(*outcome.facts, *seen),
    )


def goods_of(order: Order, shipped: Shipped, codes: Mapping[str, str]) -> Goods:
    """Gift cards are no goods; a line that the order does not show counts under its own reference."""
    gifts = {line.ref for line in order.lines if line.kind is LineKind.GIFT_CARD}
    lines = [(ref, units) for ref, units in shipped.lines if ref not in gifts and units]
    return add(*({codes.get(ref, f"LINE {ref}"): Decimal(units)} for ref, units in lines))


def _draft(message: Claimed, order: Order, seen: ShippedSeen, erp: tuple[str, str]) -> Draft:
    name, destination = erp
    return Draft(
        kind=f"{name}.{CONFIRM}",
        cls=MessageClass.EFFECT,
        destination=destination,
        source=order.connection,
        key=f"{name}/despatch/{order.connection}/{order.ref}/{quote(seen.shipment, safe='')}",
        order_ref=order.ref,
        skus=tuple(seen.goods),
        body={"ref": order.ref, "shipment": seen.shipment},
        parent=message.id,
    )
