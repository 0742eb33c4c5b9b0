"""The arithmetic of the walk, and its verdict."""

import pytest

from bench.harness import Outcome, Stats
from bench.walk import SHARE, Walked, busiest, early, least, met, pages_of, sample_of

MB = 1_000_000


def outcome(**changes) -> Outcome:
    walked = Walked(
        orders=2,
        passes=[20.0, 41.0],
        found=2,
        calls=[(0.0, 200, "/orders/"), (1.0, 200, "/orders/1/acknowledge/")],
        sizes=[100 * MB, 110 * MB],
    )
    given = {**{name: getattr(walked, name) for name in Walked.__slots__}, **changes}
    sample = sample_of(Walked(**given))
    return Outcome(Stats(sample.value, sample.value, sample.value, None, None, facts=sample.facts), {})


def test_what_is_in_order_meets_the_aim() -> None:
    found = outcome()
    assert met(found)
    assert (found.ours.median, found.ours.facts["acknowledged_meanwhile"]) == (41.0, 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"passes": [20.0, 61.0]},
        {"found": 1},
        {"calls": [(0.0, 429, "/orders/")]},
        {"calls": [(number / 5, 200, "/orders/") for number in range(251)]},
        {"sizes": [100 * MB, 121 * MB]},
    ],
)
def test_each_part_of_the_aim_can_be_missed(changes) -> None:
    assert not met(outcome(**changes))


def test_the_limit_leaves_a_minute_for_a_pass_even_beside_acknowledgements() -> None:
    assert pages_of(10_000) == 102
    assert least(10_000) == pytest.approx(40.8)
    assert least(10_000) / SHARE < 60


@pytest.mark.parametrize(
    ("moments", "most"), [([], 0), ([0.0, 59.9], 2), ([0.0, 60.0], 1), ([61.0, 0.0, 1.0, 62.0], 2)]
)
def test_the_busiest_minute_may_begin_at_any_moment(moments, most) -> None:
    assert busiest(moments) == most


def test_growth_begins_with_the_first_tenth() -> None:
    assert early([5, 7, *range(10, 28)]) == 7
    assert early([9]) == 9
