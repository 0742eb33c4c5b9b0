"""Figures and verdicts of the bench, without measuring anything."""

from collections.abc import Sequence

import pytest

from bench.harness import Bench, Contender, Outcome, Sample, percentile, play, result_of, rotated, summarise


def contender(name: str, samples: Sequence[Sample | Exception], log: list[str] | None = None) -> Contender:
    left = list(samples)

    async def run() -> Sample:
        if log is not None:
            log.append(name)
        sample = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(sample, Exception):
            raise sample
        return sample

    return Contender(name, "1", "as it comes", run)


def bench(ours: Contender, *references: Contender, **given) -> Bench:
    wish = {"met": lambda outcome: outcome.ratio("peer") >= 2, "rounds": 2, "warm_up": False, **given}
    return Bench("toy", "things/s", "twice the peer", "higher", ours, references, **wish)


async def measured(toy: Bench) -> dict:
    outcome, skipped = await play(toy, lambda _line: None)
    return result_of(toy, outcome, skipped)


async def test_ratio_is_ours_over_theirs() -> None:
    result = await measured(bench(contender("us", [Sample(30.0)]), contender("peer", [Sample(10.0)])))
    assert (result["ratio"], result["references"][0]["ratio"], result["met"]) == (3.0, 3.0, True)


async def test_aim_that_is_missed_is_said() -> None:
    result = await measured(bench(contender("us", [Sample(19.0)]), contender("peer", [Sample(10.0)])))
    assert result["met"] is False


async def test_warm_up_round_does_not_count() -> None:
    ours = contender("us", [Sample(1.0), Sample(50.0), Sample(60.0)])
    result = await measured(bench(ours, contender("peer", [Sample(10.0)]), warm_up=True))
    assert (result["ours"]["min"], result["ours"]["max"]) == (50.0, 60.0)


async def test_contenders_take_turns_and_the_first_changes() -> None:
    log: list[str] = []
    await measured(bench(contender("us", [Sample(1.0)], log), contender("peer", [Sample(1.0)], log)))
    assert log == ["peer", "us", "us", "peer"]


async def test_reference_that_fails_is_skipped_with_its_reason_and_meets_nothing() -> None:
    ours, peer = contender("us", [Sample(30.0)]), contender("peer", [RuntimeError("no such module")])
    result = await measured(bench(ours, peer))
    assert (result["skipped"], result["met"]) == (["peer: RuntimeError: no such module"], False)


async def test_our_own_failure_ends_the_bench() -> None:
    with pytest.raises(RuntimeError):
        await measured(bench(contender("us", [RuntimeError("boom")]), contender("peer", [Sample(1.0)])))


async def test_flawed_round_is_played_again() -> None:
    ours = contender("us", [Sample(1.0, flaw="idle"), Sample(40.0)])
    result = await measured(bench(ours, contender("peer", [Sample(10.0)])))
    assert (result["ours"]["min"], "flaws" in result["ours"]) == (40.0, False)


async def test_rounds_that_stay_flawed_are_shown_as_such() -> None:
    ours = contender("us", [Sample(40.0, flaw="idle")])
    result = await measured(bench(ours, contender("peer", [Sample(10.0)])))
    assert result["ours"]["flaws"] == ["idle", "idle"]


async def test_extra_measurements_join_the_result() -> None:
    async def extra() -> dict:
        return {"growth": {"10k": 1.0}}

    toy = bench(contender("us", [Sample(30.0)]), contender("peer", [Sample(10.0)]), extra=extra)
    assert (await measured(toy))["growth"] == {"10k": 1.0}


def test_flawed_rounds_do_not_move_the_median() -> None:
    stats = summarise([Sample(1.0, flaw="idle"), Sample(10.0, p99=4.0), Sample(12.0, p99=6.0)])
    assert (stats.median, stats.p99, stats.flaws) == (11.0, 5.0, ("idle",))


def test_percentile_is_a_value_that_was_seen() -> None:
    assert (percentile(range(1, 101), 0.99), percentile([7.0], 0.99)) == (100, 7.0)


def test_rotation_keeps_everybody() -> None:
    contenders = [contender(name, [Sample(1.0)]) for name in "abc"]
    assert [one.name for one in rotated(contenders, 4)] == ["b", "c", "a"]


def test_met_is_judged_by_the_references_that_ran() -> None:
    outcome = Outcome(summarise([Sample(30.0)]), {"peer": summarise([Sample(10.0)])})
    assert outcome.ratio("peer") == pytest.approx(3.0)
