"""`memory`: resident size of API and worker while a million messages wait, against the same with none."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
import psutil

from bench.arena import Arena
from bench.harness import Bench, Contender, Outcome, Sample
from bench.roles import HOST, Role, command, open_role
from bench.stage import Stage, open_stage
from bench.stuck import Flow, obstruct, pile_up

AIM = "≤ 1.2 of idle and ≤ 200 MB each; ready within 30 s (API and worker)"
IDLE = "idle"
ROLES = ("api", "worker")
FLOW = Flow("sage200.sales_order.place", "sage200:main")
OVERVIEW = ("lanes", "connections", "messages", "orders", "exceptions")
SNAPSHOT = "sluice_snapshot_last_success_timestamp_seconds"
SNAPSHOT_SECONDS = 90.0
MEGABYTE = 1_000_000


async def bench(arena: Arena) -> Bench:
    waiting, watched = (20_000, 5.0) if arena.quick else (1_000_000, 35.0)

    def contender(name: str, count: int) -> Contender:
        async def run() -> Sample:
            async with open_stage(arena) as stage:
                return sample_of(await weigh(stage, count, watched))

        settings = (
            f"{count:,} waiting behind {FLOW.lanes} stuck lanes, largest of {watched:.0f} s, as shipped"
        )
        return Contender(name, "", settings, run)

    return Bench(
        name="memory",
        unit="MB (the larger of API and worker)",
        aim=AIM,
        better="lower",
        ours=contender("ours", waiting),
        references=[contender(IDLE, 0)],
        met=met,
        rounds=1 if arena.quick else 2,
        warm_up=False,
    )


def met(outcome: Outcome) -> bool:
    full, idle = outcome.ours.facts, outcome.references[IDLE].facts
    return all(
        full[f"{role}_mb"] <= min(200.0, 1.2 * idle[f"{role}_mb"]) and full[f"{role}_ready_s"] <= 30
        for role in ROLES
    )


@dataclass(frozen=True, slots=True)
class Weight:
    """Bytes of each role at its largest, seconds until each was ready, of each overview request (or its status where
    it was refused), and whether every look of the exporter was answered.
    """

    bytes: Mapping[str, int]
    ready: Mapping[str, float]
    overview: Mapping[str, float | str]
    snapshot: bool


def sample_of(weight: Weight) -> Sample:
    sizes = {f"{role}_mb": round(size / MEGABYTE, 1) for role, size in weight.bytes.items()}
    facts = {
        **sizes,
        **{f"{role}_ready_s": round(seconds, 2) for role, seconds in weight.ready.items()},
        "overview_s": dict(weight.overview),
        "exporter_saw_all": weight.snapshot,
    }
    return Sample(max(sizes[f"{role}_mb"] for role in ROLES), facts=facts)


async def weigh(stage: Stage, waiting: int, seconds: float) -> Weight:
    if waiting:
        await obstruct(stage.urls.database, FLOW, datetime.now(UTC))
        await pile_up(stage.urls.database, FLOW, waiting)
    async with _open_roles(stage) as roles:
        largest = dict.fromkeys(roles, 0)
        watch = asyncio.create_task(_watch(roles, largest))
        try:
            overview = await look_over(roles["api"], stage.key)
            snapshot = await saw_all(roles["exporter"])
            await asyncio.sleep(seconds)
        finally:
            watch.cancel()
        return Weight(largest, {name: role.ready_seconds for name, role in roles.items()}, overview, snapshot)


@asynccontextmanager
async def _open_roles(stage: Stage) -> AsyncIterator[dict[str, Role]]:
    env = stage.environment()
    async with (
        open_role("api", command("api"), env, stage.folder) as api,
        open_role("worker", command("worker"), env, stage.folder) as worker,
        open_role("exporter", command("exporter"), env, stage.folder) as exporter,
    ):
        yield {"api": api, "worker": worker, "exporter": exporter}


async def _watch(roles: Mapping[str, Role], largest: dict[str, int]) -> None:
    processes = {name: psutil.Process(role.pid) for name, role in roles.items()}
    while True:
        for name, process in processes.items():
            largest[name] = max(largest[name], process.memory_info().rss)
        await asyncio.sleep(0.2)


async def look_over(api: Role, key: str) -> dict[str, float | str]:
    """As a person who opens the console."""
    took: dict[str, float | str] = {}
    async with httpx.AsyncClient(timeout=60, headers={"authorization": f"Bearer {key}"}) as http:
        for page in OVERVIEW:
            began = time.perf_counter()
            answer = await http.get(f"http://{HOST}:{api.port}/api/v1/{page}")
            seconds = round(time.perf_counter() - began, 3)
            took[page] = seconds if answer.is_success else f"refused ({answer.status_code}) after {seconds} s"
    return took


async def saw_all(exporter: Role) -> bool:
    """Waits for a whole snapshot; False if none came."""
    until = time.monotonic() + SNAPSHOT_SECONDS
    async with httpx.AsyncClient(timeout=5) as http:
        while time.monotonic() < until:
            told = await http.get(f"{exporter.metrics}/metrics")
            if snapshot_at(told.text.splitlines()):
                return True
            await asyncio.sleep(0.5)
    return False


def snapshot_at(lines: Sequence[str]) -> float:
    """Of the exporter's metrics; 0 until a snapshot succeeded."""
    return next((float(line.split()[1]) for line in lines if line.startswith(f"{SNAPSHOT} ")), 0.0)
