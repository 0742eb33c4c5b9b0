"""Which decision each failure of a call leads to (outbox.md 6.3). This table decides between loss and doubles.

| what happened | a create | a read |
| --- | --- | --- |
| no connection, DNS, TLS, no free slot in the pool, an address that is none | DestinationError: not sent | DestinationError |
| any other failure of the wire, or the deadline | InDoubtError | TransientError |
| 5xx, a redirect, 2xx that cannot be read, 408 | InDoubtError | 500: TransientError, else DestinationError |
| 403, 404 on a collection, 429 | DestinationError | DestinationError |
| any other 4xx | refused: orders.py reads the text | PermanentError |
"""

from collections.abc import Mapping
from datetime import datetime

import httpx

from app.connectors.sage200.classify import message
from app.domain.errors import DestinationError, InDoubtError, PermanentError, SluiceError, TransientError
from app.domain.pause import resume_at

NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
)
LOST = (httpx.HTTPError, httpx.InvalidURL, OSError)


def of_wire(error: Exception, *, creates: bool) -> SluiceError:
    name = type(error).__name__
    if isinstance(error, NOT_SENT):
        return DestinationError(f"Sage was not reached, nothing was sent: {name}")
    if creates:
        return InDoubtError(f"Sage gave no answer to a create: {name}")
    return TransientError(f"Sage gave no answer: {name}")


def of_create(status: int, headers: Mapping[str, str], body: bytes, now: datetime) -> SluiceError | None:
    """None: a plain refusal, whose text decides."""
    if status in {403, 404, 429}:
        return of_read(status, headers, body, now)
    if 400 <= status < 500 and status != 408:
        return None
    return InDoubtError(f"Sage answered a create with {status}: {message(body)}")


def of_read(status: int, headers: Mapping[str, str], body: bytes, now: datetime) -> SluiceError:
    text = message(body)
    if status == 429:
        return DestinationError("Sage asks for a pause (429)", resume_at(headers.get("retry-after"), now))
    if status == 403:
        return DestinationError(f"E-SAGE-FORBIDDEN: the role of Sage's API user lacks this feature: {text}")
    if status == 404:
        return DestinationError(f"Sage does not serve this path: check base_url and the Sage release: {text}")
    if 400 <= status < 500 and status != 408:
        return PermanentError("E-SAGE-REJECTED", f"Sage refused a look-up with {status}: {text}")
    if status == 500:
        return TransientError(f"Sage answered 500: {text}")
    return DestinationError(f"Sage answered {status}: {text}", resume_at(headers.get("retry-after"), now))
