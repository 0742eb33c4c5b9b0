"""`walk`: the worker as shipped meets a supplier's open orders at Virtualstock for the first time, within the account's limit
of requests, which the sandbox enforces; Sage posts meanwhile, and acknowledgements take their share.
"""

import asyncio
import itertools
import json
import math
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
import psutil

from bench.arena import Arena
from bench.harness import Bench, Contender, Outcome, Sample
from bench.memory import MEGABYTE
from bench.roles import HOST, Role, command, open_role
from bench.stage import Doc, Stage, open_stage

SECONDS, MINUTE, GROWTH = 60.0, 250, 1.2
AIM = f"each pass ≤ {SECONDS:.0f} s, ≤ {MINUTE} requests in any minute, none refused, memory ≤ {GROWTH} of when it began"
CONNECTION, POLL = "edge", "open_orders"
LOGIN = {"username": "northgate", "password": "a password of the bench"}
RETAILER, RETAILER_ID = "ARG", 31
PAGE, STATUSES = 100, 3
AT_ONCE, SHARE = 0.4, 0.7
"""Of a minute's requests, those that may go at once; of all, those that are for polls."""
PASSES = 2
PATIENCE_SECONDS = 900.0
TEAM = 8


async def bench(arena: Arena) -> Bench:
    orders = 250 if arena.quick else 10_000

    async def ours() -> Sample:
        return sample_of(await watch(arena, orders))

    async def computed() -> Sample:
        return Sample(least(orders))

    settings = f"{orders:,} open orders, pages of {PAGE}, {MINUTE} requests a minute; worker as shipped, Sage posts meanwhile"
    return Bench(
        name="walk",
        unit="s (the slower of two passes)",
        aim=AIM,
        better="lower",
        ours=Contender("ours", "", settings, ours),
        references=[Contender("what the limit allows", "", "computed, for the second pass", computed)],
        met=met,
        rounds=1 if arena.quick else 2,
        warm_up=False,
    )


def least(orders: int) -> float:
    """Seconds of a pass that finds the budget drawn and may have all that comes in."""
    return pages_of(orders) / (MINUTE * (1 - AT_ONCE) / 60)


def pages_of(orders: int) -> int:
    """Requests of a pass: statuses without an order take one, too."""
    return math.ceil(orders / PAGE) + STATUSES - 1


def met(outcome: Outcome) -> bool:
    facts = outcome.ours.facts
    return (
        outcome.ours.most <= SECONDS
        and facts["found"] == facts["orders"]
        and facts["requests_in_a_minute_most"] <= MINUTE
        and facts["refused"] == 0
        and facts["memory_growth"] <= GROWTH
    )


@dataclass(frozen=True, slots=True)
class Walked:
    """`passes`: seconds of each. `found`: orders that became notices. `calls`: (seconds, status, path) of each request at
    Virtualstock. `sizes`: bytes of the worker, as time went by.
    """

    orders: int
    passes: Sequence[float]
    found: int
    calls: Sequence[tuple[float, int, str]]
    sizes: Sequence[int]


def sample_of(walked: Walked) -> Sample:
    acknowledged = sum("/acknowledge/" in path and status < 300 for _, status, path in walked.calls)
    return Sample(
        max(walked.passes),
        facts={
            "orders": walked.orders,
            "found": walked.found,
            "passes_s": [round(seconds, 2) for seconds in walked.passes],
            "requests_in_a_minute_most": busiest([at for at, _, _ in walked.calls]),
            "refused": sum(status == 429 for _, status, _ in walked.calls),
            "acknowledged_meanwhile": acknowledged,
            "worker_mb": round(max(walked.sizes) / MEGABYTE, 1),
            "memory_growth": round(max(walked.sizes) / early(walked.sizes), 3),
        },
    )


