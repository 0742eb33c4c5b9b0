"""Who drains beside us, how each is set up, and how its store tells what is left."""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from app.telemetry.catalogue import VERSION
from bench import engine
from bench.arena import ROOT
from bench.environment import LOCK, Environments
from bench.race import Runner

PEERS = ROOT / "bench" / "peers"
NODE_PACKAGES = ROOT / "bench" / "package.json"


@dataclass(frozen=True, slots=True)
class Rival:
    """`left`: SQL, or the sorted set in Valkey, that counts what is not completed. `first`: jobs of the first round."""

    name: str
    version: str
    settings: str
    runner: Runner
    store: Literal["ours", "postgres", "valkey"]
    left: str
    first: int = 5_000


def sluice() -> Rival:
    settings = (
        f"the worker's own loop and chores; batches of {engine.BATCH}, {engine.SLOTS} in flight over all processes; "
        "order and every SKU a lane; leases, receipts, attempts, logs and metrics as shipped"
    )
    runner = Runner([sys.executable, "-m", "bench.engine"])
    return Rival("Sluice", VERSION, settings, runner, "ours", _count("message_state"))


def rivals(given: Environments) -> list[Rival]:
    """First the one that the aim is judged against."""
    return [*_python_rivals(given.python), *(_node_rivals(given.node) if given.node else [])]


def _python_rivals(python: Path) -> list[Rival]:
    locked = pins(LOCK.read_text())
    return [
        Rival(
            "pgqueuer",
            locked["pgqueuer"],
            "asyncpg, 5 queue managers a process on a connection each, batch_size 100, durable tables, "
            "autovacuum as it advises, no order",
            _python(python, "pgqueuer"),
            "postgres",
            _count("pgqueuer"),
        ),
        Rival(
            "procrastinate",
            locked["procrastinate"],
            "lock = the first SKU of the job, concurrency 10, delete_jobs always",
            _python(python, "procrastinate"),
            "postgres",
            _count("procrastinate_jobs WHERE status IN ('todo', 'doing')"),
            first=1_500,
        ),
        Rival(
            "SAQ on Postgres",
            locked["saq"],
            "concurrency 100, pool of 20, no order",
            _python(python, "saq"),
            "postgres",
            _count("saq_jobs WHERE status IN ('new', 'queued', 'active')"),
            first=3_000,
        ),
        Rival(
            "SAQ on Valkey",
            locked["saq"],
            "concurrency 100, max_concurrent_ops 100, no order; a crash of Valkey may lose what it accepted",
            _python(python, "saq"),
            "valkey",
            "saq:drain:incomplete",
        ),
        Rival(
            "arq",
            version("arq"),
            "max_jobs 100, poll_delay 0.01, keep_result 0, no order; a crash of Valkey may lose what it accepted",
            _python(Path(sys.executable), "arq"),
            "valkey",
            "arq:queue",
        ),
        Rival(
            "SKIP LOCKED loop",
            "",
            "no library: 3 loops a process, lease 200, then one DELETE with receipts; no order, retry or attempt",
            _python(python, "skip_locked"),
            "postgres",
            _count("job"),
            first=100_000,
        ),
    ]


def _node_rivals(folder: Path) -> list[Rival]:
    pinned = dict(re.findall(r'"([\w-]+)": "(\d[\d.]+)"', NODE_PACKAGES.read_text()))
    return [
        Rival(
            "graphile-worker",
            pinned["graphile-worker"],
            "concurrentJobs 24, maxPoolSize 25, localQueue 500, completions batched (delay 0), no order",
            Runner(["node", "graphile_drain.mjs"], folder),
            "postgres",
            _count("graphile_worker._private_jobs"),
            first=50_000,
        ),
        Rival(
            "pg-boss",
            pinned["pg-boss"],
            "batchSize 250, localConcurrency 4, burstWhenBatchFull, supervise off, no order",
            Runner(["node", "pgboss_drain.mjs"], folder),
            "postgres",
            _count("pgboss.job WHERE name = 'drain' AND state < 'completed'"),
            first=20_000,
        ),
    ]


def pins(lock: str) -> dict[str, str]:
    """Name -> version of a lock file."""
    return dict(re.findall(r"^([\w.-]+)==([\w.]+)", lock, re.MULTILINE))


def _python(python: Path, name: str) -> Runner:
    return Runner([str(python), str(PEERS / f"{name}_drain.py")])


def _count(rows: str) -> str:
    return f"SELECT count(*) FROM {rows}"  # noqa: S608 - our own words


def missing(given: Environments) -> Sequence[str]:
    return [] if given.node else [f"{name}: {given.why}" for name in ("graphile-worker", "pg-boss")]
