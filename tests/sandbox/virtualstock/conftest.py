from dataclasses import dataclass

import httpx
import pytest

from tests.sandbox.conftest import Running

LOGIN = {"username": "northgate", "password": "a password of tests"}
RETAILERS = {
    "ARG": {"id": 31, "supplier_reference": "ack_comment"},
    "JLW": {
        "id": 47,
        "supplier_reference": "ack_comment",
        "fulfillment_route": "Direct to customer",
        "ack_sub_status": "Pending",
        "ack_required": ["fulfillment_route", "supplier_delivery_date"],
        "tells_dates": True,
    },
    "AWK": {"id": 58, "comments": False},
}
"""The three retailers of the sandbox, as an operator would set them up."""
ROOT = "/virtualstock/restapi/v4"
PEOPLE = "/_sandbox/people/virtualstock"


@dataclass
class Edge:
    """Virtualstock with one supplier's account, seen by retailers and by the supplier."""

    sandbox: Running
    articles: list[dict]
    token: str = ""

    async def ask(self, method: str, path: str, body: object = None, **params: object) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        root = "" if path.startswith("/virtualstock") else ROOT
        return await self.sandbox.client.request(
            method, f"{root}{path}", json=body, params=params or None, headers=headers
        )

    async def orders(self, **params: object) -> dict:
        answer = await self.ask("GET", "/orders/", **params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def order(self, number: int) -> dict:
        return (await self.ask("GET", f"/orders/{number}/")).json()

    async def people(self, path: str, **wish: object) -> dict:
        answer = await self.sandbox.client.post(PEOPLE + path, json=wish)
        assert answer.is_success, answer.text
        return answer.json()

    async def place(self, retailer: str = "ARG", quantities: tuple[int, ...] = (1,), **wish: object) -> dict:
        lines = [
            {"sku": self.articles[place]["sku"], "quantity": quantity}
            for place, quantity in enumerate(quantities)
        ]
        body = {"account": LOGIN["username"], "retailer": retailer, "lines": lines, **wish}
        return await self.people("/orders", **body)

    async def act(self, order: dict, action: str, *items: dict) -> httpx.Response:
        """Without items: every line, in full, with what a dispatch or backorder must have."""
        return await self.ask(
            "POST", f"/orders/{order['id']}/{action}/", {"items": list(items) or whole(order, action)}
        )

    async def statuses(self, order: dict) -> list[str]:
        return [item["status"] for item in (await self.order(order["id"]))["items"]]


def whole(order: dict, action: str) -> list[dict]:
    extra = {
        "dispatch": {
            "carrier": "dpd",
            "tracking_number": "15501234567890",
            "supplier_dispatch_date": "2026-11-05",
        },
        "backorder": {"sub_status": "Out of Stock", "supplier_dispatch_date": "2026-11-19T12:00:00"},
    }
    return [{**item(line), **extra.get(action, {})} for line in order["lines"]]


def item(line: dict, **more: object) -> dict:
    return {
        "part_number": line["part_number"],
        "line_ref": line["line_reference"],
        "quantity": line["quantity"],
        **more,
    }


@pytest.fixture
async def edge(sandbox: Running) -> Edge:
    return await open_edge(sandbox)


async def open_edge(sandbox: Running) -> Edge:
    seeds = {"catalogue": {"skus": 12}, "virtualstock": {"accounts": [LOGIN, {**LOGIN, "username": "rival"}]}}
    made = (await sandbox.client.post("/_sandbox/seed", json=seeds)).json()
    token = (await sandbox.client.post(f"{ROOT}/token", json=LOGIN)).json()["access"]
    return Edge(sandbox, made["catalogue"], token)
