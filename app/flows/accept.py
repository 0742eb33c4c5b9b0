"""Accept: a person says that an exception needs no repair. What it held up ends unsent; flags are acknowledged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import asyncpg

from app.domain.erp import Document, DocumentStanding
from app.domain.errors import SluiceError
from app.domain.message import Done, Draft, Result
from app.domain.order import Order
from app.domain.reference import probe_key
from app.domain.remedy import Ending, ending_of
from app.flows import bind_order
from app.flows.aim import Aim, members
from app.ledger import audit, binding, notes, shipped, snapshot
from app.ledger.binding import Bound
from app.ledger.causes import Member
from app.outbox import cases
from app.outbox.append import append
from app.outbox.end import end
from app.outbox.enter import enter_all
from app.outbox.tickets import MovedError

TRIES = 10


class UnfitError(SluiceError):
    """A person's word cannot settle it; the text says why and what can be done."""


@dataclass(frozen=True, slots=True)
class Word:
    """`document`: the ERP's number of an order that was posted by hand. `prefixes`: connection -> prefix of its keys in
    the ERP.
    """

    actor: str
    reason: str
    document: str = ""
    prefixes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Accepted:
    messages: int
    cases: int


async def accept(pool: asyncpg.Pool, aim: Aim, word: Word) -> Accepted:
    """What the plan of this aim showed. Safe however often it is pressed. Raises UnfitError and settles nothing where one
    of them cannot be accepted.
    """
    for tries in range(TRIES):
        try:
            async with pool.acquire() as conn, conn.transaction():
                done = await _accept(conn, await members(conn, aim), word)
            break
        except MovedError:
            if tries + 1 == TRIES:
                raise UnfitError("it is being worked on by somebody else just now: look again") from None
    await enter_all(pool)
    return done


async def _accept(conn: asyncpg.Connection, going: Sequence[Member], word: Word) -> Accepted:
    held = {one.message_id: one for one in going if one.message_id is not None and not one.flag}
    ends = {number: _done(one, word) for number, one in held.items()}
    by_hand = [one for one in held.values() if _ending(one) is Ending.BY_HAND]
    if len(by_hand) > 1:
        raise UnfitError(
            "each order that was posted by hand has a document of its own: accept them one by one"
        )
    bound = [await _bound(conn, one, word) for one in by_hand]
    ended = await end(conn, ends, "accepted")
    flags = await cases.acknowledge(conn, [one.case_id for one in going if one.flag])
    await binding.record(
        conn, [fact for fact, one in zip(bound, by_hand, strict=True) if one.message_id in ended]
    )
    named = [one for one in by_hand if one.message_id in ended]
    for one in named:
        await binding.rename(conn, one.source, one.order_ref or "", word.document)
    await append(conn, [_bind(one, word) for one in named])
    await notes.tell_by_hand(conn, ended)
    await shipped.record(conn, await shipped.of_messages(conn, ended))
    for number in ended:
        if _ending(held[number]) is Ending.LEFT:
            await binding.leave(conn, held[number].source, held[number].order_ref or "")
    done = [one for one in going if one.case_id in flags or (not one.flag and one.message_id in ended)]
    if done:
        await audit.note(
            conn,
            word.actor,
            "exceptions.accept",
            ", ".join(str(one.case_id) for one in done[:20]),
            reason=word.reason,
            messages=ended,
            before=[{"exception": one.case_id, "code": one.code, "state": _stood(one)} for one in done],
            after=[{"exception": one.case_id, "settled": _ending(one).value} for one in done],
            document=word.document or None,
        )
    return Accepted(len(ended), len(done))


def _ending(one: Member) -> Ending:
    return ending_of(one.kind, one.cls, flag=one.flag)


def _stood(one: Member) -> str:
    return "flagged" if one.flag else "parked"


def _done(one: Member, word: Word) -> Done:
    """Raises UnfitError."""
    match _ending(one):
        case Ending.LEFT:
            return Done(Result.NO_EFFECT, "accepted: the ERP stays as it is")
        case Ending.DISMISSED:
            return Done(Result.NO_EFFECT, "accepted: nothing follows from it")
        case Ending.TOLD:
            return Done(Result.APPLIED, "accepted: a person told the channel")
        case Ending.DESPATCHED:
            return Done(Result.APPLIED, "accepted: a person despatched it in the ERP")
        case Ending.BY_HAND if word.document:
            return Done(Result.APPLIED, f"posted by hand as {word.document}")
        case Ending.BY_HAND:
            why = "an order is not dropped: name the document as which it was posted by hand, or cancel it in the channel"
            raise UnfitError(why)
    raise UnfitError("what this holds up must be worked: mend the cause and retry")


async def _bound(conn: asyncpg.Connection, one: Member, word: Word) -> Bound:
    """The order and its document, so that later edits are held against it and nothing is sent again. Its id is 0, which is
    nobody's, until the ERP was asked for it. Raises UnfitError.
    """
    ref = one.order_ref or ""
    taken = (await snapshot.read(conn, one.source, [ref])).get(ref)
    if taken is None or one.source not in word.prefixes:
        raise UnfitError("the order was not read yet, or its connection is not configured here")
    if await binding.is_of_another(conn, word.document, (one.source, ref)):
        raise UnfitError("another order is that document already")
    key = probe_key(word.prefixes[one.source], ref)
    return Bound(
        one.source,
        ref,
        one.destination or "",
        key,
        _document(word.document, key, taken.order),
        taken.content,
        adopted=True,
    )


def _bind(one: Member, word: Word) -> Draft:
    order = (one.source, one.order_ref or "")
    return bind_order.draft(one.kind or "", one.destination or "", order, word.document, one.message_id or 0)


def _document(number: str, key: str, order: Order) -> Document:
    """With the channel's figures: a person says that they are the ERP's."""
    net: Decimal = order.totals.gross - order.totals.tax
    return Document(0, number, key, "", DocumentStanding.LIVE, net, order.totals.tax, order.totals.gross, {})
