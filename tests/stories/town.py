"""A town: a simulated shop and simulated books over HTTP, and the whole gateway between them in this process."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import uvicorn

from app.flows.context import Context
from app.flows.keys import SCOPES, create
from app.flows.signal import Signal
from app.flows.work import work
from app.main import build, configuration, listen, open_state
from app.mappings.files import parse_toml
from app.mappings.write import put
from app.registry import CONNECTORS, Connector
from app.settings import Settings, load
from tests.sandbox.conftest import Running, running_sandbox
from tests.sandbox.virtualstock.conftest import RETAILERS
from workers.main import open_context

ROOT = Path(__file__).parents[2]
SECRET, TOKEN = "a secret between shop and gateway", "0123456789abcdef0123456789abcdef"
SAGE_ORDER = "sage200.sop_order"
SKUS = 40
PATIENCE_SECONDS = 45
LOOK_SECONDS = 0.02
"""Looking takes the same processor that is waited for."""
EDGE = {"username": "northgate", "password": "a password of the supplier"}
ADDRESS = {
    "firstName": "Ada",
    "lastName": "Marsh",
    "address1": "3 Mill Lane",
    "city": "Leeds",
    "zipCode": "LS1 1AA",
    "email": "ada@example.com",
}


class Server(uvicorn.Server):
    """Signals belong to the test runner."""

    def capture_signals(self) -> Any:
        return nullcontext()


@dataclass
class Town:
    sandbox: Running
    articles: list[dict]
    pool: asyncpg.Pool
    api: httpx.AsyncClient
    worker: Context
    metrics_ports: list[int]
    settings: Settings

    @property
    def skus(self) -> list[str]:
        """Of goods at the standard rate."""
        return [article["sku"] for article in self.articles if article["vat"] == "standard"]

    async def people(self, path: str, **wish: Any) -> dict:
        answer = await self.sandbox.client.post(f"/_sandbox/people/{path}", json=wish)
        assert answer.is_success, answer.text
        return answer.json()

    def hire(self) -> AbstractAsyncContextManager[Context]:
        """One more worker, for as long as it is needed."""
        return working(self.settings.model_copy(update={"metrics_port": free_ports(1)[0]}))

    async def plug(self, store: int) -> None:
        """A store's staff sets the webhook up."""
        url = f"{self.api.base_url}/webhooks/centra/uk"
        await self.people("centra/plugins", url=url, secret=SECRET, store=store)

    async def place(self, *skus: str, **wish: Any) -> dict:
        """A shopper's checkout: one of each; everything else may be wished for."""
        lines = [{"sku": sku, "quantity": 1} for sku in skus or self.skus[:1]]
        return await self.people("centra/orders", **{"lines": lines, "address": ADDRESS, **wish})

    async def order_at(self, retailer: str, *skus: str, **wish: Any) -> dict:
        """A retailer's system sends an order to Virtualstock: one of each."""
        lines = [{"sku": sku, "quantity": 1} for sku in skus or self.skus[:1]]
        body = {"account": EDGE["username"], "retailer": retailer, "lines": lines, **wish}
        return await self.people("virtualstock/orders", **body)

    async def at_edge(self, order: dict) -> dict:
        """As Virtualstock holds it now."""
        return (await self.sandbox.client.get(f"/_sandbox/people/virtualstock/orders/{order['id']}")).json()

    async def amend(self, order: dict, act: str, **wish: Any) -> dict:
        """Staff or shopper change an order; ends when the gateway has read it again."""
        before = await self.notices()
        changed = await self.people(f"centra/orders/{order['number']}/{act}", **wish)

        async def read() -> bool:
            came, open_ = await self.notices()
            return came > before[0] and not open_

        await until(read)
        return changed

    async def notices(self) -> tuple[int, int]:
        """That ever came, and that are still open."""
        row = await self.pool.fetchrow(
            """
            SELECT count(*) AS came, count(*) FILTER (WHERE s.state <> 'parked') AS open_
            FROM message AS m LEFT JOIN message_state AS s USING (id) WHERE cls = 'notice'
            """
        )
        return row["came"], row["open_"]

    async def documents(self, order: dict | None = None) -> list[dict]:
        """The sales orders in the books now, drafts and cancelled ones too; by the shop's number if told."""
        newest: dict[int, dict | None] = {}
        for row in await self.sandbox.history():
            for changed in row["changed"]:
                if changed["entity"] == SAGE_ORDER:
                    newest[changed["id"]] = changed["after"]
        key = f"CEN-{order['number']}" if order else None
        return [doc for doc in newest.values() if doc and key in {None, doc["customer_document_no"]}]

    async def calls(self, method: str, word: str) -> list[dict]:
        """Rows of the vendors' history."""
        return [
            row for row in await self.sandbox.history() if row["method"] == method and word in row["path"]
        ]

    async def posted(self, order: dict) -> list[dict]:
        """Waits for the first document of an order."""

        async def there() -> bool:
            return bool(await self.documents(order)) and not await self.busy()

        await until(there)
        return await self.documents(order)

    async def busy(self) -> int:
        """Messages that somebody still works at; polls and what is parked apart."""
        return await self.pool.fetchval(
            "SELECT count(*) FROM message_state WHERE coalesce_key IS NULL AND state <> 'parked' AND due_at < now() + interval '60 s'"
        )

    async def heard(self, notices: int = 1) -> None:
        """Waits until so many notices came in and all that followed from them is settled or parked."""

        async def done() -> bool:
            came, _ = await self.notices()
            return came >= notices and not await self.busy()

        await until(done)

    async def cases(self) -> list[str]:
        rows = await self.pool.fetch(
            """
            SELECT v ->> 'code' AS code FROM exception_case AS e, jsonb_array_elements(e.violations) AS v
            WHERE closed_at IS NULL ORDER BY e.id
            """
        )
        return [row["code"] for row in rows]

    async def states(self, order: dict) -> list[str]:
        """Of the effects of an order: open state, or the result."""
        rows = await self.pool.fetch(
            """
            SELECT coalesce(s.state, r.result) AS ended FROM message AS m LEFT JOIN message_state AS s USING (id)
            LEFT JOIN receipt AS r ON r.message_id = m.id WHERE m.cls = 'effect' AND m.order_ref = $1 ORDER BY m.id
            """,
            str(order["number"]),
        )
        return [row["ended"] for row in rows]

    async def headers(self) -> dict[str, str]:
        made = await create(self.pool, "operator", SCOPES)
        return {"Authorization": f"Bearer {made.key}"}

    async def map(self, table: str, row: dict) -> dict:
        """As an operator does: read the table, send its ETag back."""
        headers = await self.headers()
        etag = (await self.api.get(f"/api/v1/mappings/{table}", headers=headers)).headers["etag"]
        body = {"rows": [row], "reason": "it was missing", "apply": True}
        answer = await self.api.post(
            f"/api/v1/mappings/{table}/rows", json=body, headers={**headers, "If-Match": etag}
        )
        assert answer.is_success, answer.text
        return answer.json()


