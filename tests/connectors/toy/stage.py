"""The toy channel and its stall, for the conformance suite."""

import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import httpx

from app.registry import ChannelConnector
from tests.connectors.conformance import Bought, Stage
from tests.connectors.toy.connector import open_channel
from tests.connectors.toy.settings import ToySettings
from tests.connectors.toy.stall import SECRET, TOKEN, URL, Stall

TOY = ChannelConnector("toy", ToySettings, open_channel)
GIVEN = {"base_url": URL, "token": TOKEN, "secret": SECRET, "prefix": "TOY"}


def deliver(raw: bytes | None, _: datetime) -> tuple[bytes, dict[str, str]]:
    raw = json.dumps({"id": 7, "order": "4001"}).encode() if raw is None else raw
    return raw, {"x-stall-mac": hmac.digest(SECRET.encode(), raw, "sha256").hex()}


@asynccontextmanager
async def open_stage(_: Path) -> AsyncIterator[Stage]:
    stall = Stall()

    def bought(order: dict) -> Bought:
        return Bought(order["ref"], order["ref"], {line["line"]: line["units"] for line in order["lines"]})

    async def place() -> Bought:
        return bought(stall.place(("CUP-1", 2, "12.00"), ("MUG-2", 1, "9.99")))

    async def spoil() -> str:
        return stall.place(("CUP-1", 1, "about a tenner"))["ref"]

    async def ask_to_cancel(one: Bought) -> None:
        stall.ask_to_cancel(one.ref)

    async def changes() -> list:
        return list(stall.changes)

    yield Stage(
        connector=TOY,
        given=GIVEN,
        refused={**GIVEN, "token": "somebody else's token"},
        secrets=(TOKEN, SECRET),
        vendor=httpx.MockTransport(stall),
        place=place,
        spoil=spoil,
        changes=changes,
        deliver=deliver,
        ask_to_cancel=ask_to_cancel,
    )
