"""Sets the stage: empty servers, a seeded sandbox, migrations, mappings but for the withheld, and Sluice itself."""

import asyncio
import json
import random
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from app.db.migrate import ROOT, upgrade
from app.db.session import open_pool
from app.demo.crew import Crew, pick_ports
from app.demo.errors import DemoError
from app.demo.faults import Profile
from app.demo.gateway import Gateway
from app.demo.vendors import Vendors
from app.domain.rows import Row
from app.embedded.folder import own, publish
from app.embedded.reach import discard
from app.embedded.servers import Wish, open_servers
from app.embedded.supervise import wait_gone
from app.flows import keys
from app.flows.remap import replace_table
from app.mappings import files

Doc = dict[str, Any]
STATE = Path(".sluice")
RUN_FILE = "run.json"
ROLES = ("api", "worker", "exporter")
SKUS, STOCK = 520, 5_000
HOST = "127.0.0.1"
TOKEN = "sandbox-token-of-the-scripted-day"  # noqa: S105 - a made-up vendor's
SANDBOX_SERVER_SECONDS = 4.0
MAPPINGS = ROOT / "examples" / "mappings" / "sandbox.toml"


@dataclass(frozen=True, slots=True)
class Connection:
    """`store`: of the brand; `space`: how this store's webhooks write a space."""

    name: str
    store: int
    prefix: str
    space: str
    secret: str


CONNECTIONS = (
    Connection("uk", 1, "CEN", "+", "webhook-secret-uk"),
    Connection("eu", 2, "CEU", "%20", "webhook-secret-eu"),
)


@dataclass(frozen=True, slots=True)
class Ports:
    sandbox: int
    api: int
    metrics: Mapping[str, int]

    def url(self, port: int) -> str:
        return f"http://{HOST}:{port}"


@dataclass(frozen=True, slots=True)
class Stage:
    """All that the day is played with. `seeded`: what the sandbox answered; `preflight`: what Sluice complained of."""

    vendors: Vendors
    gateway: Gateway
    pool: asyncpg.Pool
    http: httpx.AsyncClient
    crew: Crew
    ports: Ports
    seeded: Doc
    preflight: str


def pace(profile: Profile) -> dict[str, float]:
    """Scaled-down times in seconds; a real system's are minutes. Calm vendors get all the time they may want."""
    calm = profile.calm
    return {
        "POLL": 1.0,
        "SWEEP": 3.0,
        "LOOK": 0.2,
        "SNAPSHOT": 1.0,
        "LEASE": 10.0,
        "LANE_PATIENCE": 30.0 if calm else 3.0,
        "QUARANTINE": 25.0 if calm else 8.0,
        "PROBE": 0.5,
        "BACKOFF": 0.2,
        "BREAKER_REST": 1.0,
    }


def timeout(profile: Profile) -> float:
    """Of one request to Sage. Above the 4 s after which the sandbox's server commits nothing any more."""
    return 20.0 if profile.calm else 6.0


def settings(profile: Profile, urls: Mapping[str, str], ports: Ports, sage: Doc) -> dict[str, str]:
    """Sluice's environment."""
    env: dict[str, object] = {
        "DATABASE_URL": urls["database"],
        "REDIS_URL": urls["redis"],
        "HTTP_PORT": ports.api,
        "SAGE200__BASE_URL": f"{ports.url(ports.sandbox)}/sage200/uk/sage200extra/accounts/v1",
        "SAGE200__TOKEN_URL": f"{ports.url(ports.sandbox)}/sage200/oauth/token",
        "SAGE200__CLIENT_ID": sage["client_id"],
        "SAGE200__CLIENT_SECRET": sage["client_secret"],
        "SAGE200__REFRESH_TOKEN": sage["refresh_token"],
        "SAGE200__SITE": sage["site_id"],
        "SAGE200__COMPANY": sage["company_id"],
        "SAGE200__TIMEOUT_SECONDS": timeout(profile),
        **{f"{name}_SECONDS": seconds for name, seconds in pace(profile).items()},
    }
    for one in CONNECTIONS:
        given = {
            "BASE_URL": f"{ports.url(ports.sandbox)}/centra/graphql",
            "TOKEN": TOKEN,
            "WEBHOOK_SECRETS": json.dumps([one.secret]),
            "PREFIX": one.prefix,
            "STORE": one.store,
            "REQUESTS_PER_SECOND": 20,
        }
        env |= {f"CENTRA__{one.name}__{name}": value for name, value in given.items()}
    return {f"SLUICE_{name}": str(value) for name, value in env.items()}


