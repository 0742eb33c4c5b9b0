"""What must hold when a crowd has gone home: pure verdicts on the books, and a look at what the outbox still holds."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import asyncpg

from app.outbox.repair import repair
from tests.chaos.crowd.books import Document

LEFTOVERS = ("message_state", "ticket", "lane")


def judge(keys: Iterable[str], documents: Sequence[Document], aside: frozenset[str]) -> list[str]:
    """`keys`: of the facts that were told. Documents in the order in which they were written. `aside`: keys of what
    left its lanes in doubt, so that the order of tickets does not bind it.
    """
    expected, written = set(keys), Counter(document.key for document in documents)
    doubled = [key for key, count in written.items() if count > 1]
    return [
        *_said("told and not in the books", sorted(expected - written.keys())),
        *_said("in the books and never told", sorted(written.keys() - expected)),
        *_said("in the books more than once", sorted(doubled)),
        *_said(
            "written against the order of tickets",
            overtaken(one for one in documents if one.key not in aside),
        ),
        *_said("written against the order of its order", out_of_turn(documents)),
    ]


def overtaken(documents: Iterable[Document]) -> list[str]:
    """Documents that came after one with a higher ticket in some lane of theirs."""
    last: dict[str, int] = {}
    wrong = []
    for document in documents:
        if document.ticket is None:
            wrong.append(f"{document.key} without a place")
            continue
        if any(last.get(sku, 0) > document.ticket for sku in document.skus):
            wrong.append(document.key)
        last |= {sku: max(document.ticket, last.get(sku, 0)) for sku in document.skus}
    return wrong


def out_of_turn(documents: Iterable[Document]) -> list[str]:
    """Changes that came before what they change."""
    last: dict[str, int] = {}
    wrong = []
    for document in documents:
        if document.number != last.get(document.ref, -1) + 1:
            wrong.append(document.key)
        last[document.ref] = document.number
    return wrong


def _said(what: str, found: Sequence[str], most: int = 5) -> list[str]:
    return [f"{len(found)} {what}: {', '.join(found[:most])}"] if found else []


async def examine(pool: asyncpg.Pool, repairs: int = 0) -> list[str]:
    """The outbox after a drain. `repairs`: that were made on the way."""
    left = {table: await pool.fetchval(f"SELECT count(*) FROM {table}") for table in LEFTOVERS}
    said = [f"{count} rows left in {table}" for table, count in left.items() if count]
    if stranded := repairs + await repair(pool):
        said.append(f"{stranded} lane repairs")
    deadlocks = await pool.fetchval(
        "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    )
    if deadlocks:
        said.append(f"{deadlocks} deadlocks")
    return [*said, *await balance(pool)]


async def balance(pool: asyncpg.Pool) -> list[str]:
    """P7 at the permanent keys: each is open or has ended once, and nothing else is there."""
    rows = await pool.fetch(
        """
        SELECT k.source, count(*) AS received, count(s.id) AS open_, count(r.message_id) AS ended,
               count(*) FILTER (WHERE s.id IS NULL AND r.message_id IS NULL) AS lost,
               count(*) FILTER (WHERE s.id IS NOT NULL AND r.message_id IS NOT NULL) AS both
        FROM idempotency_key AS k LEFT JOIN message_state AS s ON s.id = k.message_id
        LEFT JOIN receipt AS r ON r.message_id = k.message_id GROUP BY k.source
        """
    )
    wrong = [dict(row) for row in rows if row["lost"] or row["both"]]
    unknown = await pool.fetchval(
        "SELECT count(*) FROM message AS m LEFT JOIN idempotency_key AS k ON k.message_id = m.id"
        " WHERE m.key IS NOT NULL AND k.key IS NULL"
    )
    conflicts = await pool.fetchval("SELECT count(*) FROM key_conflict")
    return [
        *([f"out of balance: {wrong}"] if wrong else []),
        *([f"{unknown} messages without their key"] if unknown else []),
        *([f"{conflicts} conflicts of a key"] if conflicts else []),
    ]


def counted(reports: Iterable[Mapping[str, int]]) -> Counter[str]:
    """The figures of all processes together."""
    total: Counter[str] = Counter()
    for report in reports:
        total.update(report)
    return total
