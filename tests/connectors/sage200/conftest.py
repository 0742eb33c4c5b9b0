from contextlib import AsyncExitStack

import httpx
import pytest

from app.connectors.sage200.connector import open_erp
from tests.connectors.sage200.stage import Clock, FakeSage, MemoryTokens, settings


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def tokens():
    return MemoryTokens()


@pytest.fixture
def sage():
    return FakeSage()


@pytest.fixture
async def opened(sage, tokens, clock):
    """Opens the connector on the fake, with changed settings where given."""
    async with AsyncExitStack() as stack:

        async def open_(**changes):
            erp = open_erp("main", settings(**changes), tokens, clock, httpx.MockTransport(sage))
            return await stack.enter_async_context(erp)

        yield open_


@pytest.fixture
async def erp(opened):
    return await opened()
