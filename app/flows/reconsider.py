"""Orders that parked for something in the ERP that has been mended there since: they go by themselves (R-17, RC-18)."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import asyncpg

from app.domain.erp import Erp, SalesOrder
from app.domain.errors import PermanentError
from app.domain.message import Done, Draft, Outcome, Result
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


@dataclass(frozen=True, slots=True)
class _Waiting:
    case_id: int
    source: str
    ref: str


def draft(erp: Erp) -> Draft:
    return poll.draft(erp, "reconsider", "reconsider")


async def reconsider(ctx: Context, batch: Batch) -> AsyncGenerator[Sequence[Outcome], None]:
    for message in batch.messages:
        count = await release_mended(ctx)
        following = replace(draft(ctx.erp), due_at=ctx.now() + timedelta(seconds=ctx.pace.poll))
        done = Done(Result.APPLIED if count else Result.NO_EFFECT, f"{count} released")
        yield [Outcome(message, done, (following,))]


async def release_mended(ctx: Context, size: int = PAGE) -> int:
    """Answers how many: those in whose way nothing stands any more. `size`: orders that are looked at together."""
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
        SELECT e.id AS case_id, e.source, e.order_ref AS ref
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
    return [_Waiting(**dict(row)) for row in rows]


async def _mended(ctx: Context, page: Sequence[_Waiting]) -> list[int]:
    taken: dict[tuple[str, str], Snapshot] = {}
    for source in {one.source for one in page} & {channel.connection for channel in ctx.channels.values()}:
        refs = [one.ref for one in page if one.source == source]
        found = await snapshot.read(ctx.pool, source, refs)
        taken |= {(source, ref): one for ref, one in found.items()}
    try:
        planned = await plan_all(ctx, taken)
    except PermanentError:
        # One order's look-up is refused: it waits on, and the others do not wait with it.
        if len(page) == 1:
            return []
        middle = len(page) // 2
        return [*await _mended(ctx, page[:middle]), *await _mended(ctx, page[middle:])]
    return [one.case_id for one in page if isinstance(planned.get((one.source, one.ref)), SalesOrder)]
