from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import asyncpg
import pytest

from tests.stories.town import Town, open_town

Open = Callable[..., AbstractAsyncContextManager[Town]]


@pytest.fixture
def build_town(
    tmp_path: Path,
    pool: asyncpg.Pool,
    database_url: str,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Open:
    """Takes settings that differ from the usual. Nobody speaks TLS there: reading whom to trust takes each client long."""
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    return partial(open_town, tmp_path, pool, (database_url, redis_url))


@pytest.fixture
async def town(build_town: Open) -> AsyncIterator[Town]:
    async with build_town() as built:
        yield built


@pytest.fixture
async def edge_town(build_town: Open) -> AsyncIterator[Town]:
    """Virtualstock is polled each second: more often, polls would use up the account's requests."""
    async with build_town(edge=True, POLL_SECONDS="1") as built:
        yield built


@pytest.fixture
async def depot(build_town: Open) -> AsyncIterator[Town]:
    """Virtualstock allows many calls a minute, and nobody waits for long on anything."""
    quick = {"LANE_PATIENCE_SECONDS": "1", "VIRTUALSTOCK__edge__REQUESTS_PER_MINUTE": "10000"}
    async with build_town(edge=True, POLL_SECONDS="0.5", **quick) as built:
        await built.sandbox.switch(virtualstock__requests_per_minute=10_000)
        yield built
