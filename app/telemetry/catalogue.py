"""Every metric, declared once. The house tests hold the README to `CATALOGUE`.

`Metrics` has a field for each, named as the metric is without `sluice_`. A process registers only what its role emits:
one process is one scrape target, and a counter that nobody here can raise would only mislead.
"""

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from app.telemetry.words import (
    BlockedCause,
    CaseOwner,
    DespatchDirection,
    Flow,
    Forgery,
    LaneClass,
    MessageOutcome,
    OpenState,
    ProbeResult,
    Role,
    UpstreamOutcome,
    WebhookResult,
)

PREFIX = "sluice_"
VERSION = "0.1.0"  # a house test holds it to pyproject.toml

# An edge on every objective and on the sender's time-out (5 s at Centra).
_ACCEPT = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10)
_JOURNEY = (1, 2, 5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 86400)
_LANE = (0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600)
_UPSTREAM = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60)

_API = frozenset({Role.API})
_WORKER = frozenset({Role.WORKER})
_EXPORTER = frozenset({Role.EXPORTER})
_ALL = frozenset(Role)


@dataclass(frozen=True, slots=True)
class Metric:
    """`labels`: name -> allowed values; None where configuration closes the set (connections, kinds, systems)."""

    collector: type[Counter | Gauge | Histogram]
    name: str
    help: str
    roles: frozenset[Role]
    labels: Mapping[str, type[StrEnum] | None]
    buckets: tuple[float, ...] = ()


def _counter(name: str, meaning: str, roles: frozenset[Role], **labels: type[StrEnum] | None) -> Metric:
    return Metric(Counter, PREFIX + name, meaning, roles, labels)


def _gauge(name: str, meaning: str, roles: frozenset[Role], **labels: type[StrEnum] | None) -> Metric:
    return Metric(Gauge, PREFIX + name, meaning, roles, labels)


def _histogram(
    name: str,
    meaning: str,
    roles: frozenset[Role],
    buckets: tuple[float, ...],
    **labels: type[StrEnum] | None,
) -> Metric:
    return Metric(Histogram, PREFIX + name, meaning, roles, labels, buckets)


CATALOGUE: tuple[Metric, ...] = (
    _counter("webhooks_total", "Events delivered by webhook.", _API, source=None, result=WebhookResult),
    _counter(
        "webhook_signature_failures_total", "Deliveries refused as forged.", _API, source=None, reason=Forgery
    ),
    _histogram("webhook_accept_seconds", "First byte of a webhook to its durable answer.", _API, _ACCEPT),
    _counter("wakes_lost_total", "Rings of the doorbell that Redis did not take.", _API | _WORKER),
    _counter("messages_total", "Attempts at messages.", _WORKER, kind=None, outcome=MessageOutcome),
    _histogram("end_to_end_seconds", "Receipt to effect confirmed.", _WORKER, _JOURNEY, flow=Flow),
    _histogram(
        "lane_wait_seconds", "Due to ready, behind others of a lane.", _WORKER, _LANE, **{"class": LaneClass}
    ),
    _counter("lane_steps_aside_total", "Heads that left their sku lanes to let others pass.", _WORKER),
    _counter("lane_repairs_total", "Messages that repair had to make ready; must stay 0.", _WORKER),
    _counter(
        "probe_results_total", "Looks for the effect of a request in doubt.", _WORKER, result=ProbeResult
    ),
    _histogram(
        "upstream_request_seconds",
        "One request to an outside system.",
        _WORKER,
        _UPSTREAM,
        system=None,
        operation=None,
        outcome=UpstreamOutcome,
    ),
    _gauge("upstream_budget_remaining_ratio", "Share of the quota left, 0 to 1.", _WORKER, system=None),
    _gauge("messages", "Open messages.", _EXPORTER, state=OpenState, destination=None),
    _gauge("messages_unaccounted", "Received, yet neither settled nor open; must be 0.", _EXPORTER),
    _gauge(
        "oldest_message_timestamp_seconds",
        "Receipt of the oldest open message, or the time of the look when there is none.",
        _EXPORTER,
        state=OpenState,
        destination=None,
    ),
    _gauge(
        "lanes_blocked",
        "Lanes in which others wait behind a head that is stuck.",
        _EXPORTER,
        cause=BlockedCause,
    ),
    _gauge("effects_in_doubt", "Requests whose outcome is not known yet.", _EXPORTER),
    _gauge(
        "poll_watermark_timestamp_seconds",
        "How far through the other side's history a poll is.",
        _EXPORTER,
        connection=None,
        poll=None,
    ),
    _gauge(
        "source_last_event_timestamp_seconds",
        "Newest event accepted of a connection.",
        _EXPORTER,
        connection=None,
    ),
    _gauge(
        "despatches_pending",
        "Despatches that one side has and the other lacks.",
        _EXPORTER,
        direction=DespatchDirection,
    ),
    _gauge(
        "despatches_pending_oldest_timestamp_seconds",
        "When the oldest of them was seen.",
        _EXPORTER,
        direction=DespatchDirection,
    ),
    _gauge("exceptions", "Open cases.", _EXPORTER, code=None, owner=CaseOwner),
    _gauge(
        "snapshot_last_success_timestamp_seconds",
        "The exporter's last whole look at the database.",
        _EXPORTER,
    ),
    _counter("snapshot_errors_total", "Queries of the exporter that failed.", _EXPORTER, query=None),
    _gauge("build_info", "Always 1.", _ALL, version=None, python=None),
)


