"""What Sluice's processes need around them: simulated vendors that answer at once, a database with mappings."""

import asyncio
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from app.demo.crew import clean_environment, pick_ports
from app.demo.furnish import open_books
from app.demo.vendors import Vendors
from app.embedded.supervise import Child, Process, until_ready, wait_gone
from bench.arena import Arena
from bench.roles import CENTRA_TOKEN, HOST, READY_SECONDS, Urls, environment

Doc = dict[str, Any]
STOCK = 100_000


@dataclass(frozen=True, slots=True)
class Stage:
    """`vendors`: their controls. `port`: where they are reached. `catalogue`: articles. `key`: of our API."""

    vendors: Vendors
    port: int
    pool: asyncpg.Pool
    urls: Urls
    catalogue: list[Doc]
    key: str
    sage: Doc
    folder: Path

    def environment(self, port: int | None = None) -> dict[str, str]:
        """`port`: where the vendors are said to be, if elsewhere."""
        sage = {
            f"SLUICE_SAGE200__{name}": str(self.sage[given])
            for name, given in (
                ("CLIENT_ID", "client_id"),
                ("CLIENT_SECRET", "client_secret"),
                ("REFRESH_TOKEN", "refresh_token"),
                ("SITE", "site_id"),
                ("COMPANY", "company_id"),
            )
        }
        return environment(self.urls, f"http://{HOST}:{port or self.port}") | sage


@asynccontextmanager
async def open_stage(arena: Arena, skus: int = 500) -> AsyncIterator[Stage]:
    """A database of its own, and a sandbox; the vendors send no webhooks by themselves."""
    (port,) = pick_ports(1, random.SystemRandom())
    folder = arena.home / f"stage-{port}"
    async with (
        arena.database() as url,
        open_books(url) as (pool, key),
        httpx.AsyncClient(timeout=30) as http,
        _open_sandbox(folder, port, http) as vendors,
    ):
        await vendors.switch({"centra.plan": "enterprise"})
        seeded = await vendors.seed(
            {
                "catalogue": {"skus": skus, "seed": 1, "stock": STOCK},
                "centra": {"tokens": [{"integration": "sluice", "token": CENTRA_TOKEN}]},
            }
        )
        urls = Urls(url, await arena.empty_redis())
        yield Stage(vendors, port, pool, urls, seeded["catalogue"], key, seeded["sage200"], folder)


@asynccontextmanager
async def _open_sandbox(folder: Path, port: int, http: httpx.AsyncClient) -> AsyncIterator[Vendors]:
    argv = [
        sys.executable,
        "-m",
        "app.cli.main",
        "sandbox",
        "--port",
        str(port),
        "--data",
        str(folder / "sandbox"),
    ]
    process = Process(Child("sandbox", argv, folder / "sandbox.log", clean_environment(), cwd=Path.cwd()))
    address = f"http://{HOST}:{port}"

    async def answers() -> bool:
        try:
            return (await http.get(f"{address}/_sandbox/health")).is_success
        except httpx.TransportError:
            return False

    try:
        await until_ready(process, answers, READY_SECONDS)
        yield Vendors(http, address)
    finally:
        await asyncio.to_thread(wait_gone, [process])
