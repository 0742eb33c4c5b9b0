"""Orders that parked for something in the ERP that has been mended there since: they go by themselves (R-17, RC-18)."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import asyncpg

from app.domain.erp import Erp, SalesOrder
from app.domain.errors import PermanentError
from app.domain.message import Done, Draft, Outcome, Result, Violation
from app.flows import poll
from app.flows.context import Context
from app.flows.flow import Batch
from app.flows.plan_order import plan_all
from app.flows.release import release
from app.ledger import snapshot
from app.ledger.snapshot import Snapshot

PAGE = 200
MENDABLE = (
    *("E-SKU-UNKNOWN", "E-SKU-AMBIGUOUS", "E-SKU-INACTIVE", "E-CUST-UNKNOWN", "E-CUST-ONHOLD"),
    *("E-WAREHOUSE-UNKNOWN", "E-CHARGE-UNKNOWN", "E-NOMINAL-UNKNOWN"),
)
"""What people mend in the ERP, which tells nobody of it."""
OF_PRICES = ("E-PRICE-MISMATCH", "E-PRICE-UNKNOWN")
"""What nobody can tell without asking for prices, line by line: it is told again when the order is sent."""

_Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Waiting:
    """`wrong`: what its case complains of, as (code, field, value)."""

    case_id: int
    key: _Key
    wrong: frozenset[tuple[str, str, str]]


def draft(erp: Erp) -> Draft:
    return poll.draft(erp, "reconsider", "reconsider")


async def reconsider(ctx: Context, batch: Batch) -> AsyncGenerator[Sequence[Outcome], None]:
    for message in batch.messages:
        count = await release_mended(ctx)
        following = replace(draft(ctx.erp), due_at=ctx.now() + timedelta(seconds=ctx.pace.poll))
        done = Done(Result.APPLIED if count else Result.NO_EFFECT, f"{count} released")
        yield [Outcome(message, done, (following,))]


async def release_mended(ctx: Context, size: int = PAGE) -> int:
    """Answers how many: those that nothing of what they parked for keeps any more. `size`: orders that are looked at together."""
    after = count = 0
    while page := await _page(ctx.pool, ctx.erp.destination, after, size):
        after = page[-1].case_id
        if mended := await _mended(ctx, page):
            count += (await release(ctx.pool, mended, actor="sluice", reason="mended in the ERP")).messages
    return count


async def _page(pool: asyncpg.Pool, destination: str, after: int, size: int) -> list[_Waiting]:
    """A violation without a field is the ERP's own refusal: no plan can tell whether it would refuse again."""
    rows = await pool.fetch(
        """
        SELECT e.id, e.source, e.order_ref, e.violations
        FROM exception_case AS e JOIN message_state AS s ON s.id = e.message_id AND s.state = 'parked'
        WHERE e.closed_at IS NULL AND NOT e.flag AND e.id > $2 AND e.order_ref IS NOT NULL
          AND s.destination = $1 AND s.kind LIKE '%.sales_order.place'
          AND EXISTS (SELECT FROM jsonb_array_elements(e.violations) AS v
                      WHERE v ->> 'code' = ANY($3::text[]) AND v ->> 'field' <> '')
        ORDER BY e.id LIMIT $4
        """,
        destination,
        after,
        list(MENDABLE),
        size,
    )
    return [
        _Waiting(
            row["id"],
            (row["source"], row["order_ref"]),
            frozenset((one["code"], one["field"], one["value"]) for one in row["violations"]),
        )
        for row in rows
    ]


async def _mended(ctx: Context, page: Sequence[_Waiting]) -> list[int]:
    taken: dict[_Key, Snapshot] = {}
    for source in {one.key[0] for one in page} & {channel.connection for channel in ctx.channels.values()}:
        refs = [one.key[1] for one in page if one.key[0] == source]
        found = await snapshot.read(ctx.pool, source, refs)
        taken |= {(source, ref): one for ref, one in found.items()}
    try:
        free = await _free(ctx, [one for one in page if one.key in taken], taken)
    except PermanentError:
        # One order's look-up is refused: it waits on, and the others do not wait with it.
        if len(page) == 1:
            return []
        middle = len(page) // 2
        return [*await _mended(ctx, page[:middle]), *await _mended(ctx, page[middle:])]
    return [one.case_id for one in free]


async def _free(ctx: Context, page: Sequence[_Waiting], taken: Mapping[_Key, Snapshot]) -> list[_Waiting]:
    """Those of whose complaints none is left, prices apart. What else is wrong by now does not keep an order back: it parks
    again at once, and its new case says so. A complaint that only people here can mend keeps it as well as one of the
    ERP's, so that no order is let go twice for the same. Only an order that brings no prices, and that nothing else
    keeps, is looked at with the ERP's: which nominals and charges it needs may depend on them.
    """
    free = _unhindered(page, await plan_all(ctx, taken, priced=False))
    bare = [one for one in free if taken[one.key].order.unpriced]
    if not bare:
        return free
    planned = await plan_all(ctx, {one.key: taken[one.key] for one in bare}, priced=True)
    kept = set(bare) - set(_unhindered(bare, planned))
    return [one for one in free if one not in kept]


def _unhindered(
    page: Sequence[_Waiting], planned: Mapping[_Key, SalesOrder | tuple[Violation, ...]]
) -> list[_Waiting]:
    return [one for one in page if not one.wrong & _complaints(planned[one.key])]


def _complaints(planned: SalesOrder | tuple[Violation, ...]) -> frozenset[tuple[str, str, str]]:
    if isinstance(planned, SalesOrder):
        return frozenset()
    return frozenset((one.code, one.field, one.value) for one in planned if one.code not in OF_PRICES)
