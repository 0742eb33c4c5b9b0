"""The console over a made-up shop and a real database; a visitor keeps its cookie, as a browser does."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlencode

import httpx
import pytest

from app.domain.message import Draft, MessageClass, Owner, Violation
from app.flows.keys import create
from app.ledger import snapshot
from tests.api.conftest import Shop, shop  # noqa: F401 - a fixture
from tests.api.test_orders import order

FORM = "application/x-www-form-urlencoded"
OPERATOR = ("messages:read", "exceptions:write", "mappings:write", "audit:read")


@dataclass
class Visitor:
    client: httpx.AsyncClient
    key: str

    async def get(self, path: str, **more) -> httpx.Response:
        return await self.client.get(f"/console{path}", **more)

    async def post(self, path: str, fields: dict, **headers: str) -> httpx.Response:
        content = urlencode(fields)
        return await self.client.post(
            f"/console{path}", content=content, headers={"content-type": FORM, **headers}
        )

    async def token(self) -> str:
        return hidden(await self.get("/"), "token")

    async def sign_in(self, back: str = "/") -> httpx.Response:
        return await self.post("/sign-in", {"key": self.key, "back": back})

    async def apply(self, path: str, **fields: str) -> httpx.Response:
        """Sends the form of the plan back, with these fields besides."""
        plan = await self.get(
            f"{path}/plan",
            params={name: fields[name] for name in fields if name == "act" or name.startswith("row_")},
        )
        given = dict(
            re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', form(plan, "/apply"))
        )
        return await self.post(f"{path}/apply", {**given, **fields})


def form(page: httpx.Response, action: str) -> str:
    """The first form whose action ends so."""
    return next(part for part in page.text.split("<form ")[1:] if f'{action}"' in part.split(">")[0])


def hidden(page: httpx.Response, name: str) -> str:
    return re.search(rf'name="{name}" value="([^"]*)"', page.text)[1]


async def visitor(made: Shop, *scopes: str) -> Visitor:
    key = await create(made.pool, "ann", scopes or OPERATOR)
    client = httpx.AsyncClient(transport=made.client._transport, base_url="http://gateway")
    return Visitor(client, key.key)


@pytest.fixture
async def stranger(shop) -> AsyncIterator[Visitor]:  # noqa: F811 - a fixture
    made = await visitor(shop)
    async with made.client:
        yield made


@pytest.fixture
async def ann(stranger) -> Visitor:
    """Signed in, with all that an operator needs but for payloads."""
    assert (await stranger.sign_in()).status_code == 303
    return stranger


def place(number: int, *violations: Violation, sku: str = "GHOST") -> Draft:
    wrong = violations or (unknown(sku),)
    return Draft(
        kind="sage200.sales_order.place",
        cls=MessageClass.EFFECT,
        destination="sage200:main",
        source="uk",
        key=f"sage200/sales_order/uk/{number}",
        order_ref=str(number),
        skus=("A-1",),
        body={"ref": str(number), "name": "Mrs Smith"},
        park=wrong[0],
    )


def change(number: int) -> Draft:
    wrong = Violation("E-EDIT-AFTER-POST", "order", "0000000123", "change it in the ERP")
    return Draft(
        kind="sage200.sales_order.change",
        cls=MessageClass.EFFECT,
        destination="sage200:main",
        source="uk",
        key=f"change/{number}",
        order_ref=str(number),
        park=wrong,
    )


def unknown(sku: str) -> Violation:
    return Violation("E-SKU-UNKNOWN", "lines[1].sku", sku, "add an alias", Owner.OPERATIONS, "sku_aliases")


async def keep(pool, *refs: str) -> None:
    """Snapshots of orders over 24.00 GBP, of Mrs Smith."""
    async with pool.acquire() as conn, conn.transaction():
        await snapshot.record(conn, [order(ref) for ref in refs])
