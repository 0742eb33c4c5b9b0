from datetime import UTC, date, datetime, time

import pytest

from app.domain.calendar import Calendar

WEEK = Calendar(frozenset(range(5)), frozenset({date(2026, 12, 25)}), time(17))


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-11-06T16:59", "2026-11-06"),
        ("2026-11-06T17:00", "2026-11-09"),
        ("2026-11-07T08:00", "2026-11-09"),
        ("2026-12-24T18:00", "2026-12-28"),
        ("2026-06-05T16:30", "2026-06-08"),  # half past five in London's summer
        ("2026-03-29T00:59", "2026-03-30"),
    ],
)
def test_the_day_on_which_work_begins(moment, day):
    assert WEEK.first_day(datetime.fromisoformat(moment).replace(tzinfo=UTC)) == date.fromisoformat(day)


def test_working_days_skip_weekends_and_holidays():
    assert WEEK.add(date(2026, 12, 23), 2) == date(2026, 12, 28)
    assert WEEK.add(date(2026, 12, 23), 0) == date(2026, 12, 23)


def test_a_calendar_without_working_days_is_an_error_and_no_endless_loop():
    never = Calendar(frozenset({0}), frozenset(date.fromordinal(n) for n in range(739000, 741000)), time(17))
    with pytest.raises(ValueError, match="working day"):
        never.first_day(datetime(2026, 11, 5, tzinfo=UTC))
