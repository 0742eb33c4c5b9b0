"""What is written down and shown."""

import json
from pathlib import Path

import pytest

from bench.show import number, rows_of, show, write

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


def test_rows_are_ours_then_theirs() -> None:
    assert list(rows_of(RESULT)) == [
        ("Sluice", "1,234", "1,000-1,300", "1.25", "", ""),
        ("peer 1.0", "10.0", "9.00-11.0", "", "", "123.45"),
    ]


def test_table_says_what_was_missed_and_who_was_skipped(capsys: pytest.CaptureFixture[str]) -> None:
    show([RESULT])
    shown = capsys.readouterr().out
    assert ("MISSED: more" in shown, "skipped: other: not here" in shown) == (True, True)


def test_quick_look_overwrites_no_figure(tmp_path: Path) -> None:
    write(tmp_path, RESULT, quick=False)
    quick = write(tmp_path, {**RESULT, "met": True}, quick=True)
    assert quick.name == "toy.quick.json"
    assert json.loads((tmp_path / "toy.json").read_text())["met"] is False


def test_numbers_have_three_digits_that_mean_something() -> None:
    assert [number(value) for value in (12345.6, 45.67, 0.123, None)] == ["12,346", "45.7", "0.12", ""]
