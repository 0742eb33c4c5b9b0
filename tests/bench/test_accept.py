"""When a round of `accept` counts, and when its aim is met."""

from dataclasses import replace

import pytest

from bench.accept import NOTHING, SAME_INSERT, facts_of, flaw_of, met
from bench.harness import Outcome, Stats
from bench.load import Toll

GOOD = Toll(
    rate=3000.0,
    p50=20.0,
    p99=40.0,
    p999=60.0,
    most=80.0,
    answers=60_000,
    refused=0,
    seconds=20.0,
    server_cpu=0.95,
    load_cpu=0.1,
    short=False,
)


def stats(median: float, p99: float | None = None, flaws: tuple[str, ...] = ()) -> Stats:
    return Stats(median, median, median, None, p99, flaws)


def outcome(nothing: float = 4000.0, insert: float = 1500.0, p99: float = 50.0, flaws: int = 0) -> Outcome:
    ours = stats(3000.0, p99, ("the server used 50% of a core",) * flaws)
    return Outcome(ours, {NOTHING: stats(nothing), SAME_INSERT: stats(insert)})


def test_round_of_a_busy_server_counts() -> None:
    assert flaw_of(GOOD) == ""


@pytest.mark.parametrize(
    "toll", [replace(GOOD, server_cpu=0.79), replace(GOOD, refused=1), replace(GOOD, short=True)]
)
def test_round_that_measured_something_else_does_not_count(toll: Toll) -> None:
    assert flaw_of(toll)


def test_rate_at_a_full_core_is_what_the_same_work_allows() -> None:
    assert facts_of(replace(GOOD, rate=900.0, server_cpu=0.6))["at_a_full_core"] == 1500.0


def test_aim_is_met_on_its_bounds() -> None:
    assert met(outcome())


@pytest.mark.parametrize(
    "missed",
    [outcome(nothing=4001.0), outcome(insert=1501.0), outcome(p99=50.1), outcome(flaws=3)],
    ids=["nothing", "insert", "p99", "no round counts"],
)
def test_aim_is_missed_by_any_of_its_parts(missed: Outcome) -> None:
    assert not met(missed)
