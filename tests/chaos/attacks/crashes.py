"""A crash at every step boundary: a real process is killed there, another takes over, and the books must not tell."""

import asyncio
import itertools
import logging
import math
import random
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import asyncpg
from starlette.requests import ClientDisconnect

from app.db.migrate import upgrade
from app.embedded.reach import discard
from app.embedded.servers import Wish, open_servers
from tests.chaos.attack import Arena, Attack, Report
from tests.chaos.crashes import BOUNDARIES, Boundary
from tests.chaos.nursery import Nursery, open_nursery
from tests.chaos.premises import PREFIX, NeverError, Premises, open_premises, until
from tests.chaos.scenes import FIRST, SCENES, Act

ORDERS = 500
ABREAST = 4
SECONDS = 2.5
"""That a boundary takes of the attack's time, so many abreast."""
SETTINGS = {"fsync": "off", "full_page_writes": "off", "max_connections": "300"}
"""The machine stays on; processes die."""
TEMPLATE = "untouched"


@dataclass(frozen=True, slots=True)
class Field:
    """`server`, `template`: URL of a server and the name of an empty, migrated database there."""

    root: Path
    server: str
    template: str
    redis: str
    nursery: Nursery


def _of_clients_that_died(record: logging.LogRecord) -> bool:
    """The sandbox tells of each."""
    return record.exc_info is None or not isinstance(record.exc_info[1], ClientDisconnect)


async def attack(arena: Arena) -> Report:
    """As many boundaries as there is time for, drawn by chance; at full size all of them."""
    fit = len(BOUNDARIES) if arena.share >= 1 else max(ABREAST, int(arena.seconds / SECONDS))
    chosen = arena.chance("boundaries").sample(BOUNDARIES, min(fit, len(BOUNDARIES)))
    size = max(3, math.ceil(1.1 * ORDERS * min(1, arena.share) / len(BOUNDARIES)))
    async with open_field(arena.root) as field:
        faults, figures = await crash_at(field, chosen, size, arena.seed)
    return Report("crashes", min(1.0, figures["orders"] / ORDERS), figures, tuple(faults))


async def crash_at(
    field: Field, boundaries: Sequence[Boundary], size: int, seed: int
) -> tuple[list[str], dict[str, int]]:
    """`size`: orders at each boundary. A few premises side by side, each sees some of the crashes one after another."""
    said: list[str] = []
    places = asyncio.Semaphore(ABREAST)
    figures: Counter[str] = Counter(crashes=0, orders=0, documents=0)

    async def one(number: int, chapter: Sequence[Boundary]) -> None:
        async with places, open_one(field, f"crash_{secrets.token_hex(4)}_{number}") as premises:
            for boundary in chapter:
                act = Act(premises, boundary, size, random.Random(f"{boundary.name} {seed}"))
                said.extend(f"{boundary.name}: {fault}" for fault in await play(act))
                figures["crashes"] += premises.doom.struck.is_set()
            figures.update(orders=len(premises.asked), documents=len(premises.documents()))

    async with asyncio.TaskGroup() as group:
        for number, chapter in enumerate(chapters(boundaries)):
            group.create_task(one(number, chapter))
    return said, dict(figures)


def chapters(boundaries: Sequence[Boundary]) -> list[list[Boundary]]:
    """What happens at a first start comes first, and once."""
    first = [boundary for boundary in boundaries if boundary.scene in FIRST]
    rest = [boundary for boundary in boundaries if boundary.scene not in FIRST]
    made = [[boundary] for boundary in first] or [[]]
    made += [[] for _ in range(ABREAST - len(made))]
    for boundary, chapter in zip(rest, itertools.cycle(made), strict=False):
        chapter.append(boundary)
    return [chapter for chapter in made if chapter]


async def play(act: Act) -> list[str]:
    said = []
    try:
        await SCENES[act.boundary.scene](act)
    except (NeverError, TimeoutError) as error:
        said.append(str(error) or "never reached")
    await act.premises.calm()
    try:
        await act.premises.settled()
    except NeverError as error:
        said.append(str(error))
    return [*said, *await audit(act.premises)]


