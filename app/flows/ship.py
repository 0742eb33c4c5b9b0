"""A despatch note of the ERP is told to the channel: read anew, validated whole, sent once (R-44-R-50)."""

import hashlib
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

from app.domain.calendar import civil_day
from app.domain.channel import Ship, Shipment
from app.domain.despatch import Note, Parcel, Shipping, describe, fill, line_codes, pack
from app.domain.errors import DestinationError, InDoubtError, SluiceError, SnoozeError
from app.domain.message import Claimed, Done, Outcome, Owner, Park, Result, Snooze, Violation
from app.flows.context import Context
from app.flows.flow import Batch, FencedError
from app.flows.plan_order import ELSEWHERE
from app.flows.upstream import timed
from app.flows.verdicts import verdict_of
from app.ledger import parcel
from app.ledger.notes import NotesSeen, told_by_hand
from app.ledger.order import read_order
from app.ledger.parcel import ParcelTold
from app.outbox.cases import Case, was_looked_at, was_told
from app.outbox.intend import Intent, forget, intend, last_sent

UNREAD_SECONDS = 5.0
UNSURE = "E-SHIP-UNSURE"


async def ship(ctx: Context, batch: Batch) -> AsyncGenerator[Sequence[Outcome], None]:
    """Each by itself: what one met, maybe after its send was begun, is no reason to begin it or another one again."""
    for message in batch.messages:
        try:
            outcome = await _ship(ctx, message)
        except DestinationError:
            raise
        except SluiceError as error:
            outcome = Outcome(message, verdict_of(error, ctx.pace))
        yield [outcome]


async def _ship(ctx: Context, message: Claimed) -> Outcome:
    """The order lane puts it behind the acknowledgement, and behind the notes before it."""
    channel, ref = ctx.channels[message.destination], message.order_ref or ""
    bound, taken = await read_order(ctx.pool, message.source, ref)
    if channel.ship is None or ctx.erp.notes is None:
        return Outcome(message, Done(Result.NO_EFFECT, "the channel is not told of despatches"))
    if bound is None or taken is None:
        return Outcome(message, Snooze("the order was not read yet", UNREAD_SECONDS))
    notes = await timed(ctx, ctx.erp.name, "notes", ctx.erp.notes([bound.document_id]))
    found = {note.number: note for note in notes.get(bound.document_id, ())}
    note = found.get(message.body["note"])
    if note is None:
        seen = NotesSeen(ctx.erp.destination, bound.document_id, (message.source, ref), tuple(found.values()))
        return Outcome(message, Done(Result.NO_EFFECT, "the note is no longer in the ERP"), facts=(seen,))
    told = await parcel.read(ctx.pool, message.source, ref)
    if note.number in told:
        return Outcome(message, Done(Result.NO_EFFECT, f"{note.number} was told"))
    mappings = await ctx.mappings()
    codes = line_codes(taken.order, mappings, bound.codes)
    today = civil_day(ctx.now())
    before = Counter[str]()
    for one in told.values():
        before.update(one.lines)
    for goods in await told_by_hand(ctx.pool, message.source, ref):
        before.update(fill(taken.order, codes, before, goods))
    packed = pack(Shipping(taken.order, note, before, codes, today), mappings)
    if not isinstance(packed, Parcel):
        return Outcome(message, Park(packed))
    ordered = {line.ref: line.quantity for line in taken.order.lines}
    shipment = Shipment(ref, taken.order.channel_id, packed, ordered, before, ctx.now())
    return await _tell(ctx, message, channel.ship, (note, shipment))


async def _tell(ctx: Context, message: Claimed, tell: Ship, what: tuple[Note, Shipment]) -> Outcome:
    """An intent right before the call: whether it was tried before decides what a read can prove."""
    note, shipment = what
    digest = hashlib.sha256(repr(shipment.parcel).encode()).digest()
    again = await _was_tried(ctx, message)

    async def begin() -> None:
        if not await _stands(ctx, note):
            raise SnoozeError("the note is being corrected just now", UNREAD_SECONDS)
        if message.id not in await intend(ctx.pool, [Intent(message, "ship", note.number, digest)]):
            raise FencedError("the message is no longer ours")

    try:
        call = tell(replace(shipment, again=again), begin)
        sent = await timed(ctx, ctx.channels[message.destination].name, "ship", call)
    except InDoubtError as error:
        fix = "look in the channel whether this part was despatched: if not, retry; if so, accept it as told"
        violation = Violation(UNSURE, "quantity", str(error), fix, Owner.OPERATIONS)
        return Outcome(message, Park((violation,), there=False))
    except (DestinationError, SnoozeError):
        await forget(ctx.pool, message)
        raise
    fact = ParcelTold(message.source, shipment.ref, note, shipment.parcel)
    cases = () if sent or again else await _elsewhere(ctx, message, shipment)
    said = f"{note.number}: {', '.join(describe(shipment.parcel))}"
    return Outcome(message, Done(Result.APPLIED if sent else Result.NO_EFFECT, said), facts=(fact, *cases))


async def _elsewhere(ctx: Context, message: Claimed, shipment: Shipment) -> tuple[Case, ...]:
    """The channel knew before it was told, by us or by nobody knows whom: people are told of it once."""
    known = ctx.channels[message.destination].signed
    if known or await was_told(ctx.pool, message.source, shipment.ref, ELSEWHERE):
        return ()
    value = f"note {shipment.parcel.note}, lines {', '.join(ref for ref, _ in shipment.parcel.lines)}"
    fix = (
        "the channel showed these lines as dispatched before it was told: see that no goods leave twice, and compare its"
        " tracking number with the note's"
    )
    violation = Violation(ELSEWHERE, "status", value, fix, Owner.CX)
    return (Case(None, message.source, shipment.ref, (violation,), flag=True),)


async def _stands(ctx: Context, note: Note) -> bool:
    """Whether the note is what it was when it was validated: somebody may be half-way through correcting it (RC-27)."""
    if ctx.erp.notes is None:
        return False
    notes = await timed(ctx, ctx.erp.name, "notes", ctx.erp.notes([note.document_id]))
    return note in notes.get(note.document_id, ())


async def _was_tried(ctx: Context, message: Claimed) -> bool:
    """A try without a definite answer; a person who let it go since has looked, and says that nothing is there."""
    if message.id not in await last_sent(ctx.pool, [message.id]):
        return False
    return not await was_looked_at(ctx.pool, message, UNSURE)
