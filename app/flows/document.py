"""The document that an order is bound to, as the ERP shows it now."""

from app.domain.erp import Document
from app.flows.context import Context
from app.flows.upstream import timed
from app.ledger.binding import Binding


async def read_document(ctx: Context, bound: Binding) -> Document | None:
    """By our key, archive included; one that a person entered bears none and is found by its number."""
    found = await timed(ctx, ctx.erp.name, "probe", ctx.erp.probe([bound.probe_key]))
    ours = next((one for one in found.get(bound.probe_key, ()) if one.id == bound.document_id), None)
    if ours is not None or ctx.erp.find is None:
        return ours
    named = await timed(ctx, ctx.erp.name, "find", ctx.erp.find([bound.document_no]))
    return named.get(bound.document_no)
