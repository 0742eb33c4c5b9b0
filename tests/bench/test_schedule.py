import pytest

from bench.baskets import Mix
from bench.schedule import DisorderError, Load, check_order, run_through
from bench.vendors import Sent

BASKETS = (("a",), ("a", "b"), ("c",))


def sent(*spans: tuple[int, float, float]) -> list[Sent]:
    return [Sent(f"B-{number}", began, ended) for number, began, ended in spans]


def test_order_is_kept_where_lanes_take_turns() -> None:
    check_order(sent((2, 0.0, 1.0), (0, 0.0, 1.0), (1, 1.0, 2.0)), BASKETS)


@pytest.mark.parametrize(
    "spans",
    [
        ((0, 0.0, 1.0), (1, 0.9, 2.0), (2, 0.0, 1.0)),
        ((1, 0.0, 1.0), (0, 1.0, 2.0), (2, 0.0, 1.0)),
        ((0, 0.0, 1.0), (1, 1.0, 2.0)),
        ((0, 0.0, 1.0), (1, 1.0, 2.0), (2, 0.0, 1.0), (2, 3.0, 4.0)),
    ],
    ids=["together", "changed places", "lost", "twice"],
)
def test_disorder_is_found(spans: tuple[tuple[int, float, float], ...]) -> None:
    with pytest.raises(DisorderError):
        check_order(sent(*spans), BASKETS)


def test_bound_of_a_load_is_in_seconds() -> None:
    assert Load(Mix("one", 0.0, skus=100_000), 40, 0.1, seed=1).bound == pytest.approx(1.0)


async def test_backlog_goes_through_the_loop_within_its_bound(database_url: str) -> None:
    load = Load(Mix("sale", 1.0, sale=0.5), 16, 0.02, seed=1)
    span = await run_through(database_url, load)
    assert span.seconds >= load.bound
    assert 0 < span.busy <= 1
