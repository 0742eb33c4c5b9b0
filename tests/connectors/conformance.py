"""What the conformance suite asks of a connector's twin folder: a `stage.py` with `open_stage(folder)`, which sets its vendor
up, simulated, and answers a Stage.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from app.domain.channel import Channel
from app.registry import ChannelConnector

CONNECTION = "suite"
ELSEWHERE = "https://elsewhere.example"


@dataclass(frozen=True)
class Bought:
    """An order as the vendor knows it. `lines`: units by the channel's line."""

    ref: str
    channel_id: str
    lines: Mapping[str, int]


@dataclass(frozen=True)
class Stage:
    """`given`: settings that the vendor takes; `refused`: the same with credentials that it does not. `secrets`: what must
    never be shown. `vendor`: leads to it. `place()`: somebody buys several things. `spoil()`: the ref of an order that no
    connector could put into our words. `changes()`: every change that calls made at the vendor, oldest first.
    `deliver(raw, now)`: a push as the vendor would sign it, of its own words where `raw` is None: body and headers.
    `ask_to_cancel(order)`: the buyer asks. None: the vendor knows no such thing.
    """

    connector: ChannelConnector
    given: Mapping[str, Any]
    refused: Mapping[str, Any]
    secrets: tuple[str, ...]
    vendor: httpx.AsyncBaseTransport
    place: Callable[[], Awaitable[Bought]]
    changes: Callable[[], Awaitable[list[Any]]]
    spoil: Callable[[], Awaitable[str]]
    deliver: Callable[[bytes | None, datetime], tuple[bytes, dict[str, str]]] | None = None
    ask_to_cancel: Callable[[Bought], Awaitable[None]] | None = None


class Wire(httpx.AsyncBaseTransport):
    """Between connector and vendor. `answer`: what is answered instead, if anything. `misled`: whatever names the vendor's
    host names another one.
    """

    def __init__(self, stage: Stage) -> None:
        self.vendor = stage.vendor
        self.home = httpx.URL(str(stage.given["base_url"]))
        self.asked: list[httpx.Request] = []
        self.answer: Callable[[httpx.Request], Awaitable[httpx.Response]] | None = None
        self.misled = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if self.answer is not None:
            return await self.answer(request)
        reply = await self.vendor.handle_async_request(request)
        if not self.misled:
            return reply
        here = f"{self.home.scheme}://{self.home.netloc.decode()}"
        body = (await reply.aread()).replace(here.encode(), ELSEWHERE.encode())
        kept = {name: reply.headers[name] for name in ("content-type",) if name in reply.headers}
        return httpx.Response(reply.status_code, headers=kept, content=body)

    @property
    def strangers(self) -> set[str]:
        """Hosts that were asked and are not the vendor's."""
        return {one.url.host for one in self.asked} - {self.home.host}


def utc_now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def connected(
    stage: Stage, wire: httpx.AsyncBaseTransport, given: Mapping[str, Any] | None = None, **changes: Any
) -> AsyncIterator[Channel]:
    settings = stage.connector.settings.model_validate({**(given or stage.given), **changes})
    async with stage.connector.open(CONNECTION, settings, utc_now, transport=wire) as channel:
        yield channel
