import pytest

from app.demo.faults import PROFILES
from app.sandbox.faults import parse_rule

EVERY = {
    "webhook_lost",
    "webhook_doubled",
    "webhook_reordered",
    "commit_then_drop",
    "drop_then_commit",
    "504",
    "reset",
    "401",
    "ghost_draft",
}


def shares(name):
    return {rule["kind"]: rule["probability"] for rule in PROFILES[name].rules() if "times" not in rule}


def test_brutal_is_as_brutal_as_promised():
    hit = shares("brutal")
    assert hit.pop("lose") + hit.pop("double") + hit.pop("reorder") == pytest.approx(0.30)
    assert hit == {
        "commit_then_drop": 0.10,
        "drop_then_commit": 0.05,
        "status_504": 0.10,
        "reset": 0.05,
        "status_401": 0.02,
    }


def test_rough_is_a_fifth_of_it_without_kills():
    brutal = shares("brutal")
    assert shares("rough") == pytest.approx({kind: share / 5 for kind, share in brutal.items()})
    assert set(PROFILES["rough"].kinds()) == EVERY
    assert set(PROFILES["brutal"].kinds()) == EVERY | {"worker_killed", "api_killed"}


def test_none_breaks_nothing():
    assert PROFILES["none"].rules() == []
    assert PROFILES["none"].kinds() == []


@pytest.mark.parametrize("name", ["rough", "brutal"])
def test_each_kind_hits_once_for_certain(name):
    sure = [rule["kind"] for rule in PROFILES[name].rules() if rule.get("times") == 1]
    assert len(sure) == len(set(sure)) == len(EVERY)


@pytest.mark.parametrize("name", ["rough", "brutal"])
def test_the_sandbox_takes_every_rule(name):
    for rule in PROFILES[name].rules():
        assert parse_rule(rule).kind == rule["kind"]
