"""A notice says "look": read the order again, compare it with what we know, and return the effects that are missing.

Duplicate, late and reordered notices are harmless here by construction.
"""

from collections.abc import AsyncGenerator, Sequence

from app.domain.despatch import line_codes
from app.domain.identify import codes
from app.domain.lanes import sku_lanes
from app.domain.message import (
    Claimed,
    Done,
    Draft,
    MessageClass,
    Outcome,
    Owner,
    Park,
    Result,
    Retry,
    Violation,
)
from app.domain.order import Order, Standing, Unreadable
from app.flows import acknowledge, answer_cancellation
from app.flows.brought import after, read
from app.flows.context import Context
from app.flows.flow import Batch
from app.flows.known import Known, OpenEffect, place_key, read_known
from app.flows.paused import told
from app.flows.shipment import with_shipped
from app.flows.turn import in_turn
from app.ledger.listing import Doubted
from app.ledger.snapshot import OrderSeen, Snapshot, content_of
from app.outbox.settle import Change

MOST_LOOKS = 6
"""Reads of an order that the channel announced and does not show; then it is none of ours."""


async def reread(ctx: Context, batch: Batch) -> AsyncGenerator[Sequence[Outcome], None]:
    """One request for up to 200 orders, in notice order, each order once."""
    channel = ctx.channels[batch.messages[0].destination]
    refs = list(dict.fromkeys(m.order_ref for m in batch.messages if m.order_ref is not None))
    if channel.fetch_orders is None:
        yield [Outcome(m, Done(Result.NO_EFFECT, "the channel has no orders")) for m in batch.messages]
        return
    orders = await read(ctx, channel, batch.messages)
    known = await read_known(ctx, channel, refs)
    if not channel.stamped:
        orders = {ref: after(known.snapshots.get(ref), order) for ref, order in orders.items()}
    seen: set[str | None] = set()
    outcomes = []
    for message in batch.messages:
        if message.body.get("if_known") and message.order_ref not in known.snapshots:
            outcomes.append(Outcome(message, Done(Result.NO_EFFECT, "somebody else has it in hand")))
        elif message.order_ref in seen:
            outcomes.append(Outcome(message, Done(Result.NO_EFFECT, "read with another notice")))
        else:
            seen.add(message.order_ref)
            outcomes.append(compare(message, orders.get(message.order_ref or ""), known, ctx.erp.destination))
    async for group in in_turn(ctx, channel.destination, outcomes):
        yield group


def compare(message: Claimed, order: Order | Unreadable | None, known: Known, destination: str) -> Outcome:
    """Pure: one fresh read against what is known. What left of it is told only of an order that the ERP has, or will have."""
    outcome = _compare(message, order, known, destination)
    if not isinstance(order, Order) or not isinstance(outcome.verdict, Done) or not outcome.facts:
        return outcome
    bound = known.bindings.get(order.ref)
    placing = order.ref in known.places and order.standing is not Standing.CANCELLED
    if bound is None and not placing and not any(".place" in draft.kind for draft in outcome.follow_ups):
        return outcome
    codes = line_codes(order, known.mappings, bound.codes if bound else {})
    noted = known.shipped.get(order.ref, frozenset())
    return with_shipped(outcome, order, codes, noted, (known.erp, destination))


def _compare(message: Claimed, order: Order | Unreadable | None, known: Known, destination: str) -> Outcome:
    if not isinstance(order, Order):
        return _unread(message, order)
    before = known.snapshots.get(order.ref)
    if (outdated := _outdated(message, order, before)) is not None:
        return Outcome(message, outdated)
    facts = (*_seen(before, order, known), *told(message, order, before, known.bindings.get(order.ref)))
    if order.standing is Standing.UNKNOWN:
        fix = "decide what this status means, add it to the connector's settings, then retry"
        violation = Violation("E-STATUS-UNKNOWN", "status", order.channel_status, fix, Owner.OPERATIONS)
        return Outcome(message, Park((violation,)), facts=facts)
    if order.standing is Standing.HELD and not _followed(order, before, known):
        return Outcome(message, Done(Result.NO_EFFECT, f"held: {order.hold_reason}"), facts=facts)
    if _stands(before, order) and (order.ref in known.places or order.ref in known.revising):
        return Outcome(message, Done(Result.NO_EFFECT, "nothing changed"), facts=facts)
    effects, changes = missing(message, order, known, destination)
    if order.standing is Standing.CANCELLED and known.answers and not effects:
        effects = (answer_cancellation.draft(known.answers, message, order),)
    if known.tells and not effects and not changes and _is_new_again(order, known):
        effects = (acknowledge.draft(known.tells, message, again=order),)
    result = Result.APPLIED if effects or changes else Result.NO_EFFECT
    return Outcome(message, Done(result), effects, (*facts, *changes))


def _unread(message: Claimed, order: Unreadable | None) -> Outcome:
    if order is not None:
        return Outcome(message, Park(order.violations))
    if message.attempts < MOST_LOOKS:
        return Outcome(message, Retry("the channel does not show the order yet"))
    return Outcome(message, Done(Result.NO_EFFECT, "the channel does not know this order"))


