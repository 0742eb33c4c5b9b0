"""A long walk through the model alone: whatever the order of verbs, it keeps every promise, and ends empty."""

from collections.abc import Callable

import pytest

from tests.outbox.walk import Walk, chosen_seed, walk

PARTS = 4


@pytest.mark.timeout(600)
@pytest.mark.parametrize("part", range(PARTS))
def test_model_keeps_every_promise(part: int, say: Callable[[str], None]) -> None:
    number = chosen_seed()
    say(f"model, part {part}: SLUICE_SEED={number} repeats it")
    taken, turn = 0, 0
    while taken < 100_000 / PARTS:
        taken += walk(Walk, number + turn, walks=60, steps=60)
        turn += 1
    say(f"model, part {part}: {taken:,} steps kept every promise")
    assert taken >= 100_000 / PARTS
