"""Pure decisions: errors, documents and times."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from app.domain.errors import (
    DestinationError,
    ForgedError,
    InDoubtError,
    PermanentError,
    SnoozeError,
    TransientError,
)
from app.domain.message import InDoubt, Owner, Park, Retry, Sick, Snooze, Violation
from app.flows.adopt import Adopt, judge
from app.flows.context import Pace
from app.flows.flow import FencedError, Lease
from app.flows.upstream import outcome_of
from app.flows.verdicts import owner_of, verdict_of
from app.outbox.verdict import Rules, exhausted, rest
from tests.domain.shop import line, make_order, plan_order
from tests.flows.stage import document_of

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
PLANNED = plan_order(make_order(line("TEE", "24.00"), gross="24.00", tax="4.00"))
ROW = {
    "ticket": 5,
    "lanes": ["sku:TEE"],
    "entered": True,
    "attempts": 1,
    "due_at": NOW,
    "failed_since": None,
    "locked_since": None,
    "doubt_since": None,
    "waited": 0.0,
    "probes": 0,
    "send_begun": False,
}
GONE = Park((Violation("E-DUP-EXISTING", "key", "SO1, SO2", "cancel one"),))


@pytest.mark.parametrize(
    ("error", "verdict", "outcome"),
    [
        (PermanentError("E-X", "no"), Park, "client_error"),
        (SnoozeError("locked", 5), Snooze, "locked"),
        (InDoubtError("timeout"), InDoubt, "timeout"),
        (DestinationError("429", NOW), Sick, "throttled"),
        (DestinationError("refused"), Sick, "connect_error"),
        (TransientError("500"), Retry, "server_error"),
        (FencedError("late"), Retry, "server_error"),
        (ForgedError("missing"), Retry, "server_error"),
    ],
)
def test_class_of_an_error_is_its_verdict(error, verdict, outcome) -> None:
    assert (type(verdict_of(error, Pace())), outcome_of(error)) == (verdict, outcome)


@pytest.mark.parametrize(
    ("code", "owner"),
    [
        ("E-VAT-MISMATCH", Owner.FINANCE),
        ("E-CUST-ONHOLD", Owner.FINANCE),
        ("E-SAGE-INVALID", Owner.OPERATIONS),
    ],
)
def test_case_goes_to_who_can_mend_it(code, owner) -> None:
    assert owner_of(code) is owner


def test_nothing_found_is_no_verdict() -> None:
    assert judge((), PLANNED, b"new", None) is None


def test_document_that_we_sent_is_adopted_with_what_was_sent() -> None:
    document = document_of(PLANNED, 7)
    assert judge((document,), None, b"new", b"sent") == Adopt(document, b"sent")


def test_document_that_nobody_remembers_is_adopted_only_by_its_content() -> None:
    document = document_of(PLANNED, 7)
    assert judge((document,), PLANNED, b"new", None) == Adopt(document, b"new")
    assert judge((document,), None, b"new", None).code == "E-DUP-CONTENT"


@pytest.mark.parametrize(("left", "fenced"), [(61, False), (60, False), (59, True), (-5, True)])
def test_request_must_fit_into_the_lease(left, fenced) -> None:
    lease = Lease(NOW + timedelta(seconds=left))
    if fenced:
        with pytest.raises(FencedError):
            lease.check(NOW, 60)
    else:
        lease.check(NOW, 60)


def rules(**more) -> Rules:
    return Rules(NOW, random.Random(1), **more)


@pytest.mark.parametrize(("attempts", "least", "most"), [(1, 0.5, 1), (2, 1, 2), (5, 8, 16), (50, 150, 300)])
def test_wait_doubles_with_jitter_up_to_its_bound(attempts, least, most) -> None:
    waits = [rules().wait(attempts) for _ in range(100)]
    assert least <= min(waits) <= max(waits) <= most


@pytest.mark.parametrize(("seconds", "leaves"), [(30, False), (31, True)])
def test_head_that_outstays_its_patience_leaves(seconds, leaves) -> None:
    assert rest(ROW, Retry("500", seconds), rules()).leaves is leaves


def test_blind_retry_after_a_send_is_a_question() -> None:
    assert rest({**ROW, "send_begun": True}, Retry("defect", blind=True), rules()).state == "in_doubt"
    assert rest({**ROW, "send_begun": True}, Retry("refused"), rules()).state == "ready"
    assert rest(ROW, Retry("defect", blind=True), rules()).state == "ready"


@pytest.mark.parametrize(("there", "kept"), [(None, True), (True, True), (False, False)])
def test_park_keeps_a_question_that_it_did_not_answer(there, kept) -> None:
    doubtful = {**ROW, "doubt_since": NOW, "probes": 3, "send_begun": True}
    parked = rest(doubtful, Park(GONE.violations, there=there), rules())
    assert (parked.doubt_since is not None, parked.send_begun) == (kept, kept)


@pytest.mark.parametrize(("attempts", "hours", "tired"), [(199, 23.9, False), (200, 0, True), (1, 24, True)])
def test_trying_ends_after_so_many_attempts_or_hours(attempts, hours, tired) -> None:
    violation = exhausted(attempts, NOW - timedelta(hours=hours), rules(), (200, 24.0))
    assert (violation is not None) is tired
