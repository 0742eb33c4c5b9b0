"""The start, the clock and the end of a heat, with toy processes."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from bench import race
from bench.race import Course, Runner, StalledError

TOY = """
import sys
print('hello from a library', flush=True)
print('ready', flush=True)
sys.stdin.readline()
for done in range(1, {jobs} + 1):
    print(done, flush=True)
{then}
"""


def toy(jobs: int, then: str = "sys.stdin.read()") -> Runner:
    return Runner([sys.executable, "-c", TOY.format(jobs=jobs, then=then)])


def course(tmp_path: Path, total: int, answers: Sequence[int] = (0,)) -> Course:
    return Course("toy://", total, says(answers), tmp_path / "work.log")


def says(answers: Sequence[int]) -> Callable:
    left = list(answers)

    async def answer() -> int:
        return left.pop(0) if len(left) > 1 else left[0]

    return answer


async def test_drain_ends_when_all_processes_together_did_all(tmp_path: Path) -> None:
    lap = await race.drain(toy(5), course(tmp_path, 10), 2)
    assert (0 < lap.jobs <= 10, lap.seconds > 0) == (True, True)


@pytest.mark.parametrize(("ahead", "counted"), [(1, 9), (9, 1), (10, 10)])
def test_what_was_done_before_the_clock_started_does_not_count(ahead: int, counted: int) -> None:
    assert race.counted_after(10, ahead) == counted


def test_rate_is_jobs_a_second() -> None:
    assert race.Lap(jobs=10, seconds=4.0).rate == 2.5


async def test_drain_waits_until_the_store_holds_nothing(tmp_path: Path) -> None:
    asked: list[int] = []

    async def left() -> int:
        asked.append(1)
        return 3 - len(asked)

    await race.drain(toy(10), Course("toy://", 10, left, tmp_path / "work.log"), 1)
    assert len(asked) == 3


async def test_drain_asks_the_store_nothing_before_the_processes_are_through(tmp_path: Path) -> None:
    async def left() -> int:
        raise AssertionError("asked too early")

    with pytest.raises(StalledError):
        await race.drain(toy(9, "sys.exit()"), Course("toy://", 10, left, tmp_path / "work.log"), 1)


async def test_process_that_never_gets_ready_is_told_with_its_words(tmp_path: Path) -> None:
    silent = Runner([sys.executable, "-c", "raise SystemExit('no such driver')"])
    with pytest.raises(StalledError, match="no such driver"):
        await race.drain(silent, course(tmp_path, 1), 1)


async def test_fill_that_fails_is_told_with_its_words(tmp_path: Path) -> None:
    broken = Runner([sys.executable, "-c", "raise SystemExit('no such table')"])
    with pytest.raises(StalledError, match="no such table"):
        await race.fill(broken, "toy://", [{"ref": "1", "skus": []}], tmp_path)


async def test_fill_hands_over_verb_url_and_jobs(tmp_path: Path) -> None:
    check = "import sys; raise SystemExit(sys.argv[1:3] != ['fill', 'toy://'] or '\"7\"' not in open(sys.argv[3]).read())"
    await race.fill(Runner([sys.executable, "-c", check]), "toy://", [{"ref": "7", "skus": []}], tmp_path)