def busiest(moments: Sequence[float], seconds: float = 60.0) -> int:
    """Most requests in any stretch of so many seconds."""
    most, first = 0, 0
    ordered = sorted(moments)
    for last, at in enumerate(ordered):
        while at - ordered[first] >= seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def early(sizes: Sequence[int]) -> int:
    """The largest of the first tenth: what the process needs before anything can have grown."""
    return max(sizes[: max(1, len(sizes) // 10)])


async def watch(arena: Arena, orders: int) -> Walked:
    async with open_stage(arena) as stage:
        await stage.vendors.seed({"virtualstock": {"accounts": [LOGIN]}})
        await sell(stage, orders)
        since = await _newest(stage)
        env = {**stage.environment(), **edge_environment(stage.port)}
        async with (
            open_role("worker", command("worker"), env, stage.folder) as worker,
            weighed(worker) as sizes,
        ):
            passes = await walked(stage)
        calls = [one async for one in calls_of(stage, since)]
        found = await stage.pool.fetchval(
            "SELECT count(DISTINCT order_ref) FROM message WHERE kind = 'virtualstock.order'"
        )
        return Walked(orders, passes, found, calls, sizes)


def edge_environment(port: int) -> dict[str, str]:
    retailers = {RETAILER: {"id": RETAILER_ID, "supplier_reference": "ack_comment"}}
    given = {
        "BASE_URL": f"http://{HOST}:{port}/virtualstock",
        "USERNAME": LOGIN["username"],
        "PASSWORD": LOGIN["password"],
        "PREFIX": "VS",
        "RETAILERS": json.dumps(retailers),
        "PAGE_SIZE": str(PAGE),
    }
    return {f"SLUICE_VIRTUALSTOCK__{CONNECTION}__{name}": value for name, value in given.items()}


async def sell(stage: Stage, orders: int) -> None:
    """One line each, over all articles."""
    skus = itertools.cycle([article["sku"] for article in stage.catalogue if article["vat"] == "standard"])
    left = iter(range(orders))

    async def seller() -> None:
        for _ in left:
            wish: Doc = {"account": LOGIN["username"], "retailer": RETAILER}
            await stage.vendors.sell({**wish, "lines": [{"sku": next(skus), "quantity": 1}]})

    async with asyncio.TaskGroup() as team:
        for _ in range(TEAM):
            team.create_task(seller())


async def walked(stage: Stage) -> list[float]:
    """Seconds of the first passes, by the cursor that they leave."""
    passes: list[float] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await _cursor(stage.pool):  # noqa: ASYNC110 - Postgres has nobody to tell
            await asyncio.sleep(0.01)
        began = time.perf_counter()
        while len(passes) < PASSES:
            if int((await _cursor(stage.pool)).get("number", 1)) > len(passes) + 1:
                now = time.perf_counter()
                passes.append(now - began)
                began = now
            await asyncio.sleep(0.05)
    return passes


async def _cursor(pool: asyncpg.Pool) -> Mapping[str, Any]:
    row = await pool.fetchrow(
        "SELECT cursor FROM poll_cursor WHERE connection = $1 AND poll = $2", CONNECTION, POLL
    )
    kept = row["cursor"] if row else {}
    return dict(json.loads(kept) if isinstance(kept, str) else kept)


@asynccontextmanager
async def weighed(worker: Role) -> AsyncIterator[list[int]]:
    sizes: list[int] = []
    process = psutil.Process(worker.pid)

    async def weigh() -> None:
        while True:
            sizes.append(process.memory_info().rss)
            await asyncio.sleep(0.2)

    task = asyncio.create_task(weigh())
    try:
        yield sizes
    finally:
        task.cancel()


async def _newest(stage: Stage) -> int:
    """The last row of the vendors' history so far."""
    since = 0
    while rows := await stage.vendors.history(since):
        since = int(rows[-1]["seq"])
    return since


async def calls_of(stage: Stage, since: int) -> AsyncIterator[tuple[float, int, str]]:
    """Log-ins too: whether the account's limit counts them is not told."""
    while rows := await stage.vendors.history(since):
        since = int(rows[-1]["seq"])
        for row in rows:
            if row["system"] == "virtualstock":
                yield datetime.fromisoformat(row["at"]).timestamp(), int(row["status"]), str(row["path"])
