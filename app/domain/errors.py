"""Errors are decisions: the class says what happens next.

SluiceError
├── PermanentError   park: a person must act
├── TransientError   retry, the attempt counts
│   └── DestinationError   the whole destination is ill: nothing of it is attempted for a while
├── SnoozeError      later, for free (closed, a fact not there yet)
│   └── LockedError   a person has the record open: soon, then seldom, for ever
├── InDoubtError     sent, no definite answer: probe, never repeat blindly
├── ForgedError      not from whom it says: 401
└── MalformedError   authentic but unreadable: stored, parked
"""

from datetime import datetime


class SluiceError(Exception):
    """Base of every error that carries a decision."""


class PermanentError(SluiceError):
    """Parks the message under `code`; `detail` is for a person and holds no personal data. `need`: the mapping table whose
    row would mend it.
    """

    def __init__(self, code: str, detail: str, need: str | None = None) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.need = need


class TransientError(SluiceError):
    """Failed in passing; the outbox retries with backoff."""


class DestinationError(TransientError):
    """Nothing can be done at this destination now; `resume_at` (UTC) when it told us."""

    def __init__(self, detail: str, resume_at: datetime | None = None) -> None:
        super().__init__(detail)
        self.resume_at = resume_at


class SnoozeError(SluiceError):
    """Not now, and nobody's fault: `seconds` until the next look, no attempt counted."""

    def __init__(self, reason: str, seconds: float) -> None:
        super().__init__(reason)
        self.reason = reason
        self.seconds = seconds


class LockedError(SnoozeError):
    """Refused whole, since somebody has the record open; `reason` holds what was said of whom. When to look again is decided
    where it is settled.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason, 0.0)


class InDoubtError(SluiceError):
    """The request may have taken effect."""


class ForgedError(SluiceError):
    """`reason` is one of: missing, malformed, mismatch, stale."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class MalformedError(SluiceError):
    """Authentic bytes that we cannot read."""
