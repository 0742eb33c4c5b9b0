"""Sage despatched: for each note of an order of ours, its channel is told. A note that was corrected is looked at again."""

from collections.abc import AsyncGenerator, Sequence

import asyncpg

from app.domain.channel import Channel
from app.domain.message import Claimed, Done, Draft, MessageClass, Outcome, Result
from app.flows.context import Context
from app.flows.flow import Batch
from app.flows.upstream import timed
from app.ledger import binding
from app.ledger.binding import Binding
from app.outbox.settle import Change

Ours = tuple[str, str, Binding]


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
        if number in seen or channel is None:
            why = (
                "read with another notice"
                if number in seen
                else "no order of ours, or of a channel that is not told"
            )
            outcomes.append(Outcome(message, Done(Result.NO_EFFECT, why)))
            continue
        seen.add(number)
        drafts = [_draft(channel, message, ours[number], note.number) for note in notes.get(number, ())]
        parked = await _parked(ctx.pool, drafts)
        changes = tuple(Change(one, amend=()) for one in parked)
        result = Result.APPLIED if drafts else Result.NO_EFFECT
        outcomes.append(Outcome(message, Done(result, f"{len(drafts)} notes"), tuple(drafts), changes))
    yield outcomes


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


async def _parked(pool: asyncpg.Pool, drafts: Sequence[Draft]) -> list[int]:
    """Those that wait for a person although their note may have been corrected meanwhile (R-48)."""
    rows = await pool.fetch(
        """
        SELECT s.id FROM idempotency_key AS k JOIN message_state AS s ON s.id = k.message_id
        WHERE k.key = ANY($1::text[]) AND s.state = 'parked' AND NOT s.send_begun ORDER BY s.id
        """,
        [draft.key for draft in drafts],
    )
    return [row["id"] for row in rows]