@dataclass(frozen=True, slots=True)
class Metrics:
    """All collectors exist in every process; only its role's are exposed."""

    webhooks_total: Counter
    webhook_signature_failures_total: Counter
    webhook_accept_seconds: Histogram
    wakes_lost_total: Counter
    messages_total: Counter
    end_to_end_seconds: Histogram
    lane_wait_seconds: Histogram
    lane_steps_aside_total: Counter
    lane_repairs_total: Counter
    probe_results_total: Counter
    upstream_request_seconds: Histogram
    upstream_budget_remaining_ratio: Gauge
    messages: Gauge
    messages_unaccounted: Gauge
    oldest_message_timestamp_seconds: Gauge
    lanes_blocked: Gauge
    effects_in_doubt: Gauge
    poll_watermark_timestamp_seconds: Gauge
    source_last_event_timestamp_seconds: Gauge
    despatches_pending: Gauge
    despatches_pending_oldest_timestamp_seconds: Gauge
    exceptions: Gauge
    snapshot_last_success_timestamp_seconds: Gauge
    snapshot_errors_total: Counter
    build_info: Gauge


def make_metrics(
    registry: CollectorRegistry, role: Role, known: Mapping[str, Sequence[str]] | None = None
) -> Metrics:
    """`known`: the sets that configuration closes, by label name (`source`, `kind`, `system` ...). Every counter and
    histogram whose labels are all known starts at 0: a series that first appears at 1 has no increase to alert on.
    """
    without_created_series: Callable[[], None] = disable_created_metrics
    without_created_series()
    collectors: dict[str, Any] = {}
    for metric in CATALOGUE:
        collector = _build(metric)
        if metric.collector is not Gauge:
            _start_at_zero(collector, metric, known or {})
        if role in metric.roles:
            registry.register(collector)
        collectors[metric.name.removeprefix(PREFIX)] = collector
    metrics = Metrics(**collectors)
    metrics.build_info.labels(version=VERSION, python=platform.python_version()).set(1)
    return metrics


def _build(metric: Metric) -> Counter | Gauge | Histogram:
    names = tuple(metric.labels)
    if metric.collector is Histogram:
        return Histogram(metric.name, metric.help, names, buckets=metric.buckets, registry=None)
    return metric.collector(metric.name, metric.help, names, registry=None)


def _start_at_zero(
    collector: Counter | Gauge | Histogram, metric: Metric, known: Mapping[str, Sequence[str]]
) -> None:
    if not metric.labels:
        return
    for values in product(
        *(known.get(name, ()) if values is None else values for name, values in metric.labels.items())
    ):
        collector.labels(*(str(value) for value in values))
