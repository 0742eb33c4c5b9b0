"""A town whose API and workers live on hosts of their own; servers, vendors and the exporter stay on this one."""

import asyncio
import random
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from app.db.migrate import ROOT, upgrade
from app.db.session import open_pool
from app.demo.crew import clean_environment, pick_ports
from app.demo.furnish import MAPPINGS, seed
from app.demo.gateway import Gateway
from app.demo.shoppers import Shop
from app.demo.stage import HOST, Ports, Stage, settings
from app.demo.vendors import Vendors
from app.embedded.folder import own
from app.embedded.supervise import Child, Process, wait_gone
from app.flows import keys
from app.flows.remap import replace_table
from app.mappings import files
from tests.chaos import recorder
from tests.chaos.kept import Kept
from tests.chaos.lan import Lan, open_lan, relay
from tests.chaos.load import Load
from tests.chaos.town import ROUGH, Hands, Town, open_kept

HOSTS = ("api", "worker-1", "worker-2")
ROLES = (*HOSTS, "exporter")


@dataclass(frozen=True, slots=True)
class Addresses(Ports):
    """`hosts`: port -> address, where it is not this host's own."""

    hosts: Mapping[int, str]

    def url(self, port: int) -> str:
        return f"http://{self.hosts.get(port, HOST)}:{port}"


@dataclass(frozen=True, slots=True)
class District:
    town: Town
    lan: Lan


class Staff(Hands):
    def station(self, name: str, lan: Lan, env: Mapping[str, str], probe: str) -> None:
        """On the host of its name."""
        argv = lan.hosts[name].run(sys.executable, "-m", "app.cli.main", name.partition("-")[0])
        log, given = self._logs / f"{name}.log", {**clean_environment(), **env}
        child = Child(name, argv, log, given, cwd=ROOT, hold=self._hold)
        self._children[name], self._probes[name], self._running[name] = child, probe, Process(child)


@asynccontextmanager
async def open_district(root: Path, number: int) -> AsyncIterator[District]:
    """As `open_town`. Raises NotAllowedError where the machine lets us make no hosts."""
    async with AsyncExitStack() as stack:
        lock = await stack.enter_async_context(own(root))
        lan = await stack.enter_async_context(open_lan(HOSTS, random.SystemRandom()))
        servers = await stack.enter_async_context(open_servers_on(lan, root, lock))
        bell = await stack.enter_async_context(relay(lan.address, servers["valkey"].server.port))
        limits = httpx.Limits(max_connections=400)
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=30, limits=limits))
        crew = Staff(root / "logs", lock)
        stack.push_async_callback(_dismiss, crew)
        urls = {
            "database": servers["postgres"].server.url.replace(HOST, lan.address),
            "redis": f"redis://{lan.address}:{bell}/0",
        }
        town = await stack.enter_async_context(_fill((root, number), servers, lan, (crew, http), urls))
        group = await stack.enter_async_context(asyncio.TaskGroup())
        keepers = [group.create_task(crew.keep(name)) for name in crew.names()]
        try:
            yield District(town, lan)
        finally:
            for keeper in keepers:
                keeper.cancel()


async def _dismiss(crew: Staff) -> None:
    await asyncio.to_thread(wait_gone, crew.processes())


@asynccontextmanager
async def open_servers_on(lan: Lan, root: Path, lock: int) -> AsyncIterator[dict[str, Kept]]:
    """Postgres listens on the LAN itself, so that it is Postgres whose peers fall silent."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        rules = Path(folder) / "pg_hba.conf"
        rules.write_text(f"host all all {HOST}/32 trust\nhost all all {lan.network} trust\n")
        for path in (rules.parent, rules):
            path.chmod(0o755)
        given = {"listen_addresses": f"{HOST},{lan.address}", "hba_file": str(rules)}
        async with open_kept(root, lock, given) as kept:
            yield kept


@asynccontextmanager
async def _fill(
    where: tuple[Path, int],
    servers: Mapping[str, Kept],
    lan: Lan,
    hands: tuple[Staff, httpx.AsyncClient],
    urls: Mapping[str, str],
) -> AsyncIterator[Town]:
    (root, number), (crew, http) = where, hands
    url = servers["postgres"].server.url
    await upgrade(url)
    sandbox, api, *others = pick_ports(2 + len(ROLES), random.SystemRandom())
    metrics = dict(zip(ROLES, others, strict=True))
    hosts = {metrics[name]: host.address for name, host in lan.hosts.items()}
    ports = Addresses(sandbox, api, metrics, {**hosts, sandbox: lan.address, api: lan.hosts["api"].address})
    command = ["sandbox", "--host", lan.address, "--port", str(sandbox), "--seed", str(number)]
    health = f"{ports.url(sandbox)}/_sandbox/health"
    crew.hire("sandbox", [*command, "--data", str(root / "sandbox")], {}, health)
    await crew.ready(http, "sandbox")
    vendors = Vendors(http, ports.url(sandbox))
    seeded = await seed(vendors, ports.url(api))
    await vendors.switch({"centra.webhook_retry_seconds": 0.5})
    _start_roles(root, crew, lan, (ports, settings(ROUGH, urls, ports, seeded["sage200"])))
    async with open_pool(url, size=4, application="chaos") as pool:
        async with pool.acquire() as conn:
            await recorder.install(conn)
        for table, rows in files.parse_toml(MAPPINGS.read_text(encoding="utf-8")).items():
            await replace_table(pool, table, rows, actor="chaos", reason="a district")
        made = await keys.create(pool, "chaos", keys.SCOPES, environment="demo")
        await crew.ready(http, *ROLES)
        stage = Stage(vendors, Gateway(http, ports.url(api), made.key), pool, http, crew, ports, seeded, "")
        chance = random.Random(f"district {number}")
        load = Load(stage, Shop(seeded["catalogue"], chance), chance)
        yield Town(stage, servers["postgres"], servers["valkey"], load, chance, {}, root / "logs")


def _start_roles(root: Path, crew: Staff, lan: Lan, given: tuple[Addresses, Mapping[str, str]]) -> None:
    ports, env = given
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
        address = lan.hosts[role].address
        crew.station(
            role, lan, {**own_env, "SLUICE_METRICS_HOST": address, "SLUICE_HTTP_HOST": address}, probe
        )