async def until(true: Callable[[], Awaitable[bool]], seconds: float = PATIENCE_SECONDS) -> None:
    async with asyncio.timeout(seconds):
        while not await true():  # noqa: ASYNC110 - neither database nor vendor tells us
            await asyncio.sleep(LOOK_SECONDS)


async def parked(town: Town, *codes: str) -> int:
    """Waits until these and no others are the open cases; the first one's id."""

    async def there() -> bool:
        return sorted(await town.cases()) == sorted(codes)

    await until(there)
    return await town.pool.fetchval("SELECT min(id) FROM exception_case WHERE closed_at IS NULL")


async def retry(town: Town, case: int | None = None) -> None:
    """An operator presses "retry": on the only open case, unless told which."""
    number = case or await town.pool.fetchval("SELECT id FROM exception_case WHERE closed_at IS NULL")
    url, headers = f"/api/v1/exceptions/{number}/retry", await town.headers()
    answer = await town.api.post(url, json={"reason": "it was mended"}, headers=headers)
    assert answer.is_success, answer.text


async def polled(ctx: Context) -> bool:
    """Queue and sweep have looked once, so that what comes now comes by webhook, unless told otherwise."""
    polls = sum(len(one.polls) for one in (*ctx.channels.values(), ctx.erp))
    return await ctx.pool.fetchval("SELECT count(*) FROM poll_cursor") == polls


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def gross(document: dict) -> Decimal:
    return Decimal(document["total_gross_value"])


