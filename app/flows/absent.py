"""What was sent, got no answer and is not there yet."""

from app.domain.message import Claimed, InDoubt
from app.flows.context import Context

PROBES_LEAST = 5
"""No wait between two looks is longer than this share of the quarantine."""


def absent(ctx: Context, message: Claimed) -> InDoubt:
    """Absent once proves nothing: the server may still be writing. Absent throughout the quarantine does."""
    elapsed, probes = message.waited, message.probes + 1
    if elapsed >= ctx.pace.quarantine and probes >= ctx.pace.probes:
        return InDoubt("absent throughout the quarantine: it may be sent again", 0.0, resend=True)
    longest = max(ctx.pace.quarantine / PROBES_LEAST, ctx.pace.probe)
    wait = min(
        ctx.pace.probe * 2 ** min(probes, 10), longest, max(ctx.pace.quarantine - elapsed, ctx.pace.probe)
    )
    return InDoubt(f"not there at probe {probes}", wait)
