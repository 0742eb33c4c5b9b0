"""The short form of the restore drill: the runbook is followed to the letter."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.chaos.attacks.crashes import Field
from tests.chaos.attacks.restore import play
from tests.chaos.nursery import open_nursery
from tests.chaos.premises import NeverError
from tests.chaos.runbook import RESTORE, follow, read


@pytest.fixture
async def field(tmp_path: Path, servers: tuple[str, str], template: str) -> AsyncIterator[Field]:
    async with open_nursery() as nursery:
        yield Field(tmp_path, servers[0], template, servers[1], nursery)


async def test_yesterdays_database_converges_and_doubles_nothing(field: Field) -> None:
    faults, figures = await play(field, 2, seed=7)
    assert faults == []
    assert (figures["orders"], figures["documents"]) == (7, 7)


def test_steps_of_the_runbook_are_those_that_are_followed() -> None:
    with_commands = [heading for heading, commands in read(RESTORE).items() if commands]
    assert [heading[:2] for heading in with_commands] == ["Ba", "3.", "4.", "6.", "7."]


async def test_step_that_fails_ends_the_drill() -> None:
    with pytest.raises(NeverError, match="no such step"):
        await follow(["echo no such step >&2", "false"], {})
