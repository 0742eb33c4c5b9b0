"""An order that was posted by hand: its document is found by the number that a person gave, and proven (R-56)."""

from collections.abc import AsyncGenerator, Sequence

from app.domain.despatch import line_codes
from app.domain.erp import Document, DocumentStanding
from app.domain.message import Claimed, Done, Draft, MessageClass, Outcome, Owner, Park, Result, Violation
from app.domain.order import Order
from app.domain.rules import Mappings
from app.flows import acknowledge
from app.flows.context import Context
from app.flows.flow import Batch
from app.flows.upstream import timed
from app.ledger.binding import Proven
from app.ledger.order import read_order
from app.outbox.cases import Case

UNKNOWN = "E-DOCUMENT-UNKNOWN"
NONE = frozenset({DocumentStanding.CANCELLED, DocumentStanding.DRAFT})
"""What is no order. One that was despatched and completed before anybody named it is one."""


def draft(kind: str, destination: str, order: tuple[str, str], number: str, ended: int) -> Draft:
    """`kind`, `ended`: of the effect that the person's word ended, and its id: the same number may be named again once the
    document is there. `order`: connection and ref.
    """
    connection, ref = order
    erp = kind.partition(".")[0]
    return Draft(
        kind=f"{erp}.sales_order.bind",
        cls=MessageClass.EFFECT,
        destination=destination,
        source=connection,
        key=f"{erp}/sales_order_bind/{connection}/{ref}/{number}/{ended}",
        order_ref=ref,
        body={"ref": ref, "number": number},
    )


async def bind(ctx: Context, batch: Batch) -> AsyncGenerator[Sequence[Outcome], None]:
    for message in batch.messages:
        yield [await _bind(ctx, message)]


async def _bind(ctx: Context, message: Claimed) -> Outcome:
    ref, number = message.order_ref or "", str(message.body["number"])
    bound, newest = await read_order(ctx.pool, message.source, ref)
    if bound is None or bound.document_id or newest is None or ctx.erp.find is None:
        return Outcome(message, Done(Result.NO_EFFECT, "it is bound already, or not at all"))
    document = (await timed(ctx, ctx.erp.name, "find", ctx.erp.find([number]))).get(number)
    if document is None or document.standing in NONE:
        return Outcome(message, Park((_unproven(number, document),)))
    order = newest.order
    fact = Proven(message.source, ref, document, codes_of(order, document, await ctx.mappings()))
    cases = _compared(message, order, document)
    channel = ctx.channel_of(message.source)
    told = (acknowledge.draft(channel, message),) if channel.acknowledge else ()
    done = Done(Result.APPLIED, f"{number} is id {document.id}")
    return Outcome(message, done, (*told, _look(ctx, message, document)), (fact, *cases))


def _look(ctx: Context, message: Claimed, document: Document) -> Draft:
    """What was despatched of it before anybody knew whose it was."""
    return Draft(
        kind=f"{ctx.erp.name}.despatch",
        cls=MessageClass.NOTICE,
        destination=ctx.erp.destination,
        source=ctx.erp.connection,
        key=f"{ctx.erp.name}/{ctx.erp.connection}/despatch/{document.id}/bound",
        body={"document_id": document.id, "note": "", "key": ""},
        parent=message.id,
    )


def _unproven(number: str, document: Document | None) -> Violation:
    value = number if document is None else f"{number} is {document.standing.value}"
    fix = "the ERP has no such live sales order: enter it there under this number, then retry"
    return Violation(UNKNOWN, "document_no", value, fix, Owner.OPERATIONS)


def codes_of(order: Order, document: Document, mappings: Mappings) -> dict[str, str]:
    """Channel line -> the ERP's code. One line that was entered under another code is known by being the only one."""
    codes = line_codes(order, mappings, {})
    strange = [ref for ref, code in codes.items() if code not in document.quantities]
    spare = [code for code in document.quantities if code not in codes.values()]
    return codes | ({strange[0]: spare[0]} if len(strange) == len(spare) == 1 else {})


def _compared(message: Claimed, order: Order, document: Document) -> tuple[Case, ...]:
    """A flag: what was typed by hand stands, and finance sees where it differs."""
    units = sum(line.quantity for line in order.lines)
    if (document.gross, sum(document.quantities.values())) == (order.totals.gross, units):
        return ()
    value = f"{document.number}: {document.gross} in the ERP, {order.totals.gross} in the channel"
    fix = "compare goods and totals; correct the document in the ERP before it is despatched"
    violation = Violation("E-TOTAL-MISMATCH", "total_gross_value", value, fix, Owner.FINANCE)
    return (Case(message.id, message.source, message.order_ref, (violation,), flag=True),)
