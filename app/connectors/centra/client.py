"""One request to Centra, and what became of it. Nothing is repeated here: the outbox does that."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx
from pydantic import ValidationError

from app.connectors.centra.documents import Document
from app.connectors.centra.payloads import Complaint, Envelope, MutationPayload, read_json
from app.domain.channel import Meter
from app.domain.errors import DestinationError, PermanentError, SluiceError, TransientError
from app.domain.pause import resume_at

REPLY_MOST = 32 * 1024 * 1024


class NotPermittedError(DestinationError):
    """The token is good and may not do this."""


@dataclass(frozen=True, slots=True)
class Client:
    """`http` carries the token. `seconds`: for one request as a whole."""

    http: httpx.AsyncClient
    url: str
    clock: Callable[[], datetime]
    seconds: float
    meter: Meter = field(default_factory=Meter)


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes


async def query(client: Client, document: Document, variables: Mapping[str, Any]) -> dict[str, Any]:
    """`data` of the answer. Raises DestinationError, TransientError or PermanentError(E-CENTRA-QUERY)."""
    reply = await _post(client, document, variables)
    if error := _refusal(reply, client.clock()):
        raise error
    return _data(reply)


async def mutate(client: Client, document: Document, variables: Mapping[str, Any]) -> tuple[str, ...]:
    """For a document with one mutation that may be repeated; its warnings. Raises as `perform` does."""
    payload = await perform(client, document, variables)
    return tuple(warning.message for warning in MutationPayload.model_validate(payload).user_warnings)


async def perform(client: Client, document: Document, variables: Mapping[str, Any]) -> dict[str, Any]:
    """The payload of a document with one mutation. Raises as `query` does, and PermanentError(E-CENTRA-REFUSED) for
    userErrors, which come with status 200 (centra.md 2.2).
    """
    data = await query(client, document, variables)
    answer = next(iter(data.values()), None)
    try:
        payload = MutationPayload.model_validate(answer)
    except ValidationError as error:
        raise TransientError(f"{document.name} was answered without userErrors and userWarnings") from error
    if payload.user_errors:
        raise PermanentError("E-CENTRA-REFUSED", f"{document.name}: {_sentences(payload.user_errors)}")
    return dict(answer or {})


async def _post(client: Client, document: Document, variables: Mapping[str, Any]) -> Reply:
    client.meter.asked += 1
    content = {"query": document.text, "variables": variables, "operationName": document.name}
    try:
        async with (
            asyncio.timeout(client.seconds),
            client.http.stream("POST", client.url, json=content) as response,
        ):
            return Reply(response.status_code, response.headers, await _read(response))
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
        raise DestinationError(f"Centra cannot be reached: {error}") from error
    except (httpx.RequestError, TimeoutError) as error:
        raise TransientError(f"no whole answer from Centra: {type(error).__name__}") from error


async def _read(response: httpx.Response) -> bytes:
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > REPLY_MOST:
            raise PermanentError(
                "E-CENTRA-QUERY", f"the answer is longer than {REPLY_MOST} bytes: ask for less"
            )
    return bytes(body)


def _refusal(reply: Reply, now: datetime) -> SluiceError | None:
    """What a status alone says; 400 and 422 may still explain themselves in `errors`."""
    status = reply.status
    if status == 429:
        return DestinationError("Centra's quota is used up", resume_at(reply.headers.get("retry-after"), now))
    if status in {401, 403}:
        why = _explain(reply) or "expired, revoked or without permission"
        refusal = NotPermittedError if status == 403 else DestinationError
        return refusal(f"Centra refuses the token (HTTP {status}): {why}")
    if 200 <= status < 300 or status in {400, 422}:
        return None
    return DestinationError(f"Centra answers HTTP {status}")


def _explain(reply: Reply) -> str:
    """What a refusal says of itself, if it says it in GraphQL's way."""
    try:
        return _sentences(Envelope.model_validate(read_json(reply.body)).errors)
    except ValueError:
        return ""


def _data(reply: Reply) -> dict[str, Any]:
    try:
        envelope = Envelope.model_validate(read_json(reply.body))
    except ValueError as error:
        raise DestinationError(
            f"HTTP {reply.status} from Centra with a body that is no GraphQL answer"
        ) from error
    if envelope.errors:
        raise _complaint(envelope.errors)
    if envelope.data is None:
        raise PermanentError("E-CENTRA-QUERY", f"HTTP {reply.status} with neither data nor errors")
    return envelope.data


def _complaint(errors: Sequence[Complaint]) -> SluiceError:
    """A missing permission is everybody's: the queue holds until the token is mended (R-86)."""
    categories = {str((error.extensions or {}).get("category", "")) for error in errors}
    if "authentication" in categories:
        return DestinationError(f"Centra refuses the token: {_sentences(errors)}")
    if "authorization" in categories:
        return NotPermittedError(f"Centra refuses the token: {_sentences(errors)}")
    if categories == {"internal"}:
        return TransientError(f"Centra failed inside: {_sentences(errors)}")
    return PermanentError("E-CENTRA-QUERY", _sentences(errors))


def _sentences(complaints: Sequence[Complaint]) -> str:
    return "; ".join(complaint.message for complaint in complaints)[:300]