def _outdated(message: Claimed, order: Order, before: Snapshot | None) -> Done | Retry | None:
    """Of two reads under one stamp one is the older, and nothing says which: it is read again (RC-16)."""
    if before is not None and order.updated_at < before.version_at:
        return Done(Result.NO_EFFECT, "older than what we know")
    same_stamp = before is not None and order.updated_at == before.version_at
    if same_stamp and message.attempts == 1 and not _stands(before, order):
        return Retry("another content under the same stamp: read again")
    return None


def _followed(order: Order, before: Snapshot | None, known: Known) -> bool:
    """A held order is not sent; one that was sent before is followed all the same, unless it was only finished."""
    if order.ref not in known.bindings:
        return False
    cancelled = {line.ref: line.cancelled for line in before.order.lines} if before else {}
    more = any(line.cancelled > cancelled.get(line.ref, 0) for line in order.lines)
    return order.paused or more or order.ref in known.parked


def _seen(before: Snapshot | None, order: Order, known: Known) -> tuple[OrderSeen | Doubted, ...]:
    """What a list showed last may be what it shows after a change there and back that it never showed: whoever sees the
    order stand otherwise makes its rows count as new.
    """
    if not known.listed or before is None or before.order.standing is order.standing:
        return (OrderSeen(order),)
    return (OrderSeen(order), Doubted(order.connection, order.ref))


def _stands(before: Snapshot | None, order: Order) -> bool:
    """What its open effect was appended for still holds."""
    return (
        before is not None
        and before.content == content_of(order)
        and (before.order.standing, before.order.dispatched) == (order.standing, order.dispatched)
    )


def _is_new_again(order: Order, known: Known) -> bool:
    """The ERP has it, nobody is about to say so, and the channel waits to hear it: it put a line back."""
    waits = order.standing is Standing.RELEASABLE and order.unacknowledged
    return waits and order.ref in known.bindings and order.ref not in known.telling | known.places.keys()


def missing(
    message: Claimed, order: Order, known: Known, destination: str
) -> tuple[tuple[Draft, ...], tuple[Change, ...]]:
    """The effects that the ERP has not seen, and what becomes of a place effect that was not sent. While an edit or a
    cancellation is open the ERP may be about to lose what it has: what was taken back is looked at behind it.
    """
    place, bound = known.places.get(order.ref), known.bindings.get(order.ref)
    cancelled = order.standing is Standing.CANCELLED
    content = content_of(order)
    if place is not None and place.unsent:
        return (), _amended(place, order, known)
    if bound is None and place is None:
        return (() if cancelled else (_draft("place", message, order, known, destination),)), ()
    if (parked := known.parked.get(order.ref)) is not None:
        return (), (Change(parked.id, amend=sku_lanes(_skus(order, known))),)
    if cancelled:
        return (_draft("cancel", message, order, known, destination),), ()
    if bound is not None and bound.content == content and order.ref not in known.revising:
        return (), ()
    return (_draft("change", message, order, known, destination),), ()


def _amended(place: OpenEffect, order: Order, known: Known) -> tuple[Change, ...]:
    """The body is read at send time; only lanes, a hold or a park need the message itself to move. One that stays must
    still be unsent when the new snapshot is kept, or it would be sent with the old one and nobody would notice.
    """
    if order.standing is Standing.CANCELLED:
        return (Change(place.id, end=Done(Result.CANCELLED, "cancelled before it was sent")),)
    lanes = sku_lanes(codes(order, known.mappings))
    if lanes == place.lanes and place.state == "ready":
        return (Change(place.id),)
    return (Change(place.id, amend=lanes),)


def _draft(verb: str, message: Claimed, order: Order, known: Known, destination: str) -> Draft:
    return Draft(
        kind=f"{known.erp}.sales_order.{verb}",
        cls=MessageClass.EFFECT,
        destination=destination,
        source=order.connection,
        key=_key(verb, order, known),
        order_ref=order.ref,
        skus=codes(order, known.mappings) if verb == "place" else _skus(order, known),
        body={"ref": order.ref},
        parent=message.id,
    )


def _skus(order: Order, known: Known) -> tuple[str, ...]:
    """Of what is in the ERP, too: a line that goes gives stock back."""
    bound = known.bindings.get(order.ref)
    return (*codes(order, known.mappings), *(bound.codes.values() if bound else ()))


def _key(verb: str, order: Order, known: Known) -> str:
    """The business fact: one place for each order, one change for each version of it: an edit that was taken back may
    be made again. An order that was cancelled unsent and opened again is a new fact.
    """
    version = f"/{order.version}"
    if verb == "place":
        key = place_key(known.erp, order.connection, order.ref)
        return key + version if key in known.placed else key
    digest = content_of(order).hex()[:32]
    return f"{known.erp}/sales_order_{verb}/{order.connection}/{order.ref}/{digest}{version}"
