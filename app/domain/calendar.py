"""Working days and cut-off times, in civil dates: no date here ever meets a time zone on its way out (R-39, R-40)."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
DAYS_MOST = 366


def civil_day(moment: datetime) -> date:
    """The day in London: midnight there in summer is the previous day in UTC (finance.md 4.13)."""
    return moment.astimezone(LONDON).date()


@dataclass(frozen=True, slots=True)
class Calendar:
    """`working`: weekdays, Monday is 0. `cut_off`: London time from which an order counts as the next working day's."""

    working: AbstractSet[int]
    holidays: AbstractSet[date]
    cut_off: time

    def is_open(self, day: date) -> bool:
        return day.weekday() in self.working and day not in self.holidays

    def first_day(self, moment: datetime) -> date:
        """The working day on which what comes at this moment is worked on."""
        local = moment.astimezone(LONDON)
        late = local.time() >= self.cut_off and self.is_open(local.date())
        return self._open_from(local.date() + timedelta(days=1 if late else 0))

    def add(self, day: date, days: int) -> date:
        """So many working days later."""
        for _ in range(days):
            day = self._open_from(day + timedelta(days=1))
        return day

    def _open_from(self, day: date) -> date:
        for _ in range(DAYS_MOST):
            if self.is_open(day):
                return day
            day += timedelta(days=1)
        raise ValueError("a calendar without a working day in a year")
