import itertools
import random

import pytest

from bench.baskets import ON_SALE, Mix, draw
from bench.bound import critical_path, greedy, lower_bound


@pytest.mark.parametrize(
    ("messages", "longest"),
    [
        ([], 0),
        ([("a",)], 1),
        ([()], 1),
        ([("a",), ("b",), ("c",)], 1),
        ([("a",), ("a",), ("b",)], 2),
        ([("a",), ("a", "b"), ("b", "c"), ("c",)], 4),
        ([("a", "b"), ("a",), ("b",)], 2),
        ([("a", "a")], 1),
    ],
)
def test_critical_path_is_the_longest_chain(messages: list[tuple[str, ...]], longest: int) -> None:
    assert critical_path(messages) == longest


def test_bound_is_work_where_lanes_are_free() -> None:
    assert lower_bound([(str(number),) for number in range(10)], slots=4) == 2.5


def test_bound_is_the_chain_where_one_lane_holds_all() -> None:
    assert lower_bound([("a",)] * 10, slots=4) == 10


def test_greedy_wastes_a_slot_that_the_bound_does_not_see() -> None:
    # Five whole requests in four slots take two turns; the bound counts the second as a quarter.
    assert greedy([(str(number),) for number in range(5)], slots=4) == 2


def test_greedy_takes_the_oldest_of_those_that_are_free() -> None:
    # With the chain last of all, one slot is left over while the chain is worked alone.
    assert greedy([("x",), ("y",), ("a",), ("a",), ("a",)], slots=2) == 4


def _best(messages: list[tuple[str, ...]], slots: int) -> int:
    """The shortest makespan in whole turns, by trying every choice."""

    def free(done: frozenset[int]) -> list[int]:
        return [
            number
            for number, lanes in enumerate(messages)
            if number not in done
            and not any(set(lanes) & set(messages[other]) for other in range(number) if other not in done)
        ]

    reached, turns = {frozenset()}, 0
    while not any(len(done) == len(messages) for done in reached):
        reached = {
            done | set(some)
            for done in reached
            for some in itertools.combinations(free(done), min(slots, len(free(done))))
        }
        turns += 1
    return turns


@pytest.mark.parametrize("seed", range(30))
def test_nothing_beats_the_bound_and_greedy_is_possible(seed: int) -> None:
    rng = random.Random(seed)
    messages = [tuple(rng.sample("abcd", rng.choice((1, 1, 2)))) for _ in range(rng.randrange(1, 8))]
    assert lower_bound(messages, 2) <= _best(messages, 2) <= greedy(messages, 2)


def test_baskets_have_distinct_skus_and_the_lines_that_were_asked_for() -> None:
    baskets = draw(Mix("any", 1.1), 4_000, random.Random(1))
    assert all(len(set(basket)) == len(basket) for basket in baskets)
    assert sum(map(len, baskets)) / len(baskets) == pytest.approx(1.7, abs=0.05)


def test_baskets_of_a_sale_hold_its_sku_as_often_as_told() -> None:
    baskets = draw(Mix("sale", 1.1, sale=0.5), 4_000, random.Random(1))
    assert sum(ON_SALE in basket for basket in baskets) / len(baskets) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(("skew", "share"), [(0.0, 1 / 5_000), (1.1, 0.16)])
def test_baskets_follow_their_skew(skew: float, share: float) -> None:
    lines = [sku for basket in draw(Mix("any", skew), 4_000, random.Random(1)) for sku in basket]
    best = max(lines.count(sku) for sku in set(lines)) / len(lines)
    assert best == pytest.approx(share, abs=0.02)


def test_baskets_are_the_same_for_the_same_seed() -> None:
    assert draw(Mix("any", 1.0), 50, random.Random(7)) == draw(Mix("any", 1.0), 50, random.Random(7))
