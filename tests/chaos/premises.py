"""A gateway of real processes, whose wires are tapped, between a simulated shop and simulated books."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs, urlsplit, urlunsplit

import asyncpg
import httpx

from app.db.session import open_pool
from app.embedded.folder import free_port
from app.flows.keys import SCOPES, create
from app.mappings.files import parse_toml
from app.mappings.write import put
from tests.chaos.nursery import Nursery, gone, is_gone
from tests.chaos.wires import Doom, http, postgres, redis, tap
from tests.sandbox.conftest import Running, running_sandbox
from tests.stories.town import ADDRESS, ROOT, SAGE_ORDER, SECRET, TOKEN

CONNECTION, PREFIX = "uk", "CEN"
LOOK_SECONDS = 0.15
PATIENCE_SECONDS = 90.0
BACK = "https://gateway.test/consent"
FRESH = httpx.Limits(max_keepalive_connections=0)
"""A connection that is kept may be closed by the other side just as it is used again."""
PACE = {
    "LOOK_SECONDS": "0.2",
    "POLL_SECONDS": "0.6",
    "SWEEP_SECONDS": "1.5",
    "LEASE_SECONDS": "5",
    "LANE_PATIENCE_SECONDS": "0.6",
    "BACKOFF_SECONDS": "0.1",
    "BACKOFF_MOST_SECONDS": "1",
    "PROBE_SECONDS": "0.5",
    "QUARANTINE_SECONDS": "3",
    "BREAKER_REST_SECONDS": "0.2",
    "LOCK_SECONDS": "0.5",
    "LOCK_MOST_SECONDS": "2",
    "SAGE200__TIMEOUT_SECONDS": "2.5",
    "SAGE200__LOCK_SECONDS": "2.5",
    "DATABASE_POOL": "4",
}
"""All that waits is scaled down alike, the vendor's time-out too: nothing here commits later than that."""


class NeverError(Exception):
    """What was waited for did not come."""


