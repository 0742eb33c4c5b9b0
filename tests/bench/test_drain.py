"""Who drains, what they drain, and how it is judged."""

import re
from collections import Counter
from pathlib import Path

import asyncpg
import pytest

from bench import engine, limit
from bench.baskets import TYPICAL
from bench.drain import met
from bench.environment import Environments
from bench.growth import of_length
from bench.harness import Outcome, Sample, summarise
from bench.heat import shop
from bench.history import add_history
from bench.rivals import missing, pins, rivals, sluice

ROOT = Path(__file__).parents[2]
HERE = Environments(Path("python"), Path("node"))


def outcome(ours: float, **theirs: float) -> Outcome:
    return Outcome(
        summarise([Sample(ours)]), {name: summarise([Sample(value)]) for name, value in theirs.items()}
    )


@pytest.mark.parametrize(
    ("ours", "pgqueuer", "procrastinate", "verdict"),
    [(1000, 1000, 50, True), (999, 1000, 40, False), (1000, 900, 51, False)],
)
def test_aim_is_both_peers(ours: float, pgqueuer: float, procrastinate: float, verdict: bool) -> None:  # noqa: FBT001 - a table
    assert met(outcome(ours, pgqueuer=pgqueuer, procrastinate=procrastinate)) is verdict


def test_every_rival_is_pinned_and_shows_its_settings() -> None:
    shown = [one for one in rivals(HERE) if one.name != "SKIP LOCKED loop"]
    assert all(re.match(r"\d+\.\d+", one.version) and one.settings for one in shown)


def test_rivals_differ_in_name_and_the_aims_are_among_them() -> None:
    names = [one.name for one in [sluice(), *rivals(HERE)]]
    assert len(set(names)) == len(names)
    assert {"pgqueuer", "procrastinate"} <= set(names)


def test_without_node_its_rivals_are_skipped_by_name() -> None:
    bare = Environments(Path("python"), None, "Node is not installed")
    assert missing(bare) == ["graphile-worker: Node is not installed", "pg-boss: Node is not installed"]
    assert not {"graphile-worker", "pg-boss"} & {one.name for one in rivals(bare)}


def test_scripts_of_all_rivals_are_there() -> None:
    scripts = [part for one in rivals(HERE) for part in one.runner.argv if part.endswith((".py", ".mjs"))]
    assert [name for name in scripts if not (ROOT / "bench/peers" / Path(name).name).is_file()] == []


def test_pins_reads_a_lock_with_markers_and_hashes() -> None:
    assert pins("a-b==1.2 \\\n    --hash=sha256:00\nc==3.4.5 ; python_version < '4'\n") == {
        "a-b": "1.2",
        "c": "3.4.5",
    }


def test_locks_name_no_address() -> None:
    packages = (ROOT / "bench/package-lock.json").read_text()
    assert "://" not in (ROOT / "bench/requirements.lock").read_text()
    assert '"resolved"' not in packages


def test_jobs_have_1_7_lines_and_a_best_seller() -> None:
    jobs = shop(TYPICAL, 4_000)
    wanted = Counter(sku for job in jobs for sku in job["skus"])
    assert sum(wanted.values()) / len(jobs) == pytest.approx(1.7, abs=0.05)
    assert wanted["SKU00000"] / len(jobs) == pytest.approx(0.13, abs=0.03)


@pytest.mark.parametrize("lines", [1, 3, 10])
def test_baskets_of_one_length_hold_distinct_skus(lines: int) -> None:
    baskets = of_length(lines, 50)
    assert (len(baskets), {len(set(basket)) for basket in baskets}) == (50, {lines})


def test_rate_of_pgbench_is_read_from_its_report() -> None:
    assert (
        limit.tps_of("latency average = 1 ms\ntps = 18000.25 (without initial connection time)\n") == 18000.25
    )


def test_pgbench_that_failed_is_told_with_its_words() -> None:
    with pytest.raises(limit.LimitError, match="no such file"):
        limit.tps_of("pgbench: error: no such file")


async def test_backlog_behind_history_stands_in_its_lanes(pool: asyncpg.Pool, database_url: str) -> None:
    await add_history(pool, 10)
    await engine.fill(database_url, shop(TYPICAL, 20))
    rows = await pool.fetch("SELECT state, order_lane, lanes FROM message_state")
    assert (len(rows), {row["state"] for row in rows}) == (20, {"ready", "waiting"})
    assert all(row["order_lane"] and row["lanes"] for row in rows)
