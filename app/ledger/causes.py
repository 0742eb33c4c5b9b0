"""Open exceptions by their cause: what is wrong, how many it holds up, for how long and for how much. Reads only.

An exception with several things wrong belongs to several causes: whichever is mended first lets it go as far as the next.
"""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from app.domain.remedy import SHARED

Connection = asyncpg.Connection | asyncpg.Pool

# A line's own number and the day are no part of a cause; nor is a value that belongs to one order alone.
_CAUSES = """
cause AS MATERIALIZED (
    SELECT e.id, e.message_id, e.source, e.order_ref, e.flag, e.opened_at, v.*,
        substr(encode(sha256(convert_to(concat_ws(chr(31), v.code, v.field, v.value, v.owner, e.flag), 'UTF8')), 'hex'),
               1, 16) AS key
    FROM exception_case AS e CROSS JOIN LATERAL (
        SELECT DISTINCT ON (code, field, value, owner) * FROM (
            SELECT coalesce(one ->> 'code', e.code) AS code,
                regexp_replace(coalesce(one ->> 'field', ''), '\\[[^]]*\\]|/[0-9]+', '', 'g') AS field,
                CASE WHEN one ->> 'need' IS NOT NULL OR one ->> 'code' = ANY($1::text[])
                     THEN regexp_replace(coalesce(one ->> 'value', ''), ', [0-9]{4}-[0-9]{2}-[0-9]{2}$', '')
                     ELSE '' END AS value,
                coalesce(one ->> 'owner', e.owner) AS owner, one ->> 'need' AS need, one ->> 'fix' AS fix
            FROM (VALUES (1)) AS always LEFT JOIN jsonb_array_elements(e.violations) AS one ON true
        ) AS told
    ) AS v
    WHERE e.closed_at IS NULL
)
"""


@dataclass(frozen=True, slots=True)
class Stake:
    """Gross of the orders of one currency, as the channels told it, exact, as text."""

    currency: str
    gross: str


@dataclass(frozen=True, slots=True)
class CaseGroup:
    """Open exceptions of one cause. `holding`: messages that are parked for it; `waiting`: those that stand behind them.
    `flag`: holds nothing up. `need`: the mapping table whose row would mend it. `fix`: where all say the same.
    """

    key: str
    code: str
    field: str
    value: str
    owner: str
    flag: bool
    need: str | None
    fix: str | None
    cases: int
    holding: int
    waiting: int
    oldest_at: datetime
    oldest_id: int
    newest_id: int
    sources: list[str]
    stakes: list[Stake]


@dataclass(frozen=True, slots=True)
class Member:
    """One open exception of a cause, or one by itself. `kind`, `cls`, `destination`: of its message, if it has one."""

    case_id: int
    message_id: int | None
    source: str
    order_ref: str | None
    flag: bool
    code: str
    kind: str | None
    cls: str | None
    destination: str | None
    opened_at: datetime


async def groups(conn: Connection, key: str | None = None) -> list[CaseGroup]:
    """One row a cause, the largest first; with `key`, that one."""
    rows = await conn.fetch(
        f"""
        WITH {_CAUSES}, ours AS MATERIALIZED (SELECT * FROM cause WHERE $2::text IS NULL OR key = $2),
        stake AS MATERIALIZED (
            SELECT key, currency, sum(gross)::text AS gross FROM (
                SELECT DISTINCT key, source, order_ref FROM ours WHERE order_ref IS NOT NULL
            ) AS one JOIN order_snapshot AS o ON o.connection = one.source AND o.ref = one.order_ref
            CROSS JOIN LATERAL (SELECT o.snapshot ->> 'currency' AS currency,
                                       (o.snapshot #>> '{{totals,gross}}')::numeric AS gross) AS money
            WHERE gross IS NOT NULL GROUP BY key, currency
        ), stakes AS MATERIALIZED (
            SELECT key, array_agg(ARRAY[currency, gross] ORDER BY currency) AS stakes FROM stake GROUP BY key
        ), behind AS MATERIALIZED (
            SELECT key, count(DISTINCT t.message_id) AS waiting
            FROM ours JOIN message_state AS s ON s.id = ours.message_id AND s.state = 'parked' AND NOT ours.flag
            JOIN ticket AS own ON own.lane = s.order_lane AND own.ticket = s.order_ticket
            JOIN ticket AS t ON t.lane = own.lane AND t.ticket > own.ticket
            GROUP BY key
        )
        SELECT key, code, field, value, owner, flag, max(need) AS need,
            CASE WHEN min(fix) = max(fix) THEN max(fix) END AS fix,
            count(*) AS cases, count(DISTINCT message_id) FILTER (WHERE NOT flag) AS holding,
            coalesce(max(waiting), 0) AS waiting, min(opened_at) AS oldest_at, min(id) AS oldest_id,
            max(id) AS newest_id, array_agg(DISTINCT source ORDER BY source) AS sources, stakes
        FROM ours LEFT JOIN behind USING (key) LEFT JOIN stakes USING (key)
        GROUP BY key, code, field, value, owner, flag, stakes ORDER BY cases DESC, code, owner, value, key
        """,  # noqa: S608 - one constant
        list(SHARED),
        key,
    )
    return [
        CaseGroup(**dict(row) | {"stakes": [Stake(*pair) for pair in row["stakes"] or ()]}) for row in rows
    ]


async def members(conn: Connection, key: str, through: int | None = None) -> list[Member]:
    """The open exceptions of a cause, in the order in which their messages came; `through`: none that was opened later
    than that one.
    """
    rows = await conn.fetch(
        f"""
        WITH {_CAUSES}
        SELECT c.id AS case_id, c.message_id, c.source, c.order_ref, c.flag, e.code, m.kind, m.cls,
            m.destination, c.opened_at
        FROM cause AS c JOIN exception_case AS e USING (id) LEFT JOIN message AS m ON m.id = c.message_id
        WHERE c.key = $2 AND ($3::bigint IS NULL OR c.id <= $3) ORDER BY c.message_id NULLS LAST, c.id
        """,  # noqa: S608 - one constant
        list(SHARED),
        key,
        through,
    )
    return [Member(**dict(row)) for row in rows]


async def member(conn: Connection, case_id: int) -> list[Member]:
    """The open exception of this id, if it is open."""
    rows = await conn.fetch(
        """
        SELECT e.id AS case_id, e.message_id, e.source, e.order_ref, e.flag, e.code, m.kind, m.cls,
            m.destination, e.opened_at
        FROM exception_case AS e LEFT JOIN message AS m ON m.id = e.message_id
        WHERE e.id = $1 AND e.closed_at IS NULL
        """,
        case_id,
    )
    return [Member(**dict(row)) for row in rows]


async def keys_of(conn: Connection, case_id: int) -> list[str]:
    """The causes that an open exception belongs to."""
    rows = await conn.fetch(
        f"WITH {_CAUSES.replace('e.closed_at IS NULL', 'e.closed_at IS NULL AND e.id = $2')} SELECT key FROM cause",  # noqa: S608 - one constant
        list(SHARED),
        case_id,
    )
    return [row["key"] for row in rows]
