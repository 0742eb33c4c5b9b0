"""What each answer of Virtualstock means. Statuses decide and `code` where there is one, never the text, whose wrapping
differs from call to call (virtualstock.md 7).

| what happened | a write | a read |
| --- | --- | --- |
| no connection, DNS, TLS | DestinationError: not sent | DestinationError |
| any other failure of the wire, or the deadline | TransientError: read the order again before the next try | TransientError |
| 429, 401 after a new login, 403, 503 | DestinationError: nothing was done | DestinationError |
| any other 5xx | TransientError: a part may have been done | DestinationError |
| 404 | PermanentError | None: it is not there |
| 409 | SnoozeError: the product is being published | TransientError |
| any other 4xx | PermanentError with the vendor's sentence | PermanentError |
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import httpx

from app.connectors.virtualstock.payloads import read_json
from app.domain.errors import DestinationError, PermanentError, SluiceError, SnoozeError, TransientError
from app.domain.pause import resume_at

NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
LOST = (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError)
PUBLISHING_SECONDS = 180.0
SENTENCE_MOST = 300
_NOT_UNIQUE = re.compile(r"supplier.{0,20}ref.{0,60}\b(unique|already|in use|duplicate)", re.IGNORECASE)
_EXPECTED = re.compile(r"available in (\d{1,5})")


def of_wire(error: Exception) -> SluiceError:
    name = type(error).__name__
    if isinstance(error, NOT_SENT):
        return DestinationError(f"Virtualstock was not reached: {name}")
    return TransientError(f"no whole answer from Virtualstock: {name}")


def of_status(reply: httpx.Response, body: bytes, now: datetime, *, writes: bool) -> SluiceError:
    """For every status that is no success."""
    status, text = reply.status_code, explain(body)
    if status == 429:
        return DestinationError("Virtualstock asks for a pause (429)", _pause(reply.headers, text, now))
    if status in {401, 403}:
        return DestinationError(f"Virtualstock refuses the account ({status}): {text}")
    if status == 409:
        return SnoozeError(f"the product is being published: {text}", PUBLISHING_SECONDS)
    if status >= 500 and status != 503 and writes:
        return TransientError(f"Virtualstock answered a write with {status}: part of it may have been done")
    if status >= 500:
        return DestinationError(f"Virtualstock answers {status}")
    if 300 <= status < 400:
        return PermanentError("E-VS-REFUSED", f"Virtualstock redirects ({status}): check base_url")
    return refused(text or f"Virtualstock answered {status}")


def refused(text: str) -> PermanentError:
    """The one sentence that is read: it has no code of its own, and one that is not recognised parks all the same."""
    return PermanentError("E-REF-NOTUNIQUE" if _NOT_UNIQUE.search(text) else "E-VS-REFUSED", text)


def explain(body: bytes) -> str:
    """The sentence in a body of any family: bare text, JSON text, list, `detail`, fields, HTML."""
    try:
        parsed = read_json(body)
    except ValueError:
        plain = re.sub(r"<[^>]*>", " ", body.decode(errors="replace"))
        return " ".join(plain.split())[:SENTENCE_MOST]
    return "; ".join(_sentences(parsed))[:SENTENCE_MOST]


def _sentences(parsed: Any) -> list[str]:
    if isinstance(parsed, str):
        return [parsed]
    if isinstance(parsed, list):
        return [sentence for one in parsed for sentence in _sentences(one)]
    if isinstance(parsed, dict):
        told = parsed.get("detail")
        if told is not None:
            return _sentences(told)
        return [f"{name}: {sentence}" for name, value in parsed.items() for sentence in _sentences(value)]
    return [] if parsed is None else [str(parsed)]


def _pause(headers: Mapping[str, str], text: str, now: datetime) -> datetime | None:
    """From the header, or from the sentence where there is none."""
    told = headers.get("retry-after")
    if told is None and (found := _EXPECTED.search(text)):
        told = found[1]
    return resume_at(told, now)
