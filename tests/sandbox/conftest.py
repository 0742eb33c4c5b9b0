import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.sandbox.server import build, open_server
from app.sandbox.world import World


@dataclass
class Running:
    """A sandbox that really listens. `client` speaks to its root."""

    url: str
    world: World
    client: httpx.AsyncClient

    async def faults(self, *rules: dict) -> None:
        (await self.client.post("/_sandbox/faults", json=list(rules))).raise_for_status()

    async def switch(self, **values: object) -> None:
        """`sage200__tax_level="document"` sets `sage200.tax_level`."""
        wish = {name.replace("__", "."): value for name, value in values.items()}
        (await self.client.post("/_sandbox/switches", json=wish)).raise_for_status()

    async def history(self, since: int = 0) -> list[dict]:
        return (await self.client.get("/_sandbox/history", params={"since": since})).json()


@asynccontextmanager
async def running_sandbox(data_dir: Path, seed: int = 7) -> AsyncIterator[Running]:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        app = build(data_dir, seed=seed)
        server = open_server(app)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            async with httpx.AsyncClient(base_url=url, timeout=10) as client:
                (await client.get("/_sandbox/health")).raise_for_status()
                yield Running(url, app.state.world, client)
        finally:
            server.should_exit = True
            await task


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Running]:
    async with running_sandbox(tmp_path / "data") as running:
        yield running


@dataclass
class Receiver:
    """Somebody's webhook endpoint; `statuses` are answered in turn, then 202."""

    url: str = ""
    calls: list[tuple[bytes, dict[str, str]]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    answers: Callable[[Request], Awaitable[Response]] | None = None

    async def receive(self, request: Request) -> Response:
        return await (self.answers or self.take)(request)

    async def take(self, request: Request) -> Response:
        self.calls.append((await request.body(), dict(request.headers)))
        return Response(status_code=self.statuses.pop(0) if self.statuses else 202)

    @property
    def bodies(self) -> list[str]:
        return [parse_qs(body.decode())["payload"][0] for body, _ in self.calls]


@pytest.fixture
async def receiver(sandbox: Running) -> AsyncIterator[Receiver]:
    taker = Receiver()
    app = Starlette(routes=[Route("/hooks", taker.receive, methods=["POST"])])
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(64)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    taker.url = f"http://127.0.0.1:{listener.getsockname()[1]}/hooks"
    yield taker
    server.should_exit = True
    await task
