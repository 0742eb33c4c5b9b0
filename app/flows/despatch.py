"""The ERP despatched: for each note of an order of ours, its channel is told. A note that was corrected is looked at
again.
"""

from collections.abc import AsyncGenerator, Sequence

import asyncpg

from app.domain.channel import Channel
from app.domain.despatch import Note
from app.domain.message import (
    Claimed,
    Done,
    Draft,
    MessageClass,
    Outcome,
    Owner,
    Result,
    Retry,
    Snooze,
    Violation,
)
from app.flows.context import Context
from app.flows.flow import Batch
from app.flows.upstream import timed
from app.ledger import binding, parcel
from app.ledger.binding import Binding
from app.ledger.notes import NotesSeen
from app.ledger.parcel import Told
from app.outbox.cases import Case
from app.outbox.settle import Change

Ours = tuple[str, str, Binding]
UNBOUND_SECONDS = 60.0
BUSY_SECONDS = 2.0


async def despatched(ctx: Context, batch: Batch) -> AsyncGenerator[Sequence[Outcome], None]:
    """A notice names a document; all of its notes are read, each becomes one effect for ever."""
    ids = list(dict.fromkeys(int(message.body["document_id"]) for message in batch.messages))
    ours = await binding.of_documents(ctx.pool, ctx.erp.destination, ids)
    notes = (
        await timed(ctx, ctx.erp.name, "notes", ctx.erp.notes(list(ours))) if ctx.erp.notes and ours else {}
    )
    outcomes, seen = [], set[int]()
    for message in batch.messages:
        number = int(message.body["document_id"])
        channel = _channel(ctx, ours.get(number))
        if channel is None:
            outcomes.append(_foreign(ctx, message, known=number in ours))
        elif number in seen:
            outcomes.append(Outcome(message, Done(Result.NO_EFFECT, "read with another notice")))
        else:
            seen.add(number)
            outcomes.append(await _look(ctx, message, channel, (ours[number], notes.get(number, ()))))
    yield outcomes


def _foreign(ctx: Context, message: Claimed, *, known: bool) -> Outcome:
    """A document with a reference like ours may be bound later: its create is in doubt, or parked, or was forgotten with a
    lost database. It is looked for until it counts as a failure that somebody must see.
    """
    prefixes = tuple(f"{channel.prefix}-" for channel in ctx.channels.values() if channel.ship)
    if not known and str(message.body.get("key", "")).startswith(prefixes):
        return Outcome(message, Retry("its order is not bound to it yet", UNBOUND_SECONDS))
    return Outcome(message, Done(Result.NO_EFFECT, "no order of ours, or of a channel that is not told"))


async def _look(
    ctx: Context, message: Claimed, channel: Channel, what: tuple[Ours, Sequence[Note]]
) -> Outcome:
    (connection, ref, bound), notes = what
    told = await parcel.read(ctx.pool, connection, ref)
    drafts = [_draft(channel, message, (connection, ref, bound), note.number) for note in notes]
    parked, busy = await _parked(ctx.pool, drafts)
    if busy:
        return Outcome(message, Snooze("a note of it is being told just now", BUSY_SECONDS))
    changes = tuple(Change(one, amend=()) for one in parked)
    there = {note.number: note for note in notes}
    stale = sorted(number for number, one in told.items() if not _holds(one, there.get(number)))
    flags = (Case(message.id, connection, ref, (_changed(stale),), flag=True),) if stale else ()
    result = Result.APPLIED if drafts else Result.NO_EFFECT
    seen = NotesSeen(ctx.erp.destination, bound.document_id, (connection, ref), tuple(notes))
    return Outcome(message, Done(result, f"{len(drafts)} notes"), tuple(drafts), (*changes, *flags, seen))


def _holds(told: Told, note: Note | None) -> bool:
    return note is not None and told.still_says(note)


def _changed(numbers: Sequence[str]) -> Violation:
    """Nothing is taken back by itself: what a retailer or a shopper was told stays told."""
    fix = "tell the channel by hand what changed, or set the note right in the ERP"
    return Violation("E-NOTE-CHANGED", "despatch_no", ", ".join(numbers), fix, Owner.CX)


def _channel(ctx: Context, ours: Ours | None) -> Channel | None:
    if ours is None:
        return None
    channel = next((one for one in ctx.channels.values() if one.connection == ours[0]), None)
    return channel if channel and channel.ship else None


def _draft(channel: Channel, message: Claimed, ours: Ours, note: str) -> Draft:
    """One for each note, however often it is read: the fact is the note."""
    _, ref, bound = ours
    return Draft(
        kind=f"{channel.name}.ship",
        cls=MessageClass.EFFECT,
        destination=channel.destination,
        source=channel.connection,
        key=f"{channel.name}/ship/{channel.connection}/{ref}/{note}",
        order_ref=ref,
        body={"ref": ref, "note": note, "document_id": bound.document_id},
        parent=message.id,
    )


async def _parked(pool: asyncpg.Pool, drafts: Sequence[Draft]) -> tuple[list[int], bool]:
    """Those that wait for a person although their note may have been corrected meanwhile (R-48), and whether one is being
    worked on: it may have read what was there before.
    """
    rows = await pool.fetch(
        """
        SELECT s.id, s.state FROM idempotency_key AS k JOIN message_state AS s ON s.id = k.message_id
        WHERE k.key = ANY($1::text[]) AND s.state IN ('parked', 'leased') AND NOT s.send_begun ORDER BY s.id
        """,
        [draft.key for draft in drafts],
    )
    parked = [row["id"] for row in rows if row["state"] == "parked"]
    return parked, len(parked) < len(rows)
