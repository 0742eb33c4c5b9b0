"""How Centra writes and reads moments. Inside everything is UTC, ISO, with microseconds."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

RELATIVE = re.compile(r"([+-]?\d+) (second|minute|hour|day|week)s?", re.ASCII)


def keep(moment: datetime) -> str:
    """Sortable text for documents: always UTC, always with microseconds."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def show(kept: str, zone: ZoneInfo) -> str:
    """`2026-03-02T10:14:07+01:00`: whole seconds, with the instance's offset."""
    return datetime.fromisoformat(kept).astimezone(zone).isoformat(timespec="seconds")


def show_webhook(kept: str, zone: ZoneInfo) -> str:
    """`2026-03-02 10:14:07.118204`: the instance's local time, and no zone to tell."""
    return datetime.fromisoformat(kept).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S.%f")


def read(text: str, zone: ZoneInfo, now: datetime) -> str:
    """To the kept form. Zoneless input is in the instance's zone. Raises ValueError."""
    if text == "now":
        return keep(now)
    relative = RELATIVE.fullmatch(text)
    if relative is not None:
        return keep(now + timedelta(**{f"{relative[2]}s": int(relative[1])}))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f'Failed to parse time string "{text}".') from None
    return keep(moment if moment.tzinfo is not None else moment.replace(tzinfo=zone))
