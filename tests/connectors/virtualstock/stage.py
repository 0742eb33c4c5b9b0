"""Virtualstock and its simulation, for the conformance suite."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import httpx

from app.registry import CONNECTORS
from tests.connectors.conformance import Bought, Stage
from tests.sandbox.conftest import running_sandbox
from tests.sandbox.virtualstock.conftest import LOGIN, RETAILERS, open_edge

PUSHER = ("virtualstock", "a password of the pusher")


@asynccontextmanager
async def open_stage(folder: Path) -> AsyncIterator[Stage]:
    async with running_sandbox(folder) as sandbox, httpx.AsyncHTTPTransport() as vendor:
        edge = await open_edge(sandbox)

        async def place() -> Bought:
            order = await edge.place("ARG", (2, 1))
            lines = {line["line_reference"]: line["quantity"] for line in order["lines"]}
            return Bought(f"ARG-{order['order_reference']}", str(order["id"]), lines)

        async def spoil() -> str:
            return f"ARG-{(await edge.place('ARG', currency_code='gbp'))['order_reference']}"

        async def changes() -> list:
            rows = await sandbox.history()
            ours = [row for row in rows if row["system"] == "virtualstock" and "/token" not in row["path"]]
            return [row for row in ours if row["changed"]]

        async def ask_to_cancel(order: Bought) -> None:
            await edge.people(f"/orders/{order.channel_id}/cancel-request")

        given = {
            "base_url": f"{sandbox.url}/virtualstock",
            **LOGIN,
            "prefix": "VS",
            "retailers": RETAILERS,
            "push_username": PUSHER[0],
            "push_password": PUSHER[1],
            "page_size": 2,
        }
        yield Stage(
            connector=next(one for one in CONNECTORS if one.name == "virtualstock"),
            given=given,
            refused={**given, "password": "somebody else's password"},
            secrets=(LOGIN["password"], PUSHER[1]),
            vendor=vendor,
            place=place,
            spoil=spoil,
            changes=changes,
            deliver=deliver,
            ask_to_cancel=ask_to_cancel,
        )


def deliver(raw: bytes | None, _: datetime) -> tuple[bytes, dict[str, str]]:
    raw = json.dumps({"event_id": "e1", "event": "order.created"}).encode() if raw is None else raw
    token = base64.b64encode(":".join(PUSHER).encode()).decode()
    return raw, {"authorization": f"Basic {token}"}
