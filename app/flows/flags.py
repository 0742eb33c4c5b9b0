"""Flags of what a sweep finds: one for each cause for as long as it lasts, seen by a person or not."""

from collections.abc import Sequence

from app.flows.context import Context
from app.outbox import cases
from app.outbox.cases import Case


async def fresh_flags(ctx: Context, source: str, code: str, found: Sequence[Case]) -> tuple[Case, ...]:
    """Those of `found`, flags of this code on their values, that are to be opened. Flags whose value is not found any more
    end; what comes back after that is flagged anew.
    """
    told = await cases.flags_of(ctx.pool, source, code)
    values = {case.violations[0].value for case in found}
    await cases.end_flags(ctx.pool, [number for number, value in told.items() if value not in values])
    return tuple(case for case in found if case.violations[0].value not in told.values())