def settings_for(
    sandbox: Running,
    company: dict,
    urls: tuple[str, str],
    folder: Path,
    connectors: Sequence[Connector] = CONNECTORS,
    **more: str,
) -> Settings:
    """Everything that waits is scaled down alike: the vendor's time-out too."""
    sage, centra = f"{sandbox.url}/sage200", f"{sandbox.url}/centra/graphql"
    given = {
        "DATABASE_URL": urls[0],
        "REDIS_URL": urls[1],
        "RUN_DIR": str(folder),
        "METRICS_PORT": "0",
        "LOOK_SECONDS": "0.05",
        "POLL_SECONDS": "600",
        "SWEEP_SECONDS": "600",
        "BACKOFF_SECONDS": "0.05",
        "PROBE_SECONDS": "0.2",
        "QUARANTINE_SECONDS": "2",
        "BREAKER_REST_SECONDS": "0.2",
        "SAGE200__BASE_URL": f"{sage}/uk/sage200extra/accounts/v1",
        "SAGE200__TOKEN_URL": f"{sage}/oauth/token",
        "SAGE200__CLIENT_ID": company["client_id"],
        "SAGE200__CLIENT_SECRET": company["client_secret"],
        "SAGE200__REFRESH_TOKEN": company["refresh_token"],
        "SAGE200__SITE": company["site_id"],
        "SAGE200__COMPANY": str(company["company_id"]),
        "SAGE200__TIMEOUT_SECONDS": "1.5",
        "CENTRA__uk__BASE_URL": centra,
        "CENTRA__uk__TOKEN": TOKEN,
        "CENTRA__uk__WEBHOOK_SECRETS": json.dumps([SECRET]),
        "CENTRA__uk__PREFIX": "CEN",
        "CENTRA__uk__REQUESTS_PER_SECOND": "6",
        **more,
    }
    return load({f"SLUICE_{name}": value for name, value in given.items()}, connectors)


@asynccontextmanager
async def serving(settings: Settings, connectors: Sequence[Connector] = CONNECTORS) -> AsyncIterator[str]:
    """The API on a port of its own."""
    async with open_state(settings, connectors) as running:
        listener = listen("127.0.0.1", 0)
        server = Server(configuration(build(running.state)))
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


@asynccontextmanager
async def working(settings: Settings, connectors: Sequence[Connector] = CONNECTORS) -> AsyncIterator[Context]:
    """A worker that nobody rings: it looks by itself."""
    signal = Signal()
    async with open_context(settings, connectors) as ctx, asyncio.TaskGroup() as group:
        group.create_task(work(ctx, signal))
        try:
            yield ctx
        finally:
            signal.stop()


def edge_settings(sandbox: Running) -> dict[str, str]:
    """Patience is short: on a busy machine a list that is read many times a second never rests."""
    return {
        "LANE_PATIENCE_SECONDS": "2",
        "VIRTUALSTOCK__edge__BASE_URL": f"{sandbox.url}/virtualstock",
        "VIRTUALSTOCK__edge__USERNAME": EDGE["username"],
        "VIRTUALSTOCK__edge__PASSWORD": EDGE["password"],
        "VIRTUALSTOCK__edge__PREFIX": "VS",
        "VIRTUALSTOCK__edge__RETAILERS": json.dumps(RETAILERS),
        "VIRTUALSTOCK__edge__REQUESTS_PER_MINUTE": "10000",
        "VIRTUALSTOCK__edge__PUSH_USERNAME": "virtualstock",
        "VIRTUALSTOCK__edge__PUSH_PASSWORD": SECRET,
    }


@asynccontextmanager
async def open_town(
    folder: Path,
    pool: asyncpg.Pool,
    urls: tuple[str, str],
    *,
    edge: bool = False,
    idle: bool = False,
    connectors: Sequence[Connector] = CONNECTORS,
    **more: str,
) -> AsyncIterator[Town]:
    """`edge`: Virtualstock is connected too. `idle`: the worker does nothing by itself. `more`: settings without their
    prefix. The mappings of the examples are in force.
    """
    async with running_sandbox(folder / "sandbox") as sandbox:
        account = EDGE | {"outgoing": more.get("VIRTUALSTOCK__edge__OUTGOING_DIR", "")}
        seeds = {
            "catalogue": {"skus": SKUS},
            "centra": {"tokens": [{"token": TOKEN, "integration": "gateway"}]},
            "virtualstock": {"accounts": [account]},
        }
        made = (await sandbox.client.post("/_sandbox/seed", json=seeds)).json()
        # Polled many times a second, the account's budget would be gone in a few.
        await sandbox.switch(centra__autoconfirm=True, virtualstock__requests_per_minute=10_000)
        async with pool.acquire() as conn, conn.transaction():
            examples = ROOT / "examples" / "mappings" / "sandbox.toml"
            for table, rows in parse_toml(examples.read_text()).items():
                await put(conn, table, rows, actor="tests", reason="a town")
        more = {**(edge_settings(sandbox) if edge else {}), **more}
        settings = settings_for(sandbox, made["sage200"], urls, folder, connectors, **more)
        ports = free_ports(2)
        api_settings, worker_settings = (settings.model_copy(update={"metrics_port": port}) for port in ports)
        async with (
            serving(api_settings, connectors) as url,
            httpx.AsyncClient(base_url=url, timeout=10) as api,
            (open_context if idle else working)(worker_settings, connectors) as ctx,
        ):
            if not idle:
                await until(lambda: polled(ctx))
            town = Town(sandbox, made["catalogue"], pool, api, ctx, ports, settings)
            await town.plug(store=1)
            yield town
