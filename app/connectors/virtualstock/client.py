"""One request to Virtualstock, and what became of it. Nothing is repeated but what a fresh token cures."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from app.connectors.virtualstock.failures import LOST, of_status, of_wire
from app.connectors.virtualstock.login import Login
from app.connectors.virtualstock.payloads import read_json
from app.connectors.virtualstock.settings import VirtualstockSettings
from app.domain.channel import Meter
from app.domain.errors import DestinationError, PermanentError

REPLY_MOST = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    response: httpx.Response
    body: bytes


class Client:
    """`http` follows no redirects and holds no credentials: they go to the configured host only, and no URL of a payload
    is ever asked.
    """

    def __init__(
        self, settings: VirtualstockSettings, http: httpx.AsyncClient, clock: Callable[[], datetime]
    ) -> None:
        self._settings = settings
        self._http = http
        self._clock = clock
        self.meter = Meter()
        password = settings.password.get_secret_value()
        self._login = Login(settings.username, password, self._enter, clock)
        self._basic = httpx.BasicAuth(settings.username, password)

    async def get(self, path: str, params: Mapping[str, str | int] | None = None) -> Any:
        """The parsed answer; None for what is not there. Raises as `failures` tells."""
        reply = await self._ask("GET", path, params or {}, None)
        if reply.response.status_code == 404:
            return None
        if not reply.response.is_success:
            raise of_status(reply.response, reply.body, self._clock(), writes=False)
        try:
            return read_json(reply.body)
        except ValueError as error:
            raise DestinationError("Virtualstock answered a look-up with no JSON") from error

    async def send(self, method: str, path: str, body: Mapping[str, Any]) -> None:
        """What a success says is not told anywhere: 200, 201, empty or not (virtualstock.md 12)."""
        reply = await self._ask(method, path, {}, body)
        if not reply.response.is_success:
            raise of_status(reply.response, reply.body, self._clock(), writes=True)

    async def _ask(
        self, method: str, path: str, params: Mapping[str, str | int], body: Mapping[str, Any] | None
    ) -> Reply:
        if self._settings.auth == "basic":
            return await self._send(self._built(method, path, params, body), self._basic)
        token = await self._login.access()
        reply = await self._send(self._built(method, path, params, body), _Bearer(token))
        if reply.response.status_code == 401:
            token = await self._login.replace(token)
            reply = await self._send(self._built(method, path, params, body), _Bearer(token))
        return reply

    def _built(
        self, method: str, path: str, params: Mapping[str, str | int], body: Mapping[str, Any] | None
    ) -> httpx.Request:
        url = f"{self._settings.root}/{path}"
        return self._http.build_request(method, url, params=dict(params), json=body)

    async def _enter(self, path: str, body: dict[str, str]) -> tuple[int, Any]:
        reply = await self._send(self._built("POST", path, {}, body), None)
        if reply.response.status_code == 429 or reply.response.status_code >= 500:
            raise of_status(reply.response, reply.body, self._clock(), writes=False)
        try:
            return reply.response.status_code, read_json(reply.body)
        except ValueError:
            return reply.response.status_code, None

    async def _send(self, request: httpx.Request, auth: httpx.Auth | None) -> Reply:
        self.meter.asked += 1
        try:
            async with asyncio.timeout(self._settings.timeout_seconds):
                response = await self._http.send(request, auth=auth, stream=True, follow_redirects=False)
                try:
                    return Reply(response, await _read(response))
                finally:
                    await response.aclose()
        except LOST as error:
            raise of_wire(error) from error


class _Bearer(httpx.Auth):
    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Any:
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request


async def _read(response: httpx.Response) -> bytes:
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > REPLY_MOST:
            raise PermanentError("E-VS-REFUSED", f"an answer longer than {REPLY_MOST} bytes: lower page_size")
    return bytes(body)
