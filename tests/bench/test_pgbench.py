"""What is read from pgbench."""

from pathlib import Path

import pytest

from bench.pgbench import rate_of, read_logs

TOLD = """\
number of transactions actually processed: 22208
latency average = 3.602 ms
initial connection time = 21.554 ms
tps = 4440.684993 (without initial connection time)
"""


def test_rate_is_the_one_without_connecting() -> None:
    assert rate_of(TOLD) == 4440.684993


def test_rate_that_was_not_told_is_an_error() -> None:
    with pytest.raises(ValueError, match="no rate"):
        rate_of("pgbench: error: connection failed")


def test_latencies_of_all_logs_are_read_in_milliseconds(tmp_path: Path) -> None:
    (tmp_path / "each.1").write_text("0 1 2500 0 1763776000 100\n1 1 500 0 1763776000 200\n")
    (tmp_path / "each.2").write_text("0 2 1000 0 1763776001 100\n")
    assert sorted(read_logs(tmp_path)) == [0.5, 1.0, 2.5]