@dataclass
class Premises:
    """`asked`: key of each order that must be in the books -> its gross. `envs`: role -> its settings."""

    sandbox: Running
    pool: asyncpg.Pool
    skus: Sequence[str]
    company: Mapping[str, str]
    doom: Doom
    nursery: Nursery
    envs: dict[str, dict[str, str]]
    logs: Path
    api: httpx.AsyncClient
    vendors: httpx.AsyncClient
    operator: str
    database: str
    asked: dict[str, Decimal] = field(default_factory=dict)
    running: set[str] = field(default_factory=set)
    port: int = 0

    async def start(self, *roles: str) -> None:
        self.running |= set(roles)
        for role in roles:
            await self._bear(role)
        if "api" in roles:
            await until(self._listens, "the API listens")

    async def _bear(self, role: str) -> None:
        if role == "api":
            self.port = free_port()  # the one it had may be somebody else's by now
        self.envs[role]["SLUICE_HTTP_PORT"] = str(self.port)
        self.doom.pids[role] = await self.nursery.bear(role, self.envs[role], self.logs / f"{role}.log")

    async def _listens(self) -> bool:
        if is_gone(self.doom.pids["api"]):
            await self._bear("api")  # somebody was faster to take the port
        try:
            return (await self.api.get("/")).status_code > 0
        except httpx.TransportError:
            return False

    async def open(self) -> None:
        """Both roles live, and every poll has looked once: what comes now comes by webhook first."""
        await self.start(*({"api", "worker"} - self.running))

        async def polled() -> bool:
            return await self.pool.fetchval("SELECT count(*) FROM poll_cursor WHERE connection = 'uk'") == 2

        await until(polled, "the first polls")

    async def fallen(self, role: str) -> None:
        """The blow fell, and the process is no more."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.doom.struck.wait()
            await gone(self.doom.pids[role])

    async def kill(self, *roles: str) -> None:
        for role in roles:
            self.doom.kill(role)
            await gone(self.doom.pids[role])

    async def person(self, path: str, **wish: object) -> dict:
        """Staff, shoppers and accountants do things."""
        answer = await self.vendors.post(f"/_sandbox/people/{path}", json=wish)
        if not answer.is_success:
            raise NeverError(f"{path}: {answer.text}")
        return answer.json()

    async def place(self, count: int, chance: random.Random, among: int = 4) -> list[dict]:
        """Shoppers check out, every third of them with several articles; all want the same few."""
        orders = []
        for _ in range(count):
            skus = chance.sample(self.skus[:among], min(among, chance.choice((1, 1, 3))))
            order = await self.person(
                "centra/orders", lines=[{"sku": sku, "quantity": 1} for sku in skus], address=ADDRESS
            )
            self.expect(order)
            orders.append(order)
        return orders

    def expect(self, order: dict) -> None:
        self.asked[f"{PREFIX}-{order['number']}"] = Decimal(order["figures"]["grand_total"])

    def documents(self) -> list[dict]:
        """Sales orders in the books now, oldest first."""
        return sorted(self.sandbox.world.store.read().all(SAGE_ORDER), key=lambda document: document["id"])

    async def consent(self) -> None:
        """A person consents anew; the worker is given the refresh token at its next start."""
        query = {"client_id": self.company["client_id"], "redirect_uri": BACK, "response_type": "code"}
        sent = await self.vendors.get("/sage200/authorize", params=query)
        form = {
            "grant_type": "authorization_code",
            "client_id": self.company["client_id"],
            "client_secret": self.company["client_secret"],
            "redirect_uri": BACK,
            "code": parse_qs(urlsplit(sent.headers["location"]).query)["code"][0],
        }
        given = (await self.vendors.post("/sage200/oauth/token", data=form)).json()
        self.envs["worker"]["SLUICE_SAGE200__REFRESH_TOKEN"] = given["refresh_token"]

    async def faults(self, *rules: dict) -> None:
        (await self.vendors.post("/_sandbox/faults", json=list(rules))).raise_for_status()

    async def calm(self) -> None:
        """Nothing is out of order at the vendors any more."""
        await self.faults()
        await self.person("sage200/tunnel", up=True)

    async def retry(self, case: int) -> bool:
        """A person presses "retry"; whether that was answered."""
        headers = {"Authorization": f"Bearer {self.operator}"}
        try:
            answer = await self.api.post(
                f"/api/v1/exceptions/{case}/retry", json={"reason": "mended"}, headers=headers
            )
        except httpx.TransportError:
            return False
        return answer.is_success

    async def settled(self) -> None:
        """Every order that was asked for is in the books, and nothing is open but polls and what is parked."""

        async def quiet() -> bool:
            there = {document["customer_document_no"] for document in self.documents()}
            return self.asked.keys() <= there and not await busy(self.pool)

        await until(quiet, "all is settled")


async def busy(pool: asyncpg.Pool) -> int:
    """Messages that somebody still works at, polls apart."""
    return await pool.fetchval(
        "SELECT count(*) FROM message_state WHERE coalesce_key IS NULL AND state <> 'parked'"
    )


async def until(true: Callable[[], Awaitable[bool]], what: str, often: float = 2 * LOOK_SECONDS) -> None:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await true():  # noqa: ASYNC110 - neither database nor vendor tells us
                await asyncio.sleep(random.uniform(0, often))
    except TimeoutError:
        raise NeverError(f"not within {PATIENCE_SECONDS:.0f} s: {what}") from None


async def furnish(sandbox: Running, pool: asyncpg.Pool) -> tuple[list[str], dict]:
    """The SKUs of goods at the standard rate, and the company at Sage; the mappings of the examples are in force."""
    seeds = {
        "catalogue": {"skus": 20},
        "centra": {"tokens": [{"token": TOKEN, "integration": "gateway"}]},
    }
    made = (await sandbox.client.post("/_sandbox/seed", json=seeds)).json()
    await sandbox.switch(centra__autoconfirm=True, centra__webhook_retry_seconds=0.3)
    await sandbox.switch(server_timeout_seconds=1.5, sage200__api_lock_seconds=6)
    async with pool.acquire() as conn, conn.transaction():
        examples = ROOT / "examples" / "mappings" / "sandbox.toml"
        for table, rows in parse_toml(examples.read_text()).items():
            await put(conn, table, rows, actor="tests", reason="premises")
    return [one["sku"] for one in made["catalogue"] if one["vat"] == "standard"], made["sage200"]


def settings_for(urls: Mapping[str, str], company: Mapping[str, str], folder: Path) -> dict[str, str]:
    """`urls`: of database, redis and vendors."""
    given = {
        **PACE,
        "DATABASE_URL": urls["database"],
        "REDIS_URL": urls["redis"],
        "RUN_DIR": str(folder),
        "SECRETS_DIR": str(folder / "secrets"),
        "METRICS_PORT": "0",
        "SAGE200__BASE_URL": f"{urls['vendors']}/sage200/uk/sage200extra/accounts/v1",
        "SAGE200__TOKEN_URL": f"{urls['vendors']}/sage200/oauth/token",
        "SAGE200__CLIENT_ID": company["client_id"],
        "SAGE200__CLIENT_SECRET": company["client_secret"],
        "SAGE200__REFRESH_TOKEN": company["refresh_token"],
        "SAGE200__SITE": company["site_id"],
        "SAGE200__COMPANY": str(company["company_id"]),
        "CENTRA__uk__BASE_URL": f"{urls['vendors']}/centra/graphql",
        "CENTRA__uk__TOKEN": TOKEN,
        "CENTRA__uk__WEBHOOK_SECRETS": json.dumps([SECRET]),
        "CENTRA__uk__PREFIX": PREFIX,
        "CENTRA__uk__REQUESTS_PER_SECOND": "30",
    }
    return {f"SLUICE_{name}": value for name, value in given.items()}


def at_port(url: str, port: int) -> str:
    parts = urlsplit(url)
    user = f"{parts.username}@" if parts.username else ""
    return urlunsplit(parts._replace(netloc=f"{user}127.0.0.1:{port}"))


@asynccontextmanager
async def _tapped(doom: Doom, role: str, urls: Mapping[str, str]) -> AsyncIterator[dict[str, str]]:
    """The same URLs by way of the taps."""
    ways = {"database": postgres, "redis": redis, "vendors": http}
    async with AsyncExitStack() as stack:
        found = {}
        for name, carry in ways.items():
            parts = urlsplit(urls[name])
            there = partial(tuple, (parts.hostname, parts.port))
            port = await stack.enter_async_context(tap(doom, f"{role}-{carry.__name__}", carry, there))
            found[name] = at_port(urls[name], port)
        yield found


@asynccontextmanager
async def open_premises(folder: Path, nursery: Nursery, urls: tuple[str, str]) -> AsyncIterator[Premises]:
    """`urls`: of a migrated, empty database and of Redis. Nothing runs yet but the vendors."""
    (folder / "secrets").mkdir(parents=True)
    doom = Doom()
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(running_sandbox(folder / "sandbox"))
        pool = await stack.enter_async_context(open_pool(urls[0], size=3, application="premises"))
        skus, company = await furnish(sandbox, pool)
        plain = {"database": urls[0], "redis": urls[1], "vendors": sandbox.url}
        envs = {}
        for role in ("api", "worker"):
            own = await stack.enter_async_context(_tapped(doom, role, plain))
            envs[role] = settings_for(own, company, folder)
        found: Premises
        front = await stack.enter_async_context(
            tap(doom, "shop-http", http, lambda: ("127.0.0.1", found.port))
        )
        api, vendors = [
            await stack.enter_async_context(httpx.AsyncClient(base_url=url, timeout=30, limits=FRESH))
            for url in (f"http://127.0.0.1:{front}", sandbox.url)
        ]
        operator = (await create(pool, "operator", SCOPES)).key
        found = Premises(
            sandbox, pool, skus, company, doom, nursery, envs, folder, api, vendors, operator, urls[0]
        )
        await found.person("centra/plugins", url=f"{api.base_url}/webhooks/centra/uk", secret=SECRET, store=1)
        try:
            yield found
        finally:
            await found.kill(*doom.pids)
