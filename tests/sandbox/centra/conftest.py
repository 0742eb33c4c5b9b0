import asyncio
from dataclasses import dataclass

import pytest

from tests.sandbox.conftest import Running

TOKEN = "0123456789abcdef0123456789abcdef"
SECRET = "a secret of tests"
PEOPLE = "/_sandbox/people/centra"
ADDRESS = {
    "firstName": "Ada",
    "lastName": "Marsh",
    "address1": "3 Mill Lane",
    "city": "Leeds",
    "zipCode": "LS1 1AA",
    "email": "ada@example.com",
}


@dataclass
class Shop:
    """Centra with a small catalogue, seen by its people and by one integration."""

    sandbox: Running
    articles: list[dict]
    token: str = TOKEN

    async def ask(self, query: str, token: str | None = None, **variables: object) -> dict:
        return (await self.post(query, token, **variables)).json()

    async def post(self, query: str, token: str | None = None, **variables: object):
        headers = {"Authorization": f"Bearer {token or self.token}"}
        body = {"query": query, "variables": variables}
        return await self.sandbox.client.post("/centra/graphql", json=body, headers=headers)

    async def data(self, query: str, token: str | None = None, **variables: object) -> dict:
        answer = await self.ask(query, token, **variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    async def people(self, path: str, **wish: object) -> dict:
        answer = await self.sandbox.client.post(PEOPLE + path, json=wish)
        assert answer.is_success, answer.text
        return answer.json()

    async def place(self, *lines: dict, **wish: object) -> dict:
        lines = lines or ({"sku": self.articles[0]["sku"], "quantity": 1},)
        return await self.people("/orders", lines=list(lines), **{"address": ADDRESS, **wish})

    async def rows(self, system: str) -> list[dict]:
        return [row for row in await self.sandbox.history() if row["system"] == system]

    async def delivered(self, calls: int) -> list[dict]:
        """The rows of webhook calls, once there are so many."""
        async with asyncio.timeout(10):
            while len(rows := await self.rows("centra.webhook")) < calls:
                continue
        return rows


async def furnish(sandbox: Running) -> Shop:
    seeds = {"catalogue": {"skus": 40}, "centra": {"tokens": [{"token": TOKEN, "integration": "gateway"}]}}
    made = (await sandbox.client.post("/_sandbox/seed", json=seeds)).json()
    await sandbox.switch(centra__autoconfirm=True)
    return Shop(sandbox, made["catalogue"])


@pytest.fixture
async def shop(sandbox: Running) -> Shop:
    return await furnish(sandbox)
