"""What is written down and shown."""

import json
from pathlib import Path

from bench.show import number, rows_of, write

RESULT = {
    "name": "toy",
    "ours": {"median": 1234.5, "min": 1000.0, "max": 1300.0, "p50": 1.25, "p99": None, "unit": "things/s"},
    "references": [
        {
            "name": "peer",
            "version": "1.0",
            "median": 10.0,
            "min": 9.0,
            "max": 11.0,
            "p50": None,
            "p99": None,
            "ratio": 123.45,
        }
    ],
    "skipped": ["other: not here"],
    "met": False,
    "aim": "more",
}


def test_table_has_ours_theirs_and_who_was_skipped() -> None:
    rows = list(rows_of(RESULT))
    assert rows[0] == ("toy", "Sluice", "1,234 things/s", "1,000-1,300", "1.25", "", "", "MISSED: more")
    assert (rows[1][1], rows[1][6], rows[2][1]) == ("peer 1.0", "123.45", "skipped: other: not here")


def test_quick_look_overwrites_no_figure(tmp_path: Path) -> None:
    write(tmp_path, RESULT, quick=False)
    quick = write(tmp_path, {**RESULT, "met": True}, quick=True)
    assert quick.name == "toy.quick.json"
    assert json.loads((tmp_path / "toy.json").read_text())["met"] is False


def test_numbers_have_three_digits_that_mean_something() -> None:
    assert [number(value) for value in (12345.6, 45.67, 0.123, None)] == ["12,346", "45.7", "0.12", ""]
