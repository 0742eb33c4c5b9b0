"""Centra's webhook: the signature over the raw bytes first, what they say second (centra.md 1.3-1.5)."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

import simplejson
from pydantic import ValidationError

from app.connectors.centra.notices import KNOWN_TYPES, notice, unreadable
from app.connectors.centra.payloads import HookEvent, read_json, storable
from app.domain.errors import ForgedError, MalformedError
from app.domain.message import Draft

CONTENT_TYPE = "application/x-www-form-urlencoded"

_EVENTS_MOST = 1000  # Centra sends 100 unless told otherwise
_FIELDS = ("type", "action", "id", "date")
_SPELL = simplejson.JSONEncoder(use_decimal=True, sort_keys=True).encode
_SECONDS = re.compile(r"[0-9]{1,12}")
_MAC = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Hook:
    """`secrets` as typed in Centra; any one of them may have signed."""

    connection: str
    secrets: tuple[bytes, ...] = field(repr=False)
    tolerance_seconds: int = 300


def receive(raw: bytes, headers: Mapping[str, str], now: datetime, *, hook: Hook) -> tuple[Draft, ...]:
    """One draft for each distinct event. An event that cannot be read is parked beside the ones that can."""
    verify(raw, headers.get("x-centra-signature"), now, hook)
    drafts = {draft.key: draft for draft in (_draft(event, hook.connection) for event in _events(raw))}
    if all(draft.park for draft in drafts.values()):
        raise MalformedError("no event in it can be read")
    return tuple(drafts.values())


def verify(raw: bytes, header: str | None, now: datetime, hook: Hook) -> None:
    """Raises ForgedError. Every secret is tried, so that the time taken does not tell which one fits."""
    if header is None:
        raise ForgedError("missing")
    seconds, mac = _parse(header)
    signed = seconds.encode() + b"." + raw
    given = mac.encode()
    fits = [
        hmac.compare_digest(hmac.digest(secret, signed, "sha256").hex().encode(), given)
        for secret in hook.secrets
    ]
    if not any(fits):
        raise ForgedError("mismatch")
    if abs(now.timestamp() - int(seconds)) > hook.tolerance_seconds:
        raise ForgedError("stale")


def _parse(header: str) -> tuple[str, str]:
    fields: dict[str, str] = {}
    for part in header.split(","):
        name, equals, value = part.strip().partition("=")
        if not equals or name in fields:
            raise ForgedError("malformed")
        fields[name] = value
    seconds, mac = fields.get("t", ""), fields.get("v1", "")
    if not _SECONDS.fullmatch(seconds) or not _MAC.fullmatch(mac):
        raise ForgedError("malformed")
    return seconds, mac


def _events(raw: bytes) -> list[Any]:
    try:
        # A form decoder, because Centra's spaces may be "+" as well as "%20".
        form = parse_qs(raw.decode("ascii"), keep_blank_values=True, max_num_fields=16, errors="replace")
        payload = read_json(form["payload"][0])
    except (ValueError, KeyError) as error:
        raise MalformedError(f"no payload that is JSON: {type(error).__name__}") from None
    events = payload.get("events") if isinstance(payload, dict) else None
    if len(form["payload"]) > 1 or not isinstance(events, list) or not 0 < len(events) <= _EVENTS_MOST:
        raise MalformedError("no list of events")
    return events


def _draft(event: Any, connection: str) -> Draft:
    fields = {name: event.get(name) for name in _FIELDS} if isinstance(event, dict) else {}
    clean = {name: storable(value) if isinstance(value, str) else value for name, value in fields.items()}
    try:
        read = HookEvent.model_validate(clean)
    except ValidationError as error:
        wrong = ", ".join(sorted({str(e["loc"][0]) for e in error.errors()}))
        return unreadable(connection, _key(_spell(event)), wrong, _spell(event))
    if read.type in KNOWN_TYPES and not isinstance(read.id, int):
        return unreadable(connection, _key(_spell(event)), "id", _spell(event))
    # The key comes from the text as it was sent: made storable first, two events could become one.
    key = _key(_spell(fields))
    body = {**read.model_dump(), "via": "webhook"}
    return notice(connection, key, body, raw=_spell(event) if clean != fields else None)


def _spell(value: Any) -> bytes:
    """The event's own JSON, escaped: nothing of it is lost, and it is the same in whatever body it comes again."""
    return _SPELL(value).encode("ascii")


def _key(spelt: bytes) -> str:
    return f"webhook/{hashlib.sha256(spelt).hexdigest()[:32]}"
