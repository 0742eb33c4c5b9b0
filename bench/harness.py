"""Ours and its references, in turn, on one machine: rounds, figures, a verdict."""

import statistics
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

REPEATS = 2


@dataclass(frozen=True, slots=True)
class Sample:
    """One round. `value` is in the bench's unit, `p50` and `p99` in milliseconds. `flaw`: why it does not count (it is
    repeated, at most twice). `facts`: shown in the result beside the figures.
    """

    value: float
    p50: float | None = None
    p99: float | None = None
    flaw: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Contender:
    """`run` is one whole round: it sets up what it needs, measures, and leaves nothing behind."""

    name: str
    version: str
    settings: str
    run: Callable[[], Awaitable[Sample]]


@dataclass(frozen=True, slots=True)
class Stats:
    """Of the rounds that count; latencies are medians over them. `flaws`: of rounds that do not."""

    median: float
    least: float
    most: float
    p50: float | None
    p99: float | None
    flaws: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """`references`: those that ran, by name. `extra`: what `Bench.extra` found."""

    ours: Stats
    references: Mapping[str, Stats]
    extra: Mapping[str, Any] = field(default_factory=dict)

    def ratio(self, name: str) -> float:
        """Ours over theirs. KeyError: it did not run."""
        return self.ours.median / self.references[name].median


@dataclass(frozen=True, slots=True)
class Bench:
    """`met` judges the aim; where it asks for a reference that did not run, the aim is not met. `extra`: further
    measurements, made after the rounds, whose keys join the result (such as `growth`). `skipped`: names, with why.
    """

    name: str
    unit: str
    aim: str
    better: Literal["higher", "lower"]
    ours: Contender
    references: Sequence[Contender]
    met: Callable[[Outcome], bool]
    rounds: int = 3
    warm_up: bool = True
    skipped: Sequence[str] = ()
    extra: Callable[[], Awaitable[Mapping[str, Any]]] | None = None


Say = Callable[[str], None]


async def play(bench: Bench, say: Say) -> tuple[Outcome, list[str]]:
    """All rounds of all contenders; also who fell out, and why."""
    contenders = [bench.ours, *bench.references]
    samples: dict[str, list[Sample]] = {one.name: [] for one in contenders}
    lost: dict[str, str] = {}
    for number in range(0 if bench.warm_up else 1, bench.rounds + 1):
        for one in rotated(contenders, number):
            if one.name in lost:
                continue
            try:
                sample = await _round(one, say, f"{bench.name} {number or 'warm-up'}")
            except Exception as error:
                if one is bench.ours:
                    raise
                lost[one.name] = f"{one.name}: {type(error).__name__}: {error}"[:300]
                say(f"{bench.name} {lost[one.name]}")
                continue
            if number:
                samples[one.name].append(sample)
    extra = await bench.extra() if bench.extra else {}
    stats = {name: summarise(found) for name, found in samples.items() if name not in lost}
    return Outcome(stats.pop(bench.ours.name), stats, extra), [*bench.skipped, *lost.values()]


def rotated(contenders: Sequence[Contender], number: int) -> list[Contender]:
    """Who goes first changes with the round, so that a machine that slows down slows all."""
    first = number % len(contenders)
    return [*contenders[first:], *contenders[:first]]


async def _round(one: Contender, say: Say, label: str) -> Sample:
    sample = await one.run()
    repeats = 0
    while sample.flaw and repeats < REPEATS:
        say(f"{label}: {one.name}: again, {sample.flaw}")
        repeats += 1
        sample = await one.run()
    say(f"{label}: {one.name}: {sample.value:,.1f}{f' ({sample.flaw})' if sample.flaw else ''}")
    return sample


def summarise(samples: Sequence[Sample]) -> Stats:
    """Where every round is flawed all are taken, and the flaws say so."""
    counted = [sample for sample in samples if not sample.flaw] or list(samples)
    values = [sample.value for sample in counted]
    return Stats(
        median=statistics.median(values),
        least=min(values),
        most=max(values),
        p50=_middle([sample.p50 for sample in counted]),
        p99=_middle([sample.p99 for sample in counted]),
        flaws=tuple(sample.flaw for sample in samples if sample.flaw),
        facts=counted[-1].facts,
    )


def _middle(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest rank; `share` 0.99 for p99."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))]


def judged(bench: Bench, outcome: Outcome) -> bool:
    try:
        return bench.met(outcome)
    except KeyError:
        return False


def result_of(bench: Bench, outcome: Outcome, skipped: Sequence[str]) -> dict[str, Any]:
    """As contract.md 6 has it; ratios are ours over theirs. `machine` and `at` are added by who writes it down."""
    ran = [one for one in bench.references if one.name in outcome.references]
    return {
        "name": bench.name,
        "rounds": bench.rounds,
        "better": bench.better,
        "ours": {
            **_figures(outcome.ours),
            "unit": bench.unit,
            "version": bench.ours.version,
            "settings": bench.ours.settings,
        },
        "references": [
            {
                "name": one.name,
                "version": one.version,
                "settings": one.settings,
                **_figures(outcome.references[one.name]),
                "ratio": round(outcome.ratio(one.name), 3),
            }
            for one in ran
        ],
        "ratio": round(outcome.ratio(ran[0].name), 3) if ran else None,
        "aim": bench.aim,
        "met": judged(bench, outcome),
        "skipped": list(skipped),
        **outcome.extra,
    }


def _figures(stats: Stats) -> dict[str, Any]:
    shown = {
        "median": stats.median,
        "min": stats.least,
        "max": stats.most,
        "p50": stats.p50,
        "p99": stats.p99,
    }
    rounded: dict[str, Any] = {
        name: None if value is None else round(value, 3) for name, value in shown.items()
    }
    rounded.update({"flaws": list(stats.flaws)} if stats.flaws else {})
    return {**rounded, **({"facts": dict(stats.facts)} if stats.facts else {})}
