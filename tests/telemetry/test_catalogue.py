import tomllib
import typing
from enum import StrEnum
from itertools import pairwise
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from app.domain.errors import ForgedError
from app.domain.message import MessageState, Owner, Result
from app.telemetry.catalogue import CATALOGUE, PREFIX, VERSION, Metric, Metrics, make_metrics
from app.telemetry.words import CaseOwner, Forgery, MessageOutcome, OpenState, Role

# contract.md section 7, as far as it concerns orders on their way in.
PROMISED = {
    "webhooks_total": {"source", "result"},
    "webhook_accept_seconds": set(),
    "messages_total": {"kind", "outcome"},
    "messages": {"state", "destination"},
    "messages_unaccounted": set(),
    "oldest_message_timestamp_seconds": {"state", "destination"},
    "end_to_end_seconds": {"flow"},
    "lane_wait_seconds": {"class"},
    "lanes_blocked": {"cause"},
    "lane_steps_aside_total": set(),
    "lane_repairs_total": set(),
    "effects_in_doubt": set(),
    "probe_results_total": {"result"},
    "upstream_request_seconds": {"system", "operation", "outcome"},
    "upstream_budget_remaining_ratio": {"system"},
    "poll_watermark_timestamp_seconds": {"connection", "poll"},
    "source_last_event_timestamp_seconds": {"connection"},
    "exceptions": {"code", "owner"},
    "wakes_lost_total": set(),
}
KNOWN = {
    "source": ["uk"],
    "kind": ["centra.order"],
    "system": ["centra"],
    "operation": ["orders"],
    "query": ["lanes"],
}


def values(labels: type[StrEnum]) -> set[str]:
    return {str(value) for value in labels}


def exposed(role: Role, known: dict[str, list[str]] | None = None) -> str:
    registry = CollectorRegistry()
    make_metrics(registry, role, known)
    return generate_latest(registry).decode()


def test_every_promised_metric_is_declared_with_its_labels() -> None:
    declared = {metric.name.removeprefix(PREFIX): set(metric.labels) for metric in CATALOGUE}
    assert {name: declared.get(name) for name in PROMISED} == PROMISED


def test_each_metric_has_a_field_of_its_type() -> None:
    fields = typing.get_type_hints(Metrics)
    assert fields == {metric.name.removeprefix(PREFIX): metric.collector for metric in CATALOGUE}


@pytest.mark.parametrize("metric", CATALOGUE, ids=lambda metric: metric.name)
def test_name_tells_type_and_unit(metric: Metric) -> None:
    assert metric.name.startswith(PREFIX)
    assert metric.name.endswith("_total") == (metric.collector is Counter)
    assert metric.name.endswith("_seconds") or metric.collector is not Histogram
    assert metric.help.endswith(".")


@pytest.mark.parametrize(
    "metric", [m for m in CATALOGUE if m.collector is Histogram], ids=lambda metric: metric.name
)
def test_buckets_rise(metric: Metric) -> None:
    assert all(one < other for one, other in pairwise(metric.buckets))


@pytest.mark.parametrize(
    ("name", "edges"), [("webhook_accept_seconds", {1, 5}), ("end_to_end_seconds", {60, 300})]
)
def test_buckets_have_an_edge_on_each_objective(name: str, edges: set[float]) -> None:
    metric = next(metric for metric in CATALOGUE if metric.name == PREFIX + name)
    assert edges <= set(metric.buckets)


@pytest.mark.parametrize("role", Role)
def test_process_exposes_what_its_role_emits_and_no_more(role: Role) -> None:
    text = exposed(role, KNOWN)
    told = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    assert told == {metric.name for metric in CATALOGUE if role in metric.roles}


def test_each_metric_is_emitted_by_some_role() -> None:
    assert [metric.name for metric in CATALOGUE if not metric.roles] == []


def test_counters_start_at_zero_for_every_combination() -> None:
    """A series that first appears at 1 has no increase, so its alert would stay silent."""
    text = exposed(Role.WORKER, KNOWN)
    for outcome in MessageOutcome:
        assert f'sluice_messages_total{{kind="centra.order",outcome="{outcome}"}} 0.0' in text
    assert "sluice_lane_repairs_total 0.0" in text


def test_gauges_do_not_pretend_to_know() -> None:
    assert "sluice_messages{" not in exposed(Role.EXPORTER, {**KNOWN, "destination": ["sage200:main"]})


def test_no_created_series() -> None:
    assert "_created" not in exposed(Role.WORKER, KNOWN)


def test_two_sets_do_not_share_a_count() -> None:
    one, other = CollectorRegistry(), CollectorRegistry()
    make_metrics(one, Role.API).wakes_lost_total.inc()
    make_metrics(other, Role.API)
    assert other.get_sample_value("sluice_wakes_lost_total") == 0


def test_words_are_those_of_the_domain() -> None:
    assert values(OpenState) == values(MessageState) - {MessageState.DONE}
    assert values(Result) <= values(MessageOutcome)
    assert values(Owner) == values(CaseOwner)
    assert all(str(reason) in ForgedError.__doc__ for reason in Forgery)


def test_version_is_the_projects() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert project["project"]["version"] == VERSION


def test_build_is_told_by_every_role() -> None:
    assert all(f'version="{VERSION}"' in exposed(role) for role in Role)


def test_gauge_and_counter_of_nearly_one_name_live_in_different_roles() -> None:
    """`sluice_messages` and `sluice_messages_total` are one family in OpenMetrics."""
    counters = {m.name.removesuffix("_total"): m.roles for m in CATALOGUE if m.collector is Counter}
    gauges = {m.name: m.roles for m in CATALOGUE if m.collector is Gauge}
    assert [name for name in counters.keys() & gauges.keys() if counters[name] & gauges[name]] == []
