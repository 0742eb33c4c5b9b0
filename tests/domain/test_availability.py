"""The formulas of flows.md 2.1: with every term the shop's own figure never moves; without one it does."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.availability import Buffer, Terms, free, physical, promisable

OWN = frozenset({"uk"})


def terms(held: str, **by_connection: dict) -> Terms:
    plain = {
        name: {connection: Decimal(units) for connection, units in given.items()}
        for name, given in by_connection.items()
        if isinstance(given, dict)
    }
    return Terms(Decimal(held), **plain)


@pytest.mark.parametrize(
    ("found", "published", "allocated"),
    [
        (terms("10", ordered={"uk": 3}, accepted={"edge": 2}), 8, 3),
        (terms("10", ordered={"uk": 3}, accepted={"edge": 2}, shipped={"uk": 3}), 5, 0),
        (terms("7", accepted={"edge": 2}), 5, 0),
        (terms("7", accepted={"edge": 2}, despatched={"uk": 3}), 8, 3),
        (terms("10", accepted={"uk": 3, "edge": 2}, shipped={"uk": 3}), 5, 0),
    ],
    ids=[
        "both hold it",
        "shipped in the shop",
        "despatched",
        "despatched in the ERP",
        "shipped before posted",
    ],
)
def test_worked_check(found: Terms, published: int, allocated: int) -> None:
    """Held 10, an order of 3 of the shop, one of 2 of a retailer on its way: 5 are free, whoever ships first."""
    assert physical(found, OWN) == published
    assert published - allocated == 5
    assert promisable(found) == free(found) == 5


@pytest.mark.parametrize(
    ("available", "percent", "told"),
    [
        *zip(
            ("0", "1", "2", "10", "19", "20", "21", "39", "40", "100", "101", "1000"),
            [95] * 12,
            (0, 0, 1, 9, 18, 19, 19, 37, 38, 95, 95, 950),
            strict=True,
        ),
        ("50", 58, 29),
        ("-3", 95, 0),
        ("3.5", 100, 3),
    ],
)
def test_a_buffer_is_worked_out_in_whole_numbers(available: str, percent: int, told: int) -> None:
    assert free(Terms(Decimal(available)), buffer=Buffer(percent)) == told


def test_units_are_kept_back_after_the_percentage_and_never_below_nothing() -> None:
    assert free(Terms(Decimal(100)), buffer=Buffer(95, 5)) == 90
    assert free(Terms(Decimal(4)), buffer=Buffer(100, 5)) == 0
    assert (physical(Terms(Decimal(9)), OWN, withheld=4), physical(Terms(Decimal(3)), OWN, withheld=4)) == (
        5,
        0,
    )


def test_everybody_elses_orders_and_what_is_reserved_are_not_for_sale() -> None:
    found = Terms(Decimal(10), Decimal(1), ordered={"": Decimal(2), "uk": Decimal(3)})
    assert (physical(found, OWN), free(found)) == (7, 4)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=6), st.data())
def test_an_order_moves_the_shops_own_figure_at_no_step(orders: list[int], data: st.DataObject) -> None:
    """Each order of the shop goes its own way step by step; what the shop may sell stays the same throughout."""
    held = 50
    paths = [data.draw(st.sampled_from((SHIPPED_FIRST, DESPATCHED_FIRST))) for _ in orders]
    steps = [data.draw(st.integers(0, 3)) for _ in orders]
    reached = [(units, path[step]) for units, path, step in zip(orders, paths, steps, strict=True)]

    def of(name: str) -> dict[str, Decimal]:
        return {"uk": Decimal(sum(units for units, place in reached if name in place))}

    gone = sum(units for units, place in reached if "left" in place)
    allocated = sum(units for units, place in reached if "allocated" in place)
    found = Terms(
        Decimal(held - gone),
        ordered=of("ordered"),
        accepted=of("accepted"),
        shipped=of("shipped"),
        despatched=of("despatched"),
    )
    assert physical(found, OWN) - allocated == held - sum(orders)


SHIPPED_FIRST = ({"accepted", "allocated"}, {"ordered", "allocated"}, {"ordered", "shipped"}, {"left"})
DESPATCHED_FIRST = (
    {"accepted", "allocated"},
    {"ordered", "allocated"},
    {"left", "despatched", "allocated"},
    {"left"},
)
