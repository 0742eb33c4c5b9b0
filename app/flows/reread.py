"""A notice says "look": read the order again, compare it with what we know, and return the effects that are missing.

Duplicate, late and reordered notices are harmless here by construction.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass

import asyncpg

from app.domain.channel import Channel
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
from app.domain.rules import Mappings
from app.flows import acknowledge, answer_cancellation
from app.flows.brought import after, read
from app.flows.context import Context
from app.flows.flow import Batch
from app.flows.turn import in_turn
from app.ledger import binding, snapshot
from app.ledger.binding import Binding
from app.ledger.listing import Dropped
from app.ledger.snapshot import OrderSeen, Snapshot, content_of
from app.outbox.settle import Change

MOST_LOOKS = 6
"""Reads of an order that the channel announced and does not show; then it is none of ours."""


@dataclass(frozen=True, slots=True)
class Place:
    """The open place effect of an order. `unsent`: it may still be amended."""

    id: int
    unsent: bool
    state: str
    lanes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """What we know of the orders of a batch. `erp`: the ERP's name. `revising`: orders whose change or cancellation is
    still to be looked at. `placed`: keys of place effects that there ever were. `answers`: the channel, where it waits for
    an answer to a cancellation. `tells`: the channel, where it wants to hear of orders; `telling`: whose
    acknowledgement is on its way, or waits for a person. `listed`: whether orders are found in lists that tell no changes.
    """

    erp: str
    snapshots: Mapping[str, Snapshot]
    bindings: Mapping[str, Binding]
    places: Mapping[str, Place]
    revising: frozenset[str]
    placed: frozenset[str]
    mappings: Mappings
    answers: Channel | None = None
    tells: Channel | None = None
    telling: frozenset[str] = frozenset()
    listed: bool = False


async def reread(ctx: Context, batch: Batch) -> AsyncGenerator[Sequence[Outcome], None]:
    """One request for up to 200 orders, in notice order, each order once."""
    channel = ctx.channels[batch.messages[0].destination]
    refs = list(dict.fromkeys(m.order_ref for m in batch.messages if m.order_ref is not None))
    if channel.fetch_orders is None:
        yield [Outcome(m, Done(Result.NO_EFFECT, "the channel has no orders")) for m in batch.messages]
        return
    orders = await read(ctx, channel, batch.messages)
    known = await _known(ctx, channel, refs)
    if not channel.stamped:
        orders = {ref: after(known.snapshots.get(ref), order) for ref, order in orders.items()}
    seen: set[str | None] = set()
    outcomes = []
    for message in batch.messages:
        if message.order_ref in seen:
            outcomes.append(Outcome(message, Done(Result.NO_EFFECT, "read with another notice")))
        else:
            seen.add(message.order_ref)
            outcomes.append(compare(message, orders.get(message.order_ref or ""), known, ctx.erp.destination))
    async for group in in_turn(ctx, channel.destination, outcomes):
        yield group


async def _known(ctx: Context, channel: Channel, refs: Sequence[str]) -> Known:
    """Effects before bindings: one that ends in between is then bound, and not simply gone."""
    mappings = await ctx.mappings()
    name, connection = ctx.erp.name, channel.connection
    rows = await ctx.pool.fetch(
        """
        SELECT id, order_ref, kind, state, send_begun, lanes FROM message_state
        WHERE source = $1 AND order_ref = ANY($2::text[]) AND kind = ANY($3::text[])
        """,
        connection,
        list(refs),
        [
            *(f"{name}.sales_order.{verb}" for verb in ("place", "change", "cancel")),
            f"{channel.name}.acknowledge",
        ],
    )
    keys = await ctx.pool.fetch(
        "SELECT key FROM idempotency_key WHERE key = ANY($1::text[])",
        [_place_key(name, connection, ref) for ref in refs],
    )
    places = {row["order_ref"]: _place(row) for row in rows if row["kind"].endswith(".place")}
    return Known(
        name,
        await snapshot.read(ctx.pool, connection, refs),
        await binding.read(ctx.pool, connection, refs),
        places,
        frozenset(row["order_ref"] for row in rows if row["kind"].endswith((".change", ".cancel"))),
        frozenset(row["key"] for row in keys),
        mappings,
        channel if channel.answer_cancellation else None,
        channel if channel.acknowledge else None,
        frozenset(row["order_ref"] for row in rows if row["kind"].endswith(".acknowledge")),
        channel.unpack is not None,
    )


def _place(row: asyncpg.Record) -> Place:
    unsent = row["state"] in {"waiting", "ready", "parked"} and not row["send_begun"]
    return Place(row["id"], unsent, row["state"], tuple(row["lanes"]))


def compare(message: Claimed, order: Order | Unreadable | None, known: Known, destination: str) -> Outcome:
    """Pure: one fresh read against what is known."""
    if order is None:
        if message.attempts < MOST_LOOKS:
            return Outcome(message, Retry("the channel does not show the order yet"))
        return Outcome(message, Done(Result.NO_EFFECT, "the channel does not know this order"))
    if isinstance(order, Unreadable):
        return Outcome(message, Park(order.violations))
    before = known.snapshots.get(order.ref)
    if before is not None and order.updated_at < before.version_at:
        return Outcome(message, Done(Result.NO_EFFECT, "older than what we know"))
    facts = _seen(before, order, known)
    if order.standing is Standing.UNKNOWN:
        fix = "decide what this status means, add it to the connector's settings, then retry"
        violation = Violation("E-STATUS-UNKNOWN", "status", order.channel_status, fix, Owner.OPERATIONS)
        return Outcome(message, Park((violation,)), facts=facts)
    if order.standing is Standing.HELD:
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


def _seen(before: Snapshot | None, order: Order, known: Known) -> tuple[OrderSeen | Dropped, ...]:
    """What a list showed last may be what it shows after a change there and back that it never showed: whoever sees the
    order stand otherwise makes its rows count as new.
    """
    if not known.listed or before is None or before.order.standing is order.standing:
        return (OrderSeen(order),)
    return (OrderSeen(order), Dropped(order.connection, order.ref))


def _stands(before: Snapshot | None, order: Order) -> bool:
    """What its open effect was appended for still holds."""
    return (
        before is not None and before.content == content_of(order) and before.order.standing is order.standing
    )


def _is_new_again(order: Order, known: Known) -> bool:
    """The ERP has it, nobody is about to say so, and the channel waits to hear it: it put a line back."""
    waits = order.standing is Standing.RELEASABLE and order.unacknowledged
    return waits and order.ref in known.bindings and order.ref not in known.telling | known.places.keys()


def missing(
    message: Claimed, order: Order, known: Known, destination: str
) -> tuple[tuple[Draft, ...], tuple[Change, ...]]:
    """The effects that the ERP has not seen, and what becomes of a place effect that was not sent."""
    place, bound = known.places.get(order.ref), known.bindings.get(order.ref)
    cancelled = order.standing is Standing.CANCELLED
    content = content_of(order)
    if place is not None and place.unsent:
        return (), _amended(place, order, known)
    if bound is None and place is None:
        return (() if cancelled else (_draft("place", message, order, known, destination),)), ()
    if cancelled:
        return (_draft("cancel", message, order, known, destination),), ()
    if bound is not None and bound.content == content:
        return (), ()
    return (_draft("change", message, order, known, destination),), ()


def _amended(place: Place, order: Order, known: Known) -> tuple[Change, ...]:
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
        skus=codes(order, known.mappings),
        body={"ref": order.ref},
        parent=message.id,
    )


def _key(verb: str, order: Order, known: Known) -> str:
    """The business fact: one place for each order, one change for each version of it: an edit that was taken back may
    be made again. An order that was cancelled unsent and opened again is a new fact.
    """
    version = f"/{order.updated_at:%Y%m%dT%H%M%S.%f}"
    if verb == "place":
        key = _place_key(known.erp, order.connection, order.ref)
        return key + version if key in known.placed else key
    digest = content_of(order).hex()[:32]
    return f"{known.erp}/sales_order_{verb}/{order.connection}/{order.ref}/{digest}{version}"


def _place_key(erp: str, connection: str, ref: str) -> str:
    return f"{erp}/sales_order/{connection}/{ref}"