async def seed(vendors: Vendors, api: str) -> Doc:
    plugins = [
        {
            "url": f"{api}/webhooks/centra/{one.name}",
            "secret": one.secret,
            "store": one.store,
            "space": one.space,
            "batch": 10,
        }
        for one in CONNECTIONS
    ]
    await vendors.switch({"server_timeout_seconds": SANDBOX_SERVER_SECONDS, "centra.plan": "enterprise"})
    return await vendors.seed(
        {
            "catalogue": {"skus": SKUS, "seed": 1, "stock": STOCK},
            "centra": {
                "tokens": [{"integration": "sluice", "token": TOKEN}],
                "plugins": plugins,
                "articles": [_old_season()],
            },
        }
    )


def _old_season() -> Doc:
    """Sold by the shop under a code that Sage never had."""
    return {
        "sku": "OLD-SEASON-01",
        "style": "OLD",
        "name": "Last season's dress",
        "colour": "BLK",
        "size": "01",
        "ean": "",
        "vat": "standard",
        "price": {"GBP": "39.00", "EUR": "45.00"},
        "stock": STOCK,
    }


def withhold(tables: Mapping[str, Sequence[Row]]) -> dict[str, list[Row]]:
    """The mappings as the day begins: without what the script maps on the way."""
    kept = {table: [row for row in rows if not _is_withheld(table, row)] for table, rows in tables.items()}
    for table in ("warehouses", "required_fields"):
        kept[table] = [row.model_copy(update={"connection": "uk"}) for row in kept[table]]
    return kept


def _is_withheld(table: str, row: Row) -> bool:
    told = row.model_dump()
    return (
        (table == "customers" and told["currency"] == "EUR")
        or (table in {"charges", "posting_rules"} and told["kind"] == "handling")
        or (table == "tax_codes" and told["ship_to"] == "SE")
    )


async def import_mappings(pool: asyncpg.Pool) -> None:
    if not MAPPINGS.is_file():
        raise DemoError(f"{MAPPINGS} is missing: run the demo from a checkout of the project.")
    tables = files.parse_toml(MAPPINGS.read_text(encoding="utf-8"))
    for table, rows in withhold(tables).items():
        await replace_table(pool, table, rows, actor="demo", reason="the day begins")


@asynccontextmanager
async def open_books(url: str) -> AsyncIterator[tuple[asyncpg.Pool, str]]:
    """A migrated database with mappings, and a key for the API."""
    await upgrade(url)
    async with open_pool(url, size=4, application="sluice-demo") as pool:
        await import_mappings(pool)
        made = await keys.create(pool, "demo", keys.SCOPES, environment="demo")
        yield pool, made.key


@asynccontextmanager
async def open_stage(profile: Profile, chance: int) -> AsyncIterator[Stage]:
    """Everything runs inside; afterwards nothing does. `chance`: the sandbox's seed."""
    home = STATE.resolve() / "demo"
    async with own(home) as lock:
        await _clear(home)
        async with open_servers(Wish(home / "servers")) as servers, httpx.AsyncClient(timeout=30) as http:
            crew = Crew(home / "logs", lock)
            try:
                urls = {"database": servers.database_url, "redis": servers.redis_url}
                async with _fill(crew, http, (profile, chance), urls) as stage:
                    yield stage
            finally:
                await asyncio.to_thread(wait_gone, crew.processes())
                publish(STATE / RUN_FILE, dict.fromkeys((*ROLES, "sandbox")))


async def _clear(home: Path) -> None:
    """What an earlier day left, once its servers are gone."""
    async with own(home / "servers"):
        pass
    discard(home / "servers")
    for name in ("sandbox", "logs", "worker-2"):
        shutil.rmtree(home / name, ignore_errors=True)


@asynccontextmanager
async def _fill(
    crew: Crew, http: httpx.AsyncClient, wish: tuple[Profile, int], urls: Mapping[str, str]
) -> AsyncIterator[Stage]:
    profile, chance = wish
    roles = ["api", "exporter", *(f"worker-{number + 1}" for number in range(profile.workers))]
    sandbox, api, *others = pick_ports(2 + len(roles), random.SystemRandom())
    ports = Ports(sandbox, api, dict(zip(roles, others, strict=True)))
    data = ["--data", str(STATE.resolve() / "demo" / "sandbox")]
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
        publish(STATE / RUN_FILE, {"sandbox": {"url": vendors.url}})
        yield Stage(vendors, Gateway(http, ports.url(api), key), pool, http, crew, ports, seeded, told)


def _of_role(role: str, ports: Ports) -> dict[str, str]:
    """The second worker tells its ports elsewhere: run.json has one place for each role."""
    folder = STATE.resolve() / "demo" / role if role == "worker-2" else STATE.resolve()
    return {"SLUICE_METRICS_PORT": str(ports.metrics[role]), "SLUICE_RUN_DIR": str(folder)}


def _probe(role: str, ports: Ports) -> str:
    return f"{ports.url(ports.metrics[role])}/readyz"
