import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

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
