from datetime import UTC, datetime

import pytest

from app.domain.sheet import write_sheet


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+44 20", "'+44 20"),
        ("-3", "'-3"),
        ("@here", "'@here"),
        ("plain, with a comma", '"plain, with a comma"'),
        (None, '""'),
        (7, "7"),
        ({"TEE": "2", "DRESS": "1"}, '"2 x TEE, 1 x DRESS"'),
        (datetime(2026, 7, 1, 12, tzinfo=UTC), "2026-07-01T12:00:00+00:00"),
    ],
)
def test_a_cell_is_never_a_formula(value, cell) -> None:
    assert write_sheet(["a"], [{"a": value, "b": "unseen"}]).splitlines() == ["a", cell]
