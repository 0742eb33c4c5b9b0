"""The whole gateway as real processes on servers of its own, every one of which can be killed, stopped and kept away."""

import asyncio
import random
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType

import asyncpg
import httpx

from app.db.migrate import ROOT, upgrade
from app.db.session import open_pool
from app.demo.crew import Crew, clean_environment, pick_ports
from app.demo.faults import Profile
from app.demo.furnish import MAPPINGS, seed
from app.demo.gateway import Gateway
from app.demo.shoppers import Shop
from app.demo.stage import Ports, Stage, settings
from app.demo.vendors import Vendors
from app.embedded.folder import own
from app.embedded.postgres import Postgres, start_postgres
from app.embedded.supervise import Child, Process, wait_gone
from app.embedded.valkey import Valkey, start_valkey
from app.flows import keys
from app.flows.remap import replace_table
from app.mappings import files
from tests.chaos import recorder
from tests.chaos.kept import Kept
from tests.chaos.load import Load

ROUGH = Profile("chaos", {"commit_then_drop": 0.02})
"""Its pace: leases of 10 s, a patience of 3 s, a quarantine of 8 s."""
WORKERS = ("worker-1", "worker-2")
ROLES = ("api", "exporter", *WORKERS)


@dataclass
class Town:
    """`clocks`: role -> file that holds how many seconds its clock is ahead. `dark`: when the sandbox was killed."""

    stage: Stage
    postgres: Kept
    valkey: Kept
    load: Load
    chance: random.Random
    clocks: Mapping[str, Path]
    logs: Path
    dark: list[datetime] = field(default_factory=list)

    def kill(self, name: str) -> None:
        """A process of ours, the sandbox, postgres (at once, without a checkpoint) or valkey."""
        if name == "postgres":
            self.postgres.crash_postgres()
        elif name == "valkey":
            self.valkey.kill()
        else:
            if name == "sandbox":
                self.dark.append(datetime.now(UTC))
            self.stage.crew.kill(name)

    def kills(self) -> dict[str, int]:
        servers = {"postgres": self.postgres.kills, "valkey": self.valkey.kills}
        return {name: count for name, count in ({**self.stage.crew.kills, **servers}).items() if count}

    def send(self, name: str, number: signal.Signals) -> None:
        next(one for one in self.stage.crew.processes() if one.name == name).send(number)

    async def flush(self) -> None:
        """FLUSHALL."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.valkey.server.port)
        writer.write(b"FLUSHALL\r\n")
        if await reader.readline() != b"+OK\r\n":
            raise OSError("FLUSHALL was refused")
        writer.close()
        await writer.wait_closed()

    def shift(self, role: str, seconds: float) -> None:
        """Sets the wall clock of a process."""
        fresh = self.clocks[role].with_suffix(".new")
        fresh.write_text(str(seconds))
        fresh.replace(self.clocks[role])


class Hands(Crew):
    """A crew that also starts our own mains, whose clocks can be set."""

    def enlist(self, name: str, clock: Path, env: Mapping[str, str], probe: str) -> None:
        role = name.partition("-")[0]
        argv = [sys.executable, "-m", "tests.chaos.skewed", role, str(clock)]
        child = Child(
            name, argv, self._logs / f"{name}.log", {**clean_environment(), **env}, cwd=ROOT, hold=self._hold
        )
        self._children[name], self._probes[name], self._running[name] = child, probe, Process(child)

    async def keep(self, name: str) -> None:
        """As the demo's, but patient: while Postgres is away a worker may end as often as it is started."""
        while True:
            expected = self.kills[name]
            await self._running[name].ended()
            self._running[name].stop()
            self.falls[name] += self.kills[name] == expected
            self._running[name] = Process(self._children[name])


@asynccontextmanager
async def open_town(root: Path, chance_seed: int, *, kept: Sequence[str] = ()) -> AsyncIterator[Town]:
    """`root` is a folder of its own. `kept`: settings as NAME=value that differ from the demo's pace. Whatever ends
    is started again until the end, after which nothing runs.
    """
    async with AsyncExitStack() as stack:
        lock = await stack.enter_async_context(own(root))
        servers = await stack.enter_async_context(open_kept(root, lock))
        http = await stack.enter_async_context(
            httpx.AsyncClient(timeout=30, limits=httpx.Limits(max_connections=400))
        )
        crew = await stack.enter_async_context(_hired(Hands(root / "logs", lock)))
        pool = await stack.enter_async_context(_books(servers["postgres"].server.url))
        town = await _fill((root, chance_seed), servers, pool, (crew, http), kept)
        group = await stack.enter_async_context(asyncio.TaskGroup())
        keepers = [group.create_task(crew.keep(name)) for name in crew.names()]
        keepers += [group.create_task(server.keep()) for server in servers.values()]
        try:
            yield town
        finally:
            for keeper in keepers:
                keeper.cancel()


