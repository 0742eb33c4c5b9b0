"""Sets the stage up and clears it away: servers, sandbox, Sluice's processes."""

import asyncio
import random
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx

from app.demo.crew import Crew, pick_ports
from app.demo.faults import Profile
from app.demo.furnish import open_books, seed
from app.demo.gateway import Gateway
from app.demo.stage import Ports, Stage, settings
from app.demo.vendors import Vendors
from app.embedded.folder import own, publish
from app.embedded.reach import discard
from app.embedded.servers import Wish, open_servers
from app.embedded.supervise import wait_gone

STATE = Path(".sluice").absolute()
RUN_FILE = STATE / "run.json"
HOME = STATE / "demo"
ROLES = ("api", "worker", "exporter")


@asynccontextmanager
async def open_stage(profile: Profile, chance: int) -> AsyncIterator[Stage]:
    """Everything runs inside; afterwards nothing does. `chance`: the sandbox's seed."""
    async with AsyncExitStack() as stack:
        lock = await stack.enter_async_context(own(HOME))
        await _clear()
        servers = await stack.enter_async_context(open_servers(Wish(HOME / "servers")))
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=30))
        crew = await stack.enter_async_context(_hired(Crew(HOME / "logs", lock)))
        urls = {"database": servers.database_url, "redis": servers.redis_url}
        yield await stack.enter_async_context(_fill(crew, http, (profile, chance), urls))


@asynccontextmanager
async def _hired(crew: Crew) -> AsyncIterator[Crew]:
    try:
        yield crew
    finally:
        await asyncio.to_thread(wait_gone, crew.processes())
        publish(RUN_FILE, dict.fromkeys((*ROLES, "sandbox")))


async def _clear() -> None:
    """What an earlier day left, once its servers are gone."""
    async with own(HOME / "servers"):
        pass
    discard(HOME / "servers")
    for name in ("sandbox", "logs", "worker-2"):
        shutil.rmtree(HOME / name, ignore_errors=True)


@asynccontextmanager
async def _fill(
    crew: Crew, http: httpx.AsyncClient, wish: tuple[Profile, int], urls: Mapping[str, str]
) -> AsyncIterator[Stage]:
    profile, chance = wish
    roles = ["api", "exporter", *(f"worker-{number + 1}" for number in range(profile.workers))]
    sandbox, api, *others = pick_ports(2 + len(roles), random.SystemRandom())
    ports = Ports(sandbox, api, dict(zip(roles, others, strict=True)))
    data = ["--data", str(HOME / "sandbox")]
    command = ["sandbox", "--port", str(sandbox), "--seed", str(chance), *data]
    crew.hire("sandbox", command, {}, f"{ports.url(sandbox)}/_sandbox/health")
    async with open_books(urls["database"]) as (pool, key):
        await crew.ready(http, "sandbox")
        vendors = Vendors(http, ports.url(sandbox))
        seeded = await seed(vendors, ports.url(api))
        env = settings(profile, urls, ports, seeded["sage200"])
        for role in roles:
            crew.hire(role, [role.partition("-")[0]], env | _of_role(role, ports), _probe(role, ports))
        _, told = await crew.run("preflight", ["preflight"], env)
        await crew.ready(http, *roles)
        publish(RUN_FILE, {"sandbox": {"url": vendors.url}})
        yield Stage(vendors, Gateway(http, ports.url(api), key), pool, http, crew, ports, seeded, told)


def _of_role(role: str, ports: Ports) -> dict[str, str]:
    """The second worker tells its ports elsewhere: run.json has one place for each role."""
    folder = HOME / role if role == "worker-2" else STATE
    return {"SLUICE_METRICS_PORT": str(ports.metrics[role]), "SLUICE_RUN_DIR": str(folder)}


def _probe(role: str, ports: Ports) -> str:
    return f"{ports.url(ports.metrics[role])}/readyz"
