"""What it takes to believe that a send without an answer came to nothing (R-25)."""

from app.domain.message import Claimed, InDoubt
from app.flows.context import Context

PROBES_LEAST = 5
"""No wait between two looks is longer than this share of the quarantine."""


def absent(ctx: Context, message: Claimed) -> InDoubt:
    """Absent once proves nothing: the server may still be writing. Absent throughout the quarantine does."""
    elapsed, probes, pace = message.waited, message.probes + 1, ctx.pace
    if elapsed >= pace.quarantine and probes >= pace.probes:
        return InDoubt("absent throughout the quarantine: it may be sent again", 0.0, resend=True)
    longest = max(pace.quarantine / PROBES_LEAST, pace.probe)
    wait = min(pace.probe * 2 ** min(probes, 10), longest, max(pace.quarantine - elapsed, pace.probe))
    return InDoubt(f"not there at probe {probes}", wait)
