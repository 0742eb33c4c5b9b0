from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import simplejson

from app.sandbox.server import build
from tests.sandbox.conftest import Running, running_sandbox

BASE = "/sage200/uk/sage200extra/accounts/v1"


@dataclass
class Sage:
    """A seeded company, and a client that is let in."""

    sandbox: Running
    seeded: dict[str, Any]
    headers: dict[str, str]
    skus: list[str] = field(default_factory=list)

    def id(self, entity: str, code: str) -> int:
        return self.seeded["ids"][entity][code]

    async def call(self, method: str, path: str, body: Any = None, **params: Any) -> httpx.Response:
        options = {f"${name}": str(value) for name, value in params.items()}
        headers = dict(self.headers)
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = simplejson.dumps(body, use_decimal=True)
        return await self.sandbox.client.request(
            method, f"{BASE}/{path}", params=options, headers=headers, content=content
        )

    async def get(self, path: str, **params: Any) -> Any:
        answer = await self.call("GET", path, **params)
        assert answer.status_code == 200, answer.text
        return simplejson.loads(answer.text, use_decimal=True)

    async def enter(self, body: dict[str, Any]) -> dict[str, Any]:
        answer = await self.call("POST", "sop_orders", body)
        assert answer.status_code == 200, answer.text
        return simplejson.loads(answer.text, use_decimal=True)

    async def refused(self, body: dict[str, Any]) -> str:
        answer = await self.call("POST", "sop_orders", body)
        assert answer.status_code == 400, answer.text
        return answer.json()["Message"]

    async def write(self, method: str, path: str, body: Any, status: int = 200) -> Any:
        answer = await self.call(method, path, body)
        assert answer.status_code == status, answer.text
        return simplejson.loads(answer.text, use_decimal=True) if answer.text else None

    async def allocated(self, *quantities: int, **more: Any) -> dict[str, Any]:
        """An order of one line for each quantity, all of it allocated."""
        lines = [
            self.line(place, quantity, 10, to_allocate_quantity=quantity)
            for place, quantity in enumerate(quantities)
        ]
        order = await self.enter(self.order(*lines, **more))
        return await self.read(order)

    async def read(self, order: dict[str, Any]) -> dict[str, Any]:
        return await self.get(f"sop_orders/{order['id']}", expand="lines")

    async def despatch(
        self, order: dict[str, Any], *quantities: Any, status: int = 200, **more: Any
    ) -> dict[str, Any]:
        """Confirms the quantities of its first lines; `more` is of the body."""
        return await self.write("POST", "sop_confirm_despatch", confirm(order, *quantities, **more), status)

    async def holding(self, place: int = 0) -> dict[str, Any]:
        text = f"product_id eq {self.id('product', self.skus[place])} and warehouse_name eq 'HOME'"
        return (await self.get("warehouse_holdings", filter=text))[0]

    async def deed(self, name: str, /, **wish: Any) -> dict[str, Any]:
        answer = await self.sandbox.client.post(f"/_sandbox/people/sage200/{name}", json=wish)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def line(self, place: int = 0, quantity: Any = 1, price: Any = None, **more: Any) -> dict[str, Any]:
        line = {
            "line_type": "EnumLineTypeStandard",
            "product_id": self.id("product", self.skus[place]),
            "warehouse_id": self.id("warehouse", "HOME"),
            "line_quantity": quantity,
        }
        if price is not None:
            line |= {"selling_unit_price": price, "selling_unit_price_overridden": True}
        return line | more

    def order(self, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {
            "customer_id": self.id("customer", "WEBGBP"),
            "customer_document_no": "WEB-1",
            "analysis_code_1": "WEB",
            "lines": list(lines) or [self.line()],
        } | more


def updated(record: dict[str, Any]) -> datetime:
    """Its text does not sort: Sage leaves off the zeros at the end of its milliseconds."""
    return datetime.fromisoformat(record["date_time_updated"])


def confirm(order: dict[str, Any], *quantities: Any, **more: Any) -> dict[str, Any]:
    lines = zip(order["lines"], quantities, strict=False)
    items = [{"id": line["id"], "quantity": quantity} for line, quantity in lines]
    return {"sop_order_return_id": order["id"], "items": items} | more


async def sign_in(sandbox: Running, seeded: dict[str, Any]) -> dict[str, Any]:
    form = {
        "grant_type": "refresh_token",
        "client_id": seeded["client_id"],
        "client_secret": seeded["client_secret"],
        "refresh_token": seeded["refresh_token"],
    }
    return (await sandbox.client.post("/sage200/oauth/token", data=form)).json()


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Running]:
    """Without a socket: most of Sage's behaviour does not need one."""
    app = build(tmp_path / "data", seed=7)
    world = app.state.world
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://sage") as client:
        yield Running("http://sage", world, client)
    await world.tasks.stop()
    world.store.close()


@pytest.fixture
async def listening_sage(tmp_path: Path) -> AsyncIterator[Sage]:
    """For what happens to connections."""
    async with running_sandbox(tmp_path / "data") as running:
        yield await open_sage(running)


@pytest.fixture
async def sage(sandbox: Running) -> Sage:
    return await open_sage(sandbox)


async def open_sage(sandbox: Running) -> Sage:
    seeded = (await sandbox.client.post("/_sandbox/seed", json={"catalogue": {"skus": 20}})).json()
    company = seeded["sage200"]
    tokens = await sign_in(sandbox, company)
    headers = {
        "Authorization": f"Bearer {tokens['access_token']}",
        "X-Site": company["site_id"],
        "X-Company": str(company["company_id"]),
    }
    return Sage(sandbox, company, headers, [article["sku"] for article in seeded["catalogue"]])
