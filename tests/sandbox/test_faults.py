from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from app.sandbox.clock import Clock
from app.sandbox.faults import Faults, parse_rule
from app.sandbox.store import Store
from tests.sandbox.conftest import Running, running_sandbox

SITES = "/sage200/uk/sage200extra/accounts/v1/sites"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "s.sqlite3", Clock(lambda: datetime(2026, 3, 2, tzinfo=UTC)))
    yield store
    store.close()


def drawn(faults: Faults, calls: int = 200) -> list[str | None]:
    return [faults.decide("sage200", "POST", "/x/sop_orders") for _ in range(calls)]


def test_same_seed_draws_the_same_and_another_does_not():
    rule = {"kind": "drop", "probability": 0.3}
    first, second, third = Faults(1), Faults(1), Faults(2)
    for faults in (first, second, third):
        faults.set([rule])
    draws = drawn(first)
    assert draws == drawn(second)
    assert draws != drawn(third)
    assert 30 < draws.count("drop") < 90


@pytest.mark.parametrize(
    ("rule", "hit"),
    [
        ({}, True),
        ({"system": "centra"}, False),
        ({"method": "GET"}, False),
        ({"method": "post"}, True),
        ({"path": "/sop_orders"}, True),
        ({"path": "orders$"}, True),
        ({"path": "products"}, False),
    ],
)
def test_rule_covers_what_it_names(rule: dict, hit: bool):  # noqa: FBT001 - a table's column
    faults = Faults(1)
    faults.set([{"kind": "drop", **rule}])
    assert (faults.decide("sage200", "POST", "/x/sop_orders") == "drop") is hit


def test_rule_with_times_ends_also_across_a_restart(store: Store):
    faults = Faults(1, store)
    faults.set([{"kind": "drop", "times": 2}])
    assert faults.decide("a", "GET", "/") == "drop"
    again = Faults(1, store)
    assert [again.decide("a", "GET", "/") for _ in range(2)] == ["drop", None]
    assert again.counts == {"drop": 2}


@pytest.mark.parametrize(
    ("kind", "call", "hit"),
    [
        ("ghost_draft", ("sage200", "POST", "/x/sop_orders"), True),
        ("ghost_draft", ("sage200", "GET", "/x/sop_orders"), False),
        ("ghost_draft", ("sage200", "PUT", "/x/sop_orders/5"), False),
        ("late_commit", ("sage200", "PUT", "/x/sop_orders/5"), True),
        ("late_commit", ("sage200", "POST", "/oauth/token"), False),
        ("double", ("centra", "POST", "webhook"), True),
        ("double", ("centra", "POST", "/centra/graphql"), False),
        ("lose", ("sage200", "POST", "/x/sop_orders"), False),
    ],
)
def test_kind_hits_and_counts_only_where_it_can_do_something(kind: str, call: tuple, hit: bool):  # noqa: FBT001 - a table's column
    faults = Faults(1)
    faults.set([{"kind": kind}])
    assert (faults.decide(*call) == kind) is hit
    assert faults.counts[kind] == int(hit)


@pytest.mark.parametrize("seed", [3, 4])
async def test_same_script_meets_the_same_faults_in_two_sandboxes(tmp_path: Path, seed: int):
    met = [await meet_faults(tmp_path / name, seed) for name in ("first", "second")]
    assert met[0] == met[1]
    assert {"", "status_504", "status_401"} == set(met[0])


async def meet_faults(data: Path, seed: int) -> list[str]:
    async with running_sandbox(data, seed) as sandbox:
        kinds = [{"kind": kind, "probability": 0.3} for kind in ("status_504", "status_401")]
        await sandbox.faults(*kinds)
        for _ in range(40):
            await sandbox.client.get(SITES)
        return [row["fault"] for row in await sandbox.history()]


def test_first_rule_that_hits_wins():
    faults = Faults(1)
    faults.set([{"kind": "reset", "times": 1}, {"kind": "drop"}])
    assert drawn(faults, 2) == ["reset", "drop"]


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"kind": "drop", "probability": 2},
        {"kind": "drop", "odd": 1},
        {"kind": ""},
        {"kind": "comit_then_drop"},
        {"kind": "drop", "probability": "1"},
        {"kind": "drop", "probability": -0.1},
        {"kind": "drop", "times": -1},
        {"kind": "drop", "times": 1.5},
        {"kind": "drop", "times": True},
        {"kind": "slow", "seconds": "x"},
        {"kind": "slow", "seconds": -5},
        {"kind": "status_429", "retry_after": 1.5},
        {"kind": "drop", "path": "("},
    ],
)
def test_senseless_rule_is_refused(rule: dict):
    with pytest.raises(ValueError, match="fault rule"):
        parse_rule(rule)


@pytest.mark.parametrize("kind", ["drop", "reset", "commit_then_drop", "drop_then_commit"])
async def test_dropping_fault_gives_the_client_no_status(sandbox: Running, kind: str):
    await sandbox.faults({"kind": kind, "times": 1, "seconds": 0})
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        await sandbox.client.get(SITES)
    assert (await sandbox.client.get(SITES)).status_code == 401
    await sandbox.world.tasks.settle()
    assert [row["fault"] for row in await sandbox.history() if row["fault"]] == [kind]


async def test_reset_is_a_reset(sandbox: Running):
    await sandbox.faults({"kind": "reset", "times": 1})
    with pytest.raises(httpx.ReadError):
        await sandbox.client.post(SITES, json={})


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("status_504", 504),
        ("commit_then_504", 504),
        ("status_500_html", 500),
        ("status_401", 401),
        ("status_429", 429),
        ("status_400_empty", 400),
        ("slow", 401),
    ],
)
async def test_answering_fault_answers(sandbox: Running, kind: str, status: int):
    await sandbox.faults({"kind": kind, "times": 1, "seconds": 0})
    assert (await sandbox.client.get(SITES)).status_code == status
    row = (await sandbox.history())[0]
    assert (row["fault"], row["system"], row["path"]) == (kind, "sage200", SITES)


async def test_retry_after_is_sent_when_the_rule_says_so(sandbox: Running):
    await sandbox.faults({"kind": "status_429", "retry_after": 7})
    assert (await sandbox.client.get(SITES)).headers["retry-after"] == "7"


@pytest.mark.parametrize("rules", [{}, "drop", [1], [{"kind": "drop"}, {"kind": "dorp"}]])
async def test_senseless_rules_leave_those_that_are_there(sandbox: Running, rules: object):
    await sandbox.faults({"kind": "status_504", "times": 3})
    assert (await sandbox.client.post("/_sandbox/faults", json=rules)).status_code == 400
    shown = (await sandbox.client.get("/_sandbox/faults")).json()["rules"]
    assert [rule["kind"] for rule in shown] == ["status_504"]


async def test_counts_are_shown_per_kind(sandbox: Running):
    await sandbox.faults({"kind": "status_504", "times": 3})
    for _ in range(4):
        await sandbox.client.get(SITES)
    shown = (await sandbox.client.get("/_sandbox/faults")).json()
    assert shown["counts"] == {"status_504": 3}
    assert shown["rules"][0]["times"] == 0


async def test_controls_are_never_faulted(sandbox: Running):
    await sandbox.faults({"kind": "drop"})
    assert (await sandbox.client.get("/_sandbox/health")).status_code == 200
