"""`Retry-After` in each of the forms that vendors send it in."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

REST_MOST = timedelta(hours=1)
"""The longest window of any quota that we know of."""
_EPOCH_FROM = 10**8  # below it, a number can only be seconds to wait


def resume_at(text: str | None, now: datetime) -> datetime | None:
    """Seconds to wait, seconds or milliseconds since 1970, an ISO time stamp, an HTTP date; None for anything else. Never
    before the next second and never more than an hour away, whatever the clocks say.
    """
    told = _when(text.strip(), now) if text else None
    return told and min(max(told, now + timedelta(seconds=1)), now + REST_MOST)


def _when(text: str, now: datetime) -> datetime | None:
    if re.fullmatch(r"[0-9]{1,13}(\.[0-9]+)?", text):
        number = int(text.split(".", maxsplit=1)[0])
        if number < _EPOCH_FROM:
            return now + timedelta(seconds=min(number, 86_400))
        return datetime.fromtimestamp(number if number < 10**11 else number // 1000, UTC)
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            at = read(text)
        except ValueError:
            continue
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    return None
