from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import simplejson

from app.connectors.centra.client import Client
from app.connectors.centra.poll import Source
from app.connectors.centra.settings import CentraSettings
from app.connectors.centra.webhook import Hook
from tests.connectors.centra.wire import SECRET

NOW = datetime(2026, 3, 2, 9, 20, tzinfo=UTC)


class Centra:
    """Answers each request with the next reply: a document, a status, a whole response, or an exception to raise."""

    def __init__(self) -> None:
        self.replies: list[Any] = []
        self.asked: list[dict[str, Any]] = []
        self.tokens: list[str] = []

    def reply(self, *replies: Any) -> "Centra":
        self.replies += replies
        return self

    def data(self, **fields: Any) -> "Centra":
        return self.reply({"data": fields})

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(simplejson.loads(request.content))
        self.tokens.append(request.headers["authorization"])
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        if isinstance(reply, int):
            return httpx.Response(reply)
        return (
            reply
            if isinstance(reply, httpx.Response)
            else httpx.Response(200, content=simplejson.dumps(reply))
        )


@pytest.fixture
def centra() -> Centra:
    return Centra()


@pytest.fixture
def settings() -> CentraSettings:
    return make_settings()


def make_settings(**changes: Any) -> CentraSettings:
    given = {
        "base_url": "https://brand.centra.test/graphql",
        "token": "0123456789abcdef",
        "webhook_secrets": [SECRET],
        "prefix": "CEN",
        **changes,
    }
    return CentraSettings.model_validate(given)


@pytest.fixture
async def client(centra: Centra):
    async with httpx.AsyncClient(
        transport=httpx.MockTransport(centra), headers={"Authorization": "Bearer made-up"}
    ) as http:
        yield Client(http, "https://brand.centra.test/graphql", lambda: NOW, 5.0)


@pytest.fixture
def make_source(client: Client) -> Callable[..., Source]:
    return lambda **changes: Source(client, "uk", make_settings(**changes))


@pytest.fixture
def hook() -> Hook:
    return Hook("uk", (SECRET.encode(),))
