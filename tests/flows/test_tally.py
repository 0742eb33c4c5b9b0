"""A budget counts requests, not claims."""

from app.domain.channel import Meter
from app.flows.tally import Tally


async def asks(meter: Meter, times: int) -> None:
    meter.asked += times


async def test_what_a_batch_asked_beside_its_draw_is_owed() -> None:
    tally = Tally(meter := Meter())
    await tally.after(asks(meter, 2), 1)
    assert tally.owed() == 1


async def test_what_asked_nothing_is_given_back() -> None:
    tally = Tally(meter := Meter())
    await tally.after(asks(meter, 0), 1)
    assert tally.owed() == -1


async def test_what_is_in_flight_is_counted_at_once_and_not_twice() -> None:
    tally = Tally(meter := Meter())
    meter.asked += 1
    tally.drawn += tally.owed()  # drawn with another claim
    await tally.after(asks(meter, 0), 1)
    assert tally.owed() == -1


def test_without_a_meter_nothing_is_owed() -> None:
    assert Tally(None, drawn=7).owed() == 0
