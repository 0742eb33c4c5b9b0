"""The real command: a small day, and what is left of it when it ends, politely or not."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from app.embedded.reach import discard
from tests.embedded.waiting import left

ROOT = Path(__file__).parents[2]


@pytest.fixture
def start(tmp_path):
    """`start(*args)` runs `sluice demo` in a folder of its own, as a checkout elsewhere would. Whoever runs the tests behind
    `&` has SIGINT ignored, and children inherit that.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    started: list[subprocess.Popen] = []

    def run(*args: str) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-m", "app.cli.main", "demo", *args],
            cwd=tmp_path,
            env={
                "PATH": os.defpath,
                "PYTHONPATH": str(ROOT),
                "SLUICE_POLL_SECONDS": "nonsense of a real system",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        below = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        process.kill()
        process.wait()
        process.stdout.close()
        assert left(below, 30) == []
    discard(tmp_path / ".sluice" / "demo" / "servers")


def read_to(process: subprocess.Popen, text: str) -> list[psutil.Process]:
    """Reads on until a line holds `text`; every process of the demo at that moment."""
    said = []
    for line in process.stdout:
        said.append(line)
        if text in line:
            return psutil.Process(process.pid).children(recursive=True)
    raise AssertionError("".join(said))


def test_a_small_day_is_in_step(start, tmp_path):
    day = start("--once", "--orders", "20", "--faults", "none", "--seed", "3", "--json", "report.json")
    said, _ = day.communicate()
    assert day.returncode == 0, said
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["in_step"]
    assert sum(report["orders"].values()) == 20
    assert report["sales_orders"] == 20 - report["cancelled"]
    assert set(report["stepped_aside"]) <= {"unmapped", "edited", "locked"}
    figures = ("sales_orders_doubled", "order_violations", "unaccounted", "in_doubt", "rejected")
    assert {name: report[name] for name in figures} == dict.fromkeys(figures, 0)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -9)]
)
def test_nothing_is_left_of_a_day_that_is_stopped(start, number, code):
    day = start("--orders", "20", "--faults", "none")
    below = read_to(day, "Morning")
    assert len(below) > 6
    day.send_signal(number)
    day.communicate()
    assert left(below, 30) == []
    assert day.returncode == code


def test_two_days_do_not_share_a_folder(start):
    first = start("--orders", "20", "--faults", "none")
    read_to(first, "opens")
    second = start("--once")
    said, _ = second.communicate()
    assert second.returncode == 1
    assert f"Process {first.pid} already runs servers" in said
