"""Release: a person has mended the cause; what waited on it goes again, in the order in which it came."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import asyncpg

from app.domain.identify import codes
from app.domain.lanes import sku_lanes
from app.domain.rules import Mappings
from app.flows.aim import Aim, members
from app.ledger import audit, snapshot
from app.mappings.read import load
from app.outbox import cases
from app.outbox import replay as outbox
from app.outbox.enter import enter_all


@dataclass(frozen=True, slots=True)
class Released:
    messages: int
    cases: int


async def retry(pool: asyncpg.Pool, aim: Aim, *, actor: str, reason: str) -> Released:
    """What the plan of this aim showed. Safe however often it is pressed."""
    going = await members(pool, aim)
    return await release(pool, [one.case_id for one in going], actor=actor, reason=reason)


async def release(pool: asyncpg.Pool, case_ids: Sequence[int], *, actor: str, reason: str) -> Released:
    """Retries what these cases hold up; flags are acknowledged. Safe however often it is pressed."""
    mappings = await load(pool)
    async with pool.acquire() as conn, conn.transaction():
        rows = await conn.fetch(
            """
            SELECT id, message_id, flag, code FROM exception_case
            WHERE id = ANY($1::bigint[]) AND closed_at IS NULL ORDER BY id
            """,
            list(case_ids),
        )
        # Messages before their cases, as settling locks them; of two releases the second finds nothing parked.
        held = [row["message_id"] for row in rows if row["message_id"] is not None and not row["flag"]]
        released = await outbox.release(conn, await lanes_for(conn, held, mappings))
        flags = await cases.acknowledge(conn, [row["id"] for row in rows if row["flag"]])
        # What another release was quicker with is not ours to tell of.
        gone = set(released)
        done = [row for row in rows if row["id"] in flags or (row["message_id"] in gone and not row["flag"])]
        if done:
            what = ", ".join(str(row["id"]) for row in done[:20])
            told = {
                "messages": released,
                "before": [
                    {"exception": row["id"], "code": row["code"], "state": _stood(row)} for row in done
                ],
                "after": {"parked": "released", "flagged": "acknowledged"},
            }
            await audit.note(conn, actor, "exceptions.retry", what, reason=reason, **told)
    await enter_all(pool)
    return Released(len(released), len(done))


def _stood(row: asyncpg.Record) -> str:
    return "flagged" if row["flag"] else "parked"


async def lanes_for(
    conn: asyncpg.Connection, ids: Sequence[int], mappings: Mappings
) -> Mapping[int, tuple[str, ...] | None]:
    """Lanes are worked out anew at each entry: a new alias may have made two SKUs one. None: they stay as they are; what
    only tells a channel holds no SKU, and must not begin to.
    """
    rows = await conn.fetch(
        """
        SELECT m.id, m.kind, o.snapshot, b.codes FROM message AS m
        LEFT JOIN order_snapshot AS o ON o.connection = m.source AND o.ref = m.order_ref
        LEFT JOIN binding AS b ON b.connection = m.source AND b.ref = m.order_ref
        WHERE m.id = ANY($1::bigint[])
        """,
        list(ids),
    )
    return {
        row["id"]: sku_lanes(
            (*codes(snapshot.from_json(row["snapshot"]), mappings), *(row["codes"] or {}).values())
        )
        if ".sales_order." in row["kind"] and row["snapshot"] is not None
        else None
        for row in rows
    }
