"""The short form of the crash matrix: the boundaries at which something would be lost or doubled first."""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.chaos.attacks.crashes import Field, crash_at
from tests.chaos.crashes import BOUNDARIES
from tests.chaos.nursery import open_nursery
from tests.chaos.scenes import SCENES

SHORT = (
    "receive: append, before",
    "receive: append, after",
    "poll: move the cursor, after",
    "poll: confirm, before",
    "re-read: settle, append the effect, enter, before",
    "re-read: settle, append the effect, enter, after",
    "place: intent, after",
    "place: send, before",
    "place: send, half-way",
    "place: send, after",
    "place: settle, bind, before",
    "place: settle, bind, after",
    "doubt: adopt, before",
    "rescue after the send, after",
    "token: save, before",
)
SEED, ORDERS = 7, 2


@pytest.fixture
async def field(tmp_path: Path, servers: tuple[str, str], template: str) -> AsyncIterator[Field]:
    async with open_nursery() as nursery:
        yield Field(tmp_path, servers[0], template, servers[1], nursery)


pytestmark = pytest.mark.timeout(300)


async def test_nothing_is_lost_or_doubled_wherever_a_process_dies(field: Field) -> None:
    chosen = [boundary for boundary in BOUNDARIES if boundary.name in SHORT]
    said, figures = await crash_at(field, chosen, ORDERS, SEED)
    assert said == []
    assert figures == {"crashes": len(SHORT), **dict.fromkeys(("orders", "documents"), len(SHORT) * ORDERS)}


def test_every_boundary_has_its_name_and_its_scene() -> None:
    assert Counter(boundary.name for boundary in BOUNDARIES).most_common(1)[0][1] == 1
    assert {boundary.scene for boundary in BOUNDARIES} == set(SCENES)
