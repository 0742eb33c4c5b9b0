"""What may be pushed to us: hints about orders, which Virtualstock itself does not send, and its tracking webhook. HTTP Basic
is all that it knows (virtualstock.md 8).
"""

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import ValidationError

from app.connectors.virtualstock.notices import hint, tracking
from app.connectors.virtualstock.payloads import Push, Tracking, read_json
from app.domain.errors import ForgedError, MalformedError
from app.domain.message import Draft

CONTENT_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class Hook:
    connection: str
    username: str
    password: str = field(repr=False)


def receive(raw: bytes, headers: Mapping[str, str], _: datetime, *, hook: Hook) -> tuple[Draft, ...]:
    """Nothing that is told is believed but that something happened. Raises ForgedError, MalformedError."""
    verify(headers.get("authorization"), hook)
    try:
        told = read_json(raw)
    except ValueError:
        raise MalformedError("no JSON") from None
    if not isinstance(told, dict):
        raise MalformedError("not an object")
    try:
        if "event_id" in told:
            push = Push.model_validate(told)
            key, body = f"push/{push.event_id}", {"via": "push", "event": push.event}
            return (hint(hook.connection, key, body),)
        news = Tracking.model_validate(told)
    except ValidationError as error:
        wrong = ", ".join(sorted({str(one["loc"][0]) for one in error.errors()}))
        raise MalformedError(f"not readable: {wrong}") from None
    key = f"tracking/{news.ts}/{news.order_number}/{news.tracking_number}"
    return (tracking(hook.connection, key, {"via": "tracking", "status": news.status}),)


def verify(header: str | None, hook: Hook) -> None:
    """Raises ForgedError. Both parts are compared whatever the first one gave."""
    if header is None:
        raise ForgedError("missing")
    scheme, _, given = header.partition(" ")
    if scheme.lower() != "basic":
        raise ForgedError("malformed")
    try:
        username, colon, password = base64.b64decode(given, validate=True).partition(b":")
    except ValueError:  # binascii's own among them
        raise ForgedError("malformed") from None
    right = hmac.compare_digest(username, hook.username.encode())
    right &= hmac.compare_digest(password, hook.password.encode())
    if not colon or not right:
        raise ForgedError("mismatch")
