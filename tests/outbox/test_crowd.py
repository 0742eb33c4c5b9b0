"""Four workers at once, whose appends stay open for a while after their tickets are drawn."""

from collections.abc import Callable

import asyncpg
import pytest

from tests.outbox.crowd import Crowd, Tally, muddle
from tests.outbox.walk import chosen_seed


@pytest.mark.timeout(300)
async def test_crowd_breaks_no_promise_and_leaves_nothing(
    pool: asyncpg.Pool, say: Callable[[str], None]
) -> None:
    number = chosen_seed()
    say(f"crowd: SLUICE_SEED={number} draws the same verbs")
    tally = Tally()
    faults = await muddle(pool, Crowd(number), tally)
    say(f"crowd: {tally.did.total()} verbs")
    assert faults == []
    assert tally.did["moved"] < tally.did["settle"] / 2