@asynccontextmanager
async def open_kept(
    root: Path, lock: int, settings: Mapping[str, str] = MappingProxyType({})
) -> AsyncIterator[dict[str, Kept]]:
    """Postgres (with these settings) and Valkey."""
    first, second = pick_ports(2, random.SystemRandom())
    starts = {
        "postgres": partial(
            start_postgres, Postgres(root / "servers", port=first, settings=settings, hold=lock)
        ),
        "valkey": partial(start_valkey, Valkey(root / "servers", port=second, hold=lock)),
    }
    kept: dict[str, Kept] = {}
    try:
        for name, start in starts.items():
            kept[name] = Kept(start, await start())
        yield kept
    finally:
        await asyncio.to_thread(wait_gone, [one.server.process for one in kept.values()])


@asynccontextmanager
async def _hired(crew: Hands) -> AsyncIterator[Hands]:
    try:
        yield crew
    finally:
        await asyncio.to_thread(wait_gone, crew.processes())


@asynccontextmanager
async def _books(url: str) -> AsyncIterator[asyncpg.Pool]:
    async with open_pool(url, size=4, application="chaos") as pool:
        async with pool.acquire() as conn:
            await recorder.install_clock(conn)
        await upgrade(url)
        async with pool.acquire() as conn:
            await recorder.install(conn)
        for table, rows in files.parse_toml(MAPPINGS.read_text(encoding="utf-8")).items():
            await replace_table(pool, table, rows, actor="chaos", reason="a town")
        yield pool


async def _fill(
    where: tuple[Path, int],
    servers: Mapping[str, Kept],
    pool: asyncpg.Pool,
    hands: tuple[Hands, httpx.AsyncClient],
    kept: Sequence[str],
) -> Town:
    (root, number), (crew, http) = where, hands
    made = await keys.create(pool, "chaos", keys.SCOPES, environment="demo")
    sandbox, api, *others = pick_ports(2 + len(ROLES), random.SystemRandom())
    ports = Ports(sandbox, api, dict(zip(ROLES, others, strict=True)))
    data = ["--data", str(root / "sandbox")]
    command = ["sandbox", "--port", str(sandbox), "--seed", str(number), *data]
    crew.hire("sandbox", command, {}, f"{ports.url(sandbox)}/_sandbox/health")
    await crew.ready(http, "sandbox")
    vendors = Vendors(http, ports.url(sandbox))
    seeded = await seed(vendors, ports.url(api))
    await vendors.switch({"centra.webhook_retry_seconds": 0.5})
    urls = {"database": servers["postgres"].server.url, "redis": servers["valkey"].server.url}
    env = settings(ROUGH, urls, ports, seeded["sage200"])
    env |= {f"SLUICE_{name}": value for name, _, value in (one.partition("=") for one in kept)}
    clocks = _start_roles(root, crew, ports, env)
    await crew.ready(http, *ROLES)
    stage = Stage(vendors, Gateway(http, ports.url(api), made.key), pool, http, crew, ports, seeded, "")
    chance = random.Random(f"town {number}")
    load = Load(stage, Shop(seeded["catalogue"], chance), chance)
    return Town(stage, servers["postgres"], servers["valkey"], load, chance, clocks, root / "logs")


def _start_roles(root: Path, crew: Hands, ports: Ports, env: Mapping[str, str]) -> dict[str, Path]:
    clocks = {}
    for role in ROLES:
        own_env = {
            **env,
            "SLUICE_METRICS_PORT": str(ports.metrics[role]),
            "SLUICE_RUN_DIR": str(root / "run" / role),
        }
        probe = f"{ports.url(ports.metrics[role])}/readyz"
        if role == "exporter":
            crew.hire(role, [role], own_env, probe)
            continue
        clocks[role] = root / f"{role}.clock"
        clocks[role].write_text("0")
        crew.enlist(role, clocks[role], own_env, probe)
    return clocks
