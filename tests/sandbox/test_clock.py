from datetime import UTC, datetime, timedelta

from app.sandbox.clock import Clock

START = datetime(2026, 3, 2, 10, tzinfo=UTC)


class Wall:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


def test_scaled_clock_runs_faster_from_where_it_was():
    wall = Wall()
    clock = Clock(wall)
    wall.now += timedelta(seconds=10)
    clock.set(scale=60)
    wall.now += timedelta(seconds=1)
    assert clock.now() == START + timedelta(seconds=70)


def test_clock_set_to_a_moment_goes_on_from_there():
    wall = Wall()
    clock = Clock(wall)
    clock.set(at=datetime(2030, 1, 1, tzinfo=UTC))
    wall.now += timedelta(seconds=5)
    assert clock.now() == datetime(2030, 1, 1, 0, 0, 5, tzinfo=UTC)


def test_restored_clock_shows_the_same_time():
    wall = Wall()
    first = Clock(wall)
    first.set(at=datetime(2030, 1, 1, tzinfo=UTC), scale=10)
    second = Clock(wall)
    second.restore(first.state())
    wall.now += timedelta(seconds=3)
    assert second.now() == first.now()
