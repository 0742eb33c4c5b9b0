"""When the aim of `memory` is met."""

import pytest

from bench.harness import Outcome, Stats
from bench.memory import IDLE, met, snapshot_at


def outcome(**full: float) -> Outcome:
    idle = {"api_mb": 100.0, "worker_mb": 80.0, "api_ready_s": 1.0, "worker_ready_s": 1.0}
    ours = {**idle, **full}
    return Outcome(
        Stats(100.0, 100.0, 100.0, None, None, facts=ours),
        {IDLE: Stats(100.0, 100.0, 100.0, None, None, facts=idle)},
    )


def test_aim_is_met_on_its_bounds() -> None:
    assert met(outcome(api_mb=120.0, worker_mb=96.0, api_ready_s=30.0))


@pytest.mark.parametrize("grown", [{"api_mb": 120.1}, {"worker_mb": 96.1}, {"worker_ready_s": 30.1}])
def test_aim_is_missed_when_either_grows(grown: dict[str, float]) -> None:
    assert not met(outcome(**grown))


def test_aim_is_missed_above_200_megabytes_however_little_it_grew() -> None:
    heavy = outcome(api_mb=201.0)
    heavy.references[IDLE].facts["api_mb"] = 200.0
    assert not met(heavy)


def test_snapshot_has_no_time_until_one_succeeded() -> None:
    name = "sluice_snapshot_last_success_timestamp_seconds"
    assert snapshot_at([f"# HELP {name} When.", f"{name} 0.0"]) == 0.0
    assert snapshot_at([f"# HELP {name} When.", f"{name} 1.7e9"]) == 1.7e9
