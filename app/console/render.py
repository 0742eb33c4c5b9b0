"""Templates, and how times and ages are told."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from app.console.desk import desk_of

HERE = Path(__file__).parent
HTMX = "htmx-2.0.11.min.js"
UNITS = (("d", 86_400), ("h", 3_600), ("min", 60))


def templates(zone: ZoneInfo) -> Environment:
    """Escapes everything; a name that a page was not given is an error."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    made.filters |= {"when": partial(when, zone=zone), "age": age, "pretty": pretty, "words": words}
    return made


def when(at: datetime | str | None, zone: ZoneInfo) -> Markup:
    """`22 Nov 2026 14:02:07 GMT (14:02:07 UTC)`; text is read as ISO 8601."""
    if at is None:
        return Markup("")
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    local, utc = moment.astimezone(zone), moment.astimezone(UTC)
    day = "" if local.date() == utc.date() else f"{utc:%d %b} "
    return Markup('<time datetime="{}">{} <small>({} UTC)</small></time>').format(
        f"{utc:%Y-%m-%dT%H:%M:%SZ}", f"{local:%d %b %Y %H:%M:%S %Z}", f"{day}{utc:%H:%M:%S}"
    )


def age(at: datetime, now: datetime) -> str:
    """The two largest units: `2 h 5 min`; what is younger than a minute is so many seconds old."""
    seconds = max(0, int((now - at).total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    parts: list[str] = []
    for name, size in UNITS:
        count, seconds = divmod(seconds, size)
        if count or parts:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2])


def pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def words(text: str) -> str:
    """`by_hand` -> `by hand`."""
    return text.replace("_", " ")


def page(request: Request, name: str, context: Mapping[str, Any], status: int = 200) -> HTMLResponse:
    """`context` may hold the `visit`; pages of the door have none."""
    desk = desk_of(request)
    given = {
        "root": request.scope.get("root_path", ""),
        "visit": None,
        "now": desk.now(),
        "htmx": HTMX,
        "live": False,
        **context,
    }
    return HTMLResponse(desk.templates.get_template(name).render(given), status)
