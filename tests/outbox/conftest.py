import asyncpg
import pytest

from tests.outbox.engine import Engine


@pytest.fixture
def engine(pool: asyncpg.Pool) -> Engine:
    return Engine(pool)
