"""The same walk through a real Postgres: after every step, all that can be seen is as the model has it."""

import asyncio
from collections.abc import Callable

import pytest

from tests.outbox.twin import beside
from tests.outbox.walk import chosen_seed

PARTS = 3


@pytest.mark.timeout(600)
@pytest.mark.parametrize("part", range(PARTS))
def test_postgres_does_what_the_model_does(part: int, database_url: str, say: Callable[[str], None]) -> None:
    number = chosen_seed()
    say(f"model beside Postgres, part {part}: SLUICE_SEED={number} repeats it")
    with asyncio.Runner() as runner:
        taken = beside(runner, database_url, number, steps=3_000 // PARTS)
    say(f"model beside Postgres, part {part}: {taken:,} steps agreed")
    assert taken >= 3_000 // PARTS
