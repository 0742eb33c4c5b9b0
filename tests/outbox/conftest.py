import sys
from collections.abc import Callable

import asyncpg
import pytest

from tests.outbox.engine import Engine


@pytest.fixture
def engine(pool: asyncpg.Pool) -> Engine:
    return Engine(pool)


@pytest.fixture
def say(capfd: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """A line in the run's log, also when all goes well; the error stream is what a parallel run lets through."""

    def line(text: str) -> None:
        with capfd.disabled():
            sys.stderr.write(f"\n{text}\n")
            sys.stderr.flush()

    return line
