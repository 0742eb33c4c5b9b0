"""A channel that holds an order which the ERP has already: the ERP takes no such word over its API, so a person is told."""

from app.domain.message import Claimed, Owner, Violation
from app.domain.order import Order
from app.ledger.binding import Binding
from app.ledger.snapshot import Snapshot
from app.outbox.cases import Case, Cleared

CODE = "E-HELD-AFTER-POST"


def told(
    message: Claimed, order: Order, before: Snapshot | None, bound: Binding | None
) -> tuple[Case | Cleared, ...]:
    """A flag once it is held; it closes by itself when the channel releases the order."""
    was = before is not None and before.order.paused
    if bound is None or order.paused == was:
        return ()
    if not order.paused:
        return (Cleared(message.source, order.ref, CODE),)
    value = f"{bound.document_no}: {order.hold_reason}"
    fix = f"put sales order {bound.document_no} on hold in the ERP until the channel releases it"
    return (
        Case(
            message.id,
            message.source,
            order.ref,
            (Violation(CODE, "hold_reason", value, fix, Owner.OPERATIONS),),
            flag=True,
        ),
    )
