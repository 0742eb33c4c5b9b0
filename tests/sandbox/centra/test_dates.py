from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from app.sandbox.centra import dates

STOCKHOLM = ZoneInfo("Europe/Stockholm")
NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("2026-07-01T09:00:00+01:00", "2026-07-01T08:00:00.000000+00:00"),
        ("2026-07-01 10:00:00", "2026-07-01T08:00:00.000000+00:00"),
        ("2026-01-01 10:00:00", "2026-01-01T09:00:00.000000+00:00"),
        ("now", "2026-07-01T12:00:00.000000+00:00"),
        ("-1 hour", "2026-07-01T11:00:00.000000+00:00"),
        ("-2 days", "2026-06-29T12:00:00.000000+00:00"),
    ],
)
def test_zoneless_input_is_in_the_instances_zone(text, kept):
    assert dates.read(text, STOCKHOLM, NOW) == kept


def test_text_that_is_no_date_is_refused():
    with pytest.raises(ValueError, match="parse"):
        dates.read("next tuesday-ish", STOCKHOLM, NOW)


def test_output_has_the_offset_and_no_microseconds():
    assert dates.show("2026-07-01T08:00:00.118204+00:00", STOCKHOLM) == "2026-07-01T10:00:00+02:00"


def test_webhook_dates_are_local_with_microseconds_and_no_zone():
    assert dates.show_webhook("2026-01-01T08:00:00.118204+00:00", STOCKHOLM) == "2026-01-01 09:00:00.118204"
