"""One table: what an error class means for the message that met it."""

from app.domain.errors import (
    DestinationError,
    InDoubtError,
    LockedError,
    MalformedError,
    PermanentError,
    SluiceError,
    SnoozeError,
    TransientError,
)
from app.domain.message import InDoubt, Owner, Park, Retry, Sick, Snooze, Violation
from app.flows.context import Pace
from app.flows.flow import FencedError

_FINANCE = ("E-VAT", "E-NOMINAL", "E-CUST", "E-TOTAL", "E-CCY", "E-CAPTURE", "E-PRICE")


def owner_of(code: str) -> Owner:
    return Owner.FINANCE if code.startswith(_FINANCE) else Owner.OPERATIONS


def verdict_of(error: SluiceError, pace: Pace) -> Park | Snooze | Sick | InDoubt | Retry:
    """DestinationError is a TransientError, so it is asked first. Our own fences are no illness of the destination."""
    if isinstance(error, PermanentError):
        fix = (
            f"say in {error.need} what it means" if error.need else "correct it where it is wrong, then retry"
        )
        return Park((Violation(error.code, "", error.detail, fix, owner_of(error.code), error.need),))
    if isinstance(error, LockedError):
        return Snooze(error.reason, error.seconds, aside=True, locked=True)
    if isinstance(error, SnoozeError):
        return Snooze(error.reason, error.seconds, aside=True)
    if isinstance(error, InDoubtError):
        return InDoubt(str(error), pace.probe)
    if isinstance(error, DestinationError):
        return Sick(str(error), error.resume_at)
    if isinstance(error, TransientError):
        return Retry(str(error), ill=not isinstance(error, FencedError))
    if isinstance(error, MalformedError):
        fix = "teach the connector to read it, then retry"
        return Park((Violation("E-UNREADABLE", "body", str(error), fix, Owner.SRE),))
    return Retry(type(error).__name__)
