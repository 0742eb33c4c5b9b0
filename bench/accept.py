"""`accept`: signed webhooks a second to 202, committed, one API process, 64 keep-alive connections."""

import asyncio
import itertools
import json
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from typing import Any

import asyncpg

from app.db.session import open_pool
from bench.arena import Arena
from bench.harness import Bench, Contender, Outcome, Sample
from bench.history import add_history
from bench.load import Order, Toll
from bench.pgbench import commit_rows, find_pgbench
from bench.roles import PATH, SECRET, Urls, command, environment, open_role

AIM = "≥ 0.75 of storing nothing, ≥ twice one INSERT a request, p99 ≤ 50 ms at 64 connections"
NOTHING, INSERT, SAME_INSERT = "store nothing", "one INSERT a request", "one INSERT a request, in our app"
ROUNDS = 3
CORE_LEAST = 0.8
"""Below it the callers were too slow. Nobody keeps a core quite busy who waits for commits with 64 callers."""
OPEN_RATE = 500.0
HISTORIES = (10_000, 100_000, 1_000_000, 5_000_000)


@dataclass(frozen=True, slots=True)
class Site:
    """`series`: of orders, so that no event comes twice. `warm`, `seconds`: of a round."""

    arena: Arena
    warm: float
    seconds: float
    series: Iterator[int] = field(default_factory=lambda: itertools.count(1))


SERVERS: Mapping[str, Sequence[str]] = {
    "ours": command("api"),
    NOTHING: ["-m", "bench.accept_nothing"],
    INSERT: ["-m", "bench.accept_insert"],
    SAME_INSERT: ["-m", "bench.accept_nothing", "--insert"],
}


async def bench(arena: Arena) -> Bench:
    site = Site(arena, 1.0, 4.0) if arena.quick else Site(arena, 5.0, 20.0)
    pgbench = find_pgbench()
    app = "one process as shipped: uvicorn, uvloop, httptools, no access log"
    references = [
        contender(site, NOTHING, version("fastapi"), f"our app, its append answers at once; {app}"),
        contender(
            site, INSERT, version("fastapi"), "bare route, our signature check, asyncpg pool of 16, no log"
        ),
        contender(
            site, SAME_INSERT, version("asyncpg"), f"our app, its append is an INSERT, pool of 16; {app}"
        ),
    ]
    if pgbench is not None:
        references.append(commit_rows(arena, pgbench, site.warm, site.seconds))
    return Bench(
        name="accept",
        unit="webhooks/s",
        aim=AIM,
        better="higher",
        ours=contender(site, "ours", "", f"durable, {app}"),
        references=references,
        met=met,
        rounds=1 if arena.quick else ROUNDS,
        warm_up=False,
        skipped=() if pgbench else ("pgbench: not among Postgres's programs",),
        extra=lambda: more(site),
    )


def met(outcome: Outcome) -> bool:
    """Beside the same app that inserts: the bare route neither reads events, nor logs, nor counts. A median of rounds that do
    not count proves nothing.
    """
    return (
        len(outcome.ours.flaws) < ROUNDS
        and outcome.ratio(NOTHING) >= 0.75
        and outcome.ratio(SAME_INSERT) >= 2
        and outcome.ours.p99 is not None
        and outcome.ours.p99 <= 50
    )


def contender(site: Site, name: str, of: str, settings: str) -> Contender:
    async def run() -> Sample:
        async with site.arena.database() as url:
            return sample_of(await hit(site, url, SERVERS[name]))

    return Contender(name, of, f"{settings}; warm-up {site.warm:.0f} s, {site.seconds:.0f} s a round", run)


async def hit(site: Site, url: str, argv: Sequence[str], rate: float | None = None) -> Toll:
    """A fresh server on this database; `rate` None: 64 connections that wait for their answers and nothing else."""
    urls = Urls(url, await site.arena.empty_redis())
    async with open_role("api", argv, environment(urls), site.arena.home / "run") as api:
        series = next(site.series)
        order = Order(
            api.port, PATH, SECRET, series, api.pid, warm=site.warm, seconds=site.seconds, rate=rate
        )
        return await send(replace(order, most=int((site.warm + site.seconds) * 10_000)))


async def send(order: Order) -> Toll:
    """From a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.load", stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        told, _ = await process.communicate(json.dumps(asdict(order)).encode())
    except BaseException:
        process.kill()
        raise
    if process.returncode:
        raise RuntimeError(f"the load generator ended with {process.returncode}")
    return Toll(**json.loads(told))


def sample_of(toll: Toll) -> Sample:
    return Sample(toll.rate, toll.p50, toll.p99, flaw_of(toll), facts_of(toll))


def flaw_of(toll: Toll) -> str:
    if toll.refused:
        return f"{toll.refused} of {toll.answers} were not accepted"
    if toll.short:
        return "the requests made beforehand were used up"
    if toll.server_cpu < CORE_LEAST:
        return f"the server used {toll.server_cpu:.0%} of a core"
    return ""


def facts_of(toll: Toll) -> dict[str, float]:
    """`at_a_full_core`: what the same processor time for each webhook allows."""
    return {
        "p99.9": round(toll.p999, 2),
        "server_core": round(toll.server_cpu, 3),
        "load_core": round(toll.load_cpu, 3),
        "at_a_full_core": round(toll.rate / toll.server_cpu, 1) if toll.server_cpu else 0.0,
    }


async def more(site: Site) -> Mapping[str, Any]:
    return {"open_500": await open_model(site), "growth": {"history": await growth(site)}}


async def open_model(site: Site) -> dict[str, float]:
    """500 a second fall due, whatever is answered; latency from then."""
    async with site.arena.database() as url:
        toll = await hit(site, url, SERVERS["ours"], OPEN_RATE)
    return {
        "rate": round(toll.rate, 1),
        "p50": round(toll.p50, 2),
        "p99": round(toll.p99, 2),
        "p99.9": round(toll.p999, 2),
        "max": round(toll.most, 2),
        "server_core": round(toll.server_cpu, 3),
    }


async def growth(site: Site) -> list[dict[str, float]]:
    """One database whose past grows; the rounds' own messages are added to it. They are half as long: there are many."""
    site = replace(site, seconds=site.seconds / 2)
    rows = (10_000, 100_000) if site.arena.quick else HISTORIES
    async with site.arena.database() as url, open_pool(url, size=2, application="bench") as pool:
        return [{"rows": size, **await _with_past(site, url, pool, size)} for size in rows]


async def _with_past(site: Site, url: str, pool: asyncpg.Pool, rows: int) -> dict[str, float]:
    await add_history(pool, rows)
    tolls = [await hit(site, url, SERVERS["ours"]) for _ in range(1 if site.arena.quick else 3)]
    middle = {
        name: round(statistics.median(values), 2)
        for name, values in {
            "median": [toll.rate for toll in tolls],
            "p50": [toll.p50 for toll in tolls],
            "p99": [toll.p99 for toll in tolls],
            "at_a_full_core": [facts_of(toll)["at_a_full_core"] for toll in tolls],
        }.items()
    }
    return {**middle, "min": round(min(toll.rate for toll in tolls), 2), "server_core": _core(tolls)}


def _core(tolls: Sequence[Toll]) -> float:
    return round(statistics.median(toll.server_cpu for toll in tolls), 3)
