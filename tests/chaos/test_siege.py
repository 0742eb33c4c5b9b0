"""Short forms of the attacks on real processes; `make chaos` runs the long ones."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from app.embedded.reach import discard
from tests.chaos.attack import Arena
from tests.chaos.attacks.clocks import CLOCKS, come_right, jump
from tests.chaos.attacks.kills import kill_each
from tests.chaos.attacks.stops import KEPT, LEASE, stop_one
from tests.chaos.load import pause
from tests.chaos.siege import Siege
from tests.chaos.town import Town


@pytest.fixture
def arena(tmp_path: Path) -> Iterator[Arena]:
    yield Arena(tmp_path / "town", seed=1, share=0.01, seconds=0.0)
    discard(tmp_path / "town" / "servers")


async def kill_and_wipe(town: Town, _: float) -> Mapping[str, int | float]:
    await kill_each(town, ("worker-1", "api", "postgres"))
    await town.flush()
    await kill_each(town, ("sandbox", "valkey", "exporter"))
    return {}


async def stop_and_jump(town: Town, _: float) -> Mapping[str, int | float]:
    await pause(1.0)
    for number, which in enumerate(CLOCKS):
        await jump(town, which, (-1) ** number * 3600.0)
        await pause(1.0)
    await come_right(town)
    await stop_one(town, "worker-2", LEASE + 1)
    return {}


async def test_one_kill_of_each_process_and_a_wipe_lose_nothing(arena: Arena) -> None:
    report = await Siege("kills", kill_and_wipe)(arena)
    killed = {name for name in report.figures if name.startswith("kill_")}
    assert report.faults == ()
    assert len(killed) == 6
    assert report.figures["documents"] > 5


async def test_stopped_worker_and_clock_jumps_double_nothing(arena: Arena) -> None:
    report = await Siege("stops", stop_and_jump, kept=KEPT)(arena)
    assert report.faults == ()
    assert report.figures["documents"] > 5
