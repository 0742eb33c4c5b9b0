import pytest

from bench.catchup import Outage, Recovery, recover


@pytest.mark.parametrize(
    ("outage", "backlog", "seconds"),
    [
        # volumes.md 5.3, large: 0.56 a second arrive, two are taken; its 3.1 h are of 2.5 writes an order.
        (Outage(hour=3600.0, latency=1.0, slots=2), 25_805, 17_920.0),
        (Outage(hour=1.0, latency=0.5, slots=2, share=0.5), 26, 13.0),
    ],
)
def test_outage_leaves_what_came_meanwhile(outage: Outage, backlog: int, seconds: float) -> None:
    assert outage.backlog == backlog
    assert outage.bound == pytest.approx(seconds, rel=0.001)


def test_outage_is_over_when_no_more_are_under_way_than_on_a_calm_day() -> None:
    assert Outage(hour=1.0, latency=0.4, slots=4).calm == 2


@pytest.mark.parametrize(("meanwhile", "affected"), [(0.011, False), (0.030, True)])
def test_channel_is_affected_when_its_median_doubles(meanwhile: float, *, affected: bool) -> None:
    found = Recovery(Outage(1.0), 1.0, 0.1, 5, [0.010] * 9, [meanwhile] * 9)
    assert found.affected is affected


async def test_recovery_sends_each_order_once_and_in_order(database_url: str) -> None:
    outage = Outage(hour=0.2)
    found = await recover(database_url, outage, seed=1)
    assert found.seconds >= outage.bound * 0.8
    assert found.refused >= 5
