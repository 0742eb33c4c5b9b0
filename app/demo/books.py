"""The few figures of the report that only Sluice itself can tell, read from its database and its exporter."""

import re
from dataclasses import dataclass
from datetime import datetime

import asyncpg
import httpx

Name = tuple[str, str]
"""Connection and order number."""


@dataclass(frozen=True, slots=True)
class Standing:
    """`busy`: open messages that somebody still works at, polls apart."""

    busy: int
    sending: int
    in_doubt: int
    parked: int


async def standing(pool: asyncpg.Pool) -> Standing:
    """`sending`: effects that are claimed or in doubt."""
    row = await pool.fetchrow(
        """
        SELECT count(*) FILTER (WHERE state <> 'parked') AS busy,
               count(*) FILTER (WHERE state IN ('leased', 'in_doubt') AND kind LIKE 'sage200.sales_order.%') AS sending,
               count(*) FILTER (WHERE state = 'in_doubt') AS in_doubt,
               count(*) FILTER (WHERE state = 'parked') AS parked
        FROM message_state WHERE coalesce_key IS NULL
        """
    )
    return Standing(**dict(row))


async def leased(pool: asyncpg.Pool) -> int:
    found = await pool.fetchval(
        "SELECT count(*) FROM message_state WHERE state = 'leased' AND kind LIKE 'sage200.sales_order.%'"
    )
    return int(found)


@dataclass(frozen=True, slots=True)
class Case:
    """`flag`: it holds nothing up."""

    code: str
    flag: bool
    order: str
    told: str


async def open_cases(pool: asyncpg.Pool) -> list[Case]:
    rows = await pool.fetch(
        """
        SELECT code, flag, source, order_ref, violations FROM exception_case WHERE closed_at IS NULL ORDER BY id
        """
    )
    return [
        Case(
            code=row["code"],
            flag=row["flag"],
            order=f"{row['source']}/{row['order_ref']}",
            told="; ".join(f"{one['field']}: {one['value']}" for one in row["violations"]),
        )
        for row in rows
    ]


async def stepped_aside(pool: asyncpg.Pool) -> dict[Name, str]:
    """Order -> why it left its place among the orders of its SKUs. What parked for want of a mapping is `unmapped`."""
    rows = await pool.fetch(
        """
        WITH aside AS (
            SELECT message_id AS id, aside AS reason FROM receipt WHERE aside IS NOT NULL
            UNION ALL SELECT id, aside FROM message_state WHERE aside IS NOT NULL
        )
        SELECT m.source, m.order_ref, CASE WHEN aside.reason = 'parked' AND EXISTS (
                   SELECT FROM exception_case AS c WHERE c.message_id = m.id AND c.needs <> '{}')
               THEN 'unmapped' ELSE aside.reason END AS reason
        FROM aside JOIN message AS m USING (id) WHERE m.order_ref IS NOT NULL
        """
    )
    return {(row["source"], row["order_ref"]): row["reason"] for row in rows}


async def unaccounted(http: httpx.AsyncClient, metrics_url: str, since: datetime) -> int | None:
    """From a snapshot of the exporter that is younger than `since`; None while there is none."""
    try:
        text = (await http.get(f"{metrics_url}/metrics")).text
    except httpx.TransportError:
        return None
    taken, count = (_value(text, f"sluice_{name}") for name in (TAKEN, "messages_unaccounted"))
    if taken is None or count is None or taken < since.timestamp():
        return None
    return int(count)


TAKEN = "snapshot_last_success_timestamp_seconds"


def _value(text: str, name: str) -> float | None:
    found = re.search(rf"^{name} (\S+)$", text, re.MULTILINE)
    value = float(found[1]) if found else float("nan")
    return None if value != value else value  # noqa: PLR0124 - only NaN differs from itself