async def audit(premises: Premises) -> list[str]:
    """Exactly what was asked for stands in the books, in the order of the lanes, and the outbox holds nothing back."""
    documents = premises.documents()
    made = Counter(document["customer_document_no"] for document in documents)
    wrong = [f"{key} {count} times" for key, count in made.items() if count != 1]
    wrong += [f"{key} is lost" for key in premises.asked.keys() - made.keys()]
    wrong += [f"{key} was not asked for" for key in made.keys() - premises.asked.keys()]
    wrong += [
        f"{key} at {document['total_gross_value']}"
        for document in documents
        if (key := document["customer_document_no"]) in premises.asked
        and (document["is_draft"] or Decimal(document["total_gross_value"]) != premises.asked[key])
    ]
    return [*wrong, *await _out_of_order(premises, documents), *await at_rest(premises.pool)]


async def _out_of_order(premises: Premises, documents: Sequence[dict]) -> list[str]:
    """Effects enter their lanes in the order of their ids, unless they step aside."""
    rows = await premises.pool.fetch(
        """
        SELECT m.id, m.order_ref, d.sku FROM message AS m JOIN receipt AS r ON r.message_id = m.id
        JOIN order_line AS d ON (d.connection, d.ref) = (m.source, m.order_ref)
        WHERE m.kind = 'sage200.sales_order.place' AND r.aside IS NULL
        """
    )
    place = {document["customer_document_no"]: document["id"] for document in documents}
    lanes: dict[str, list[tuple[int, int]]] = {}
    for row in rows:
        if (key := f"{PREFIX}-{row['order_ref']}") in place:
            lanes.setdefault(row["sku"], []).append((place[key], row["id"]))
    return [
        f"{sku}: effects {effects} in this order"
        for sku, entered in lanes.items()
        if (effects := [number for _, number in sorted(entered)]) != sorted(effects)
    ]


async def at_rest(pool: asyncpg.Pool) -> list[str]:
    """What is left once nothing is; a page of old news may still come in between."""
    left: list[str] = []

    async def nothing() -> bool:
        left[:] = await left_over(pool)
        return not left

    with suppress(NeverError):
        await until(nothing, "nothing is left")
    return left


async def left_over(pool: asyncpg.Pool) -> list[str]:
    counts = await pool.fetchrow(
        """
        SELECT (SELECT count(*) FROM message_state WHERE coalesce_key IS NULL) AS "open messages",
               (SELECT count(*) FROM ticket WHERE lane NOT LIKE 'state:%') AS tickets,
               (SELECT count(*) FROM lane WHERE key NOT LIKE 'state:%') AS lanes,
               (SELECT count(*) FROM exception_case WHERE closed_at IS NULL) AS cases,
               (SELECT count(*) FROM erp_lock) AS "locks of ours",
               (SELECT count(*) FROM key_conflict) AS "conflicting keys",
               (SELECT count(*) FROM idempotency_key AS k
                WHERE (SELECT count(*) FROM message_state AS s WHERE s.id = k.message_id)
                    + (SELECT count(*) FROM receipt AS r WHERE r.message_id = k.message_id) <> 1) AS unaccounted
        """
    )
    return [f"{count} {name} left" for name, count in counts.items() if count]


@asynccontextmanager
async def open_one(field: Field, name: str) -> AsyncIterator[Premises]:
    """Premises with a database of their own, both of that name."""
    admin = await asyncpg.connect(field.server)
    try:
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE {field.template}")
        url = f"{field.server.rpartition('/')[0]}/{name}"
        async with open_premises(field.root / name, field.nursery, (url, field.redis)) as premises:
            yield premises
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await admin.close()


@asynccontextmanager
async def open_field(root: Path) -> AsyncIterator[Field]:
    home = root / "servers"
    logging.getLogger("uvicorn.error").addFilter(_of_clients_that_died)
    async with open_servers(Wish(home, postgres_settings=SETTINGS)) as servers, open_nursery() as nursery:
        admin = await asyncpg.connect(servers.database_url)
        await admin.execute(f"CREATE DATABASE {TEMPLATE}")
        await admin.close()
        await upgrade(f"{servers.database_url.rpartition('/')[0]}/{TEMPLATE}")
        yield Field(root, servers.database_url, TEMPLATE, servers.redis_url, nursery)
    discard(home)


CRASHES = Attack("crashes", attack, minutes=5.0)
