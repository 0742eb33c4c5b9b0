from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.pause import resume_at

NOW = datetime(2026, 3, 2, 9, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1772443208", 8),
        ("1772443208.75", 8),
        ("1772443208000", 8),
        ("8", 8),
        ("0", 1),
        ("Mon, 02 Mar 2026 09:20:08 GMT", 8),
        ("Mon, 02 Mar 2026 10:20:08 +0100", 8),
        ("2026-03-02T09:20:08Z", 8),
        ("2026-03-02T10:20:08+01:00", 8),
        ("2026-03-02 09:20:08", 8),
        (" 8 ", 8),
        ("1772443100", 1),
        ("99999999999", 3600),
        ("86400", 3600),
    ],
)
def test_retry_after_is_understood_in_all_its_forms(text, seconds):
    assert resume_at(text, NOW) == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize("text", [None, "", "soon", "-5", "0x10", "Mon, 99 Foo 2026", "12 apples"])
def test_retry_after_that_tells_nothing_leaves_the_choice_to_us(text):
    assert resume_at(text, NOW) is None


@given(st.text() | st.integers().map(str))
def test_retry_after_never_rests_longer_than_the_longest_window(text):
    until = resume_at(text, NOW)
    assert until is None or timedelta(0) < until - NOW <= timedelta(hours=1)
