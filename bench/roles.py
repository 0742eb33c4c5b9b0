"""Sluice's processes as shipped, for the benches: an environment, a start, the real process id."""

import asyncio
import os
import random
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx

from app.demo.crew import clean_environment, pick_ports
from app.embedded.folder import published
from app.embedded.supervise import Child, Process, until_ready, wait_gone

HOST = "127.0.0.1"
CONNECTION = "uk"
SECRET = "webhook-secret-of-the-bench"  # noqa: S105 - made up
CENTRA_TOKEN = "sandbox-token-of-the-bench"  # noqa: S105 - a made-up vendor's
STORE = 1
PREFIX = "CEN"
PATH = f"/webhooks/centra/{CONNECTION}"
READY_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Urls:
    database: str
    redis: str


@dataclass(frozen=True, slots=True)
class Role:
    """`pid`: of the Python process itself. `port`: of the webhooks, 0 where none are taken. `ready_seconds`: from its
    start until its own probe said so.
    """

    pid: int
    port: int
    metrics: str
    log: Path
    ready_seconds: float


def environment(urls: Urls, vendors: str = "http://127.0.0.1:9") -> dict[str, str]:
    """The defaults of every setting but the addresses. `vendors`: of a sandbox; without one nothing may be sent."""
    env = {
        "DATABASE_URL": urls.database,
        "REDIS_URL": urls.redis,
        "SAGE200__BASE_URL": f"{vendors}/sage200/uk/sage200extra/accounts/v1",
        "SAGE200__TOKEN_URL": f"{vendors}/sage200/oauth/token",
        "SAGE200__CLIENT_ID": "bench",
        "SAGE200__CLIENT_SECRET": "bench-client-secret",
        "SAGE200__REFRESH_TOKEN": "bench-refresh-token",
        "SAGE200__SITE": "bench",
        "SAGE200__COMPANY": "1",
        f"CENTRA__{CONNECTION}__BASE_URL": f"{vendors}/centra/graphql",
        f"CENTRA__{CONNECTION}__TOKEN": CENTRA_TOKEN,
        f"CENTRA__{CONNECTION}__WEBHOOK_SECRETS": f'["{SECRET}"]',
        f"CENTRA__{CONNECTION}__PREFIX": PREFIX,
        f"CENTRA__{CONNECTION}__STORE": str(STORE),
    }
    return {f"SLUICE_{name}": value for name, value in env.items()}


def command(role: str) -> list[str]:
    return ["-m", "app.cli.main", role]


@asynccontextmanager
async def open_role(
    name: str, argv: Sequence[str], env: Mapping[str, str], folder: Path
) -> AsyncIterator[Role]:
    """`argv`: after the interpreter. `name`: what run.json calls it. Its log is below `folder`."""
    port, metrics = pick_ports(2, random.SystemRandom())
    home = folder / f"{name}-{metrics}"
    given = {
        **clean_environment(),
        **env,
        "SLUICE_HTTP_PORT": str(port),
        "SLUICE_METRICS_PORT": str(metrics),
        "SLUICE_RUN_DIR": str(home),
        "PROMETHEUS_DISABLE_CREATED_SERIES": "true",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    clock = asyncio.get_running_loop().time
    began = clock()
    process = Process(Child(name, [sys.executable, *argv], home / f"{name}.log", given, cwd=Path.cwd()))
    try:
        address = f"http://{HOST}:{metrics}"
        await until_ready(process, partial(_is_ready, address), READY_SECONDS)
        seconds = clock() - began
        pid = int(published(home / "run.json")[name]["pid"])
        yield Role(pid, port, address, process.log, seconds)
    finally:
        await asyncio.to_thread(wait_gone, [process])


async def _is_ready(address: str) -> bool:
    async with httpx.AsyncClient(timeout=2) as client:
        try:
            return (await client.get(f"{address}/readyz")).is_success
        except httpx.TransportError:
            return False
