"""POST /webhooks/{connector}/{connection}: authentic and stored is 202, also for a duplicate; cannot store is 503.

A bare ASGI endpoint: no model, no dependency, nothing between the bytes and the signature.
"""

import asyncio
import hashlib
import hmac
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive as Incoming
from starlette.types import Scope, Send
from structlog.typing import FilteringBoundLogger

from app.api.body import MIB, headers_of, media_type, read_body
from app.api.flood import Flood
from app.api.problems import MEDIA_TYPE, ProblemError, unavailable
from app.domain.channel import Channel
from app.domain.errors import ForgedError
from app.flows.receive import Delivery, Received, Store, receive
from app.outbox.flush import CannotStoreError
from app.telemetry.catalogue import Metrics
from app.telemetry.words import WebhookResult

PATH = "/webhooks/{connector}/{connection}"
LIMIT = MIB
UNKNOWN = "unknown"
# One body for every forgery, whatever was wrong with it: it teaches nothing.
FORGED = (
    b'{"type": "/problems/unauthorized", "title": "The credentials are missing or wrong", "status": 401, '
    b'"detail": "The signature is missing or wrong", "code": "unauthorized", "errors": []}'
)


@dataclass(frozen=True, slots=True)
class Intake:
    """`channels`: by destination. `ring` is called after the answer; it neither waits nor raises. `networks`: of whom
    deliveries are taken, none means anybody; a signature is needed all the same.
    """

    channels: Mapping[str, Channel]
    store: Store
    ring: Callable[[], Awaitable[None]]
    metrics: Metrics
    log: FilteringBoundLogger
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    flood: Flood = field(default_factory=Flood)
    seconds: float = 2.0
    networks: tuple[IPv4Network | IPv6Network, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What to say, and what to say of it in the metrics and the log."""

    response: Response
    result: WebhookResult
    received: Received | None = None
    reason: str = ""
    error: Exception | None = None


class Webhooks:
    """Finds its Intake in `app.state.sluice`, as the other routes do."""

    async def __call__(self, scope: Scope, incoming: Incoming, send: Send) -> None:
        intake: Intake = scope["app"].state.sluice.intake
        began = intake.monotonic()
        path = scope["path_params"]
        channel = intake.channels.get(f"{path['connector']}:{path['connection']}")
        try:
            answer = await decide(intake, channel, scope, incoming)
        except ClientDisconnect:
            return
        seconds = intake.monotonic() - began
        await answer.response(scope, incoming, send)
        if answer.received and len(answer.received.ids) > answer.received.duplicates:
            await intake.ring()
        source = channel.connection if channel else UNKNOWN
        count(intake.metrics, source, answer, seconds)
        if answer.response.status_code != 429:
            intake.log.info("webhook.received", **said(source, scope, answer), seconds=round(seconds, 4))


async def decide(intake: Intake, channel: Channel | None, scope: Scope, incoming: Incoming) -> Answer:
    try:
        async with asyncio.timeout(intake.seconds):
            received = await take(intake, channel, scope, incoming)
    except ForgedError as forged:
        return refuse(intake, scope, forged)
    except ProblemError as problem:
        return turn_away(intake, scope, problem)
    except CannotStoreError as error:
        result = WebhookResult.OVERLOADED if error.reason == "overloaded" else WebhookResult.ERROR
        return Answer(unavailable().response(scope), result, reason=str(error))
    except ClientDisconnect:
        raise
    except Exception as error:  # noqa: BLE001 - the deadline, or our own fault: the sender must come again
        return Answer(unavailable().response(scope), WebhookResult.ERROR, error=error)
    return Answer(accepted(received), WebhookResult.ACCEPTED, received)


async def take(intake: Intake, channel: Channel | None, scope: Scope, incoming: Incoming) -> Received:
    if scope["method"] != "POST":
        raise ProblemError("method_not_allowed", headers={"allow": "POST"})
    if intake.networks and not is_within(intake.networks, address_of(scope)):
        raise ProblemError("address_not_allowed")
    headers = headers_of(scope["headers"])
    if channel is None or channel.receive is None:
        unknown(await read_body(incoming, headers, LIMIT))
        raise ProblemError("not_found")
    if channel.content_type and media_type(headers) != channel.content_type:
        raise ProblemError("unsupported_media_type", headers={"accept": channel.content_type})
    raw = await read_body(incoming, headers, LIMIT)
    return await receive(channel, channel.receive, Delivery(raw, headers, intake.now()), intake.store)


def refuse(intake: Intake, scope: Scope, forged: ForgedError) -> Answer:
    result = WebhookResult.STALE if forged.reason == "stale" else WebhookResult.BAD_SIGNATURE
    response = too_many(intake, scope) or Response(FORGED, 401, media_type=MEDIA_TYPE)
    return Answer(response, result, reason=forged.reason)


def turn_away(intake: Intake, scope: Scope, problem: ProblemError) -> Answer:
    response = problem.response(scope)
    match problem.code:
        case "not_found":
            return Answer(too_many(intake, scope) or response, WebhookResult.UNKNOWN_CONNECTION)
        case "address_not_allowed":
            return Answer(too_many(intake, scope) or response, WebhookResult.ADDRESS_NOT_ALLOWED)
        case "too_large":
            return Answer(response, WebhookResult.TOO_LARGE)
        case "unsupported_media_type":
            return Answer(response, WebhookResult.UNSUPPORTED_MEDIA)
    return Answer(response, WebhookResult.ERROR, reason=problem.code)


def too_many(intake: Intake, scope: Scope) -> Response | None:
    """The signature was looked at first: what is authentic is never limited."""
    wait = intake.flood.wait(address_of(scope), intake.monotonic())
    if not wait:
        return None
    headers = {"retry-after": str(math.ceil(wait))}
    return ProblemError("too_many_requests", headers=headers).response(scope)


def address_of(scope: Scope) -> str:
    return scope["client"][0] if scope.get("client") else ""


def is_within(networks: tuple[IPv4Network | IPv6Network, ...], text: str) -> bool:
    """An IPv4 address that came over IPv6 counts as what it is; what is no address is nowhere."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in network for network in networks)


def unknown(raw: bytes) -> None:
    """The work that a known connection would have cost, so that time does not tell which names exist."""
    hmac.compare_digest(hmac.digest(b"nobody", raw, hashlib.sha256), bytes(32))


def accepted(received: Received) -> Response:
    ids = ",".join(map(str, received.ids))
    return Response(f'{{"ids":[{ids}]}}', 202, media_type="application/json")


def count(metrics: Metrics, source: str, answer: Answer, seconds: float) -> None:
    if answer.received is None:
        metrics.webhooks_total.labels(source, answer.result).inc()
    else:
        metrics.webhook_accept_seconds.observe(seconds)
        for result, events in counted(answer.received):
            metrics.webhooks_total.labels(source, result).inc(events)
    if answer.result in {WebhookResult.BAD_SIGNATURE, WebhookResult.STALE}:
        metrics.webhook_signature_failures_total.labels(source, answer.reason).inc()


def said(source: str, scope: Scope, answer: Answer) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "source": source,
        "result": str(answer.result),
        "status": answer.response.status_code,
        "request_id": scope.get("state", {}).get("request_id", ""),
    }
    if answer.received is not None:
        fields["result"] = str(counted(answer.received)[0][0])
        fields["accepted"] = len(answer.received.ids) - answer.received.duplicates
        fields["duplicates"] = answer.received.duplicates
    if answer.reason:
        fields["reason"] = answer.reason
    if answer.error is not None:
        fields["exc_info"] = answer.error
    return fields


def counted(received: Received) -> list[tuple[WebhookResult, int]]:
    """Events by result, the gravest first; at least one entry."""
    fresh = len(received.ids) - received.duplicates
    new = WebhookResult.ACCEPTED if received.readable else WebhookResult.UNREADABLE
    events = [
        (WebhookResult.CONFLICT, received.conflicts),
        (new, fresh),
        (WebhookResult.DUPLICATE, received.duplicates - received.conflicts),
    ]
    return [one for one in events if one[1]] or [(new, 0)]
