from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from app.connectors.virtualstock.connector import open_channel
from app.connectors.virtualstock.settings import VirtualstockSettings
from app.domain.channel import Channel

NOW = datetime(2026, 11, 5, 9, 20, tzinfo=UTC)
RETAILERS = {"ARG": {"id": 31}, "JLW": {"id": 47}}


class Vendor:
    """Answers each request with the next reply: JSON, a status, a response, or an exception to raise; tokens by itself."""

    def __init__(self) -> None:
        self.replies: list[Any] = []
        self.asked: list[httpx.Request] = []
        self.logins: list[httpx.Request] = []
        self.refuse_login = False
        self.refuse_refresh = False

    def reply(self, *replies: Any) -> "Vendor":
        self.replies += replies
        return self

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if "/token" in request.url.path:
            return self._enter(request)
        self.asked.append(request)
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        if isinstance(reply, int):
            return httpx.Response(reply)
        return reply if isinstance(reply, httpx.Response) else httpx.Response(200, json=reply)

    def _enter(self, request: httpx.Request) -> httpx.Response:
        self.logins.append(request)
        refreshes = request.url.path.endswith("/refresh")
        if self.refuse_login or (refreshes and self.refuse_refresh):
            return httpx.Response(401, json={"detail": "no"})
        access = f"access-{len(self.logins)}"
        return httpx.Response(
            200, json={"access": access} if refreshes else {"access": access, "refresh": "again"}
        )


class Clock:
    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def vendor() -> Vendor:
    return Vendor()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def make_settings(**changes: Any) -> VirtualstockSettings:
    given = {
        "base_url": "https://edge.test",
        "username": "northgate",
        "password": "a password",
        "prefix": "VS",
        "retailers": RETAILERS,
        "push_username": "pusher",
        "push_password": "told by us",
        **changes,
    }
    return VirtualstockSettings.model_validate(given)


@asynccontextmanager
async def opened(vendor: Vendor, clock: Clock, **changes: Any) -> AsyncIterator[Channel]:
    async with open_channel(
        "edge", make_settings(**changes), clock, transport=httpx.MockTransport(vendor)
    ) as channel:
        yield channel
