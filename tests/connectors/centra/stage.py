"""Centra and the simulated shop, for the conformance suite."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import httpx

from app.registry import CONNECTORS
from tests.connectors.centra.wire import SECRET, event, form, sign
from tests.connectors.conformance import Bought, Stage
from tests.sandbox.centra.conftest import TOKEN, furnish
from tests.sandbox.conftest import running_sandbox


@asynccontextmanager
async def open_stage(folder: Path) -> AsyncIterator[Stage]:
    async with running_sandbox(folder) as sandbox, httpx.AsyncHTTPTransport() as vendor:
        shop = await furnish(sandbox)

        async def place() -> Bought:
            goods = [{"sku": shop.articles[at]["sku"], "quantity": 2 - at} for at in (0, 1)]
            order = await shop.place(*goods, shipping="4.95", vouchers=[{"percent": 10}])
            lines = {str(line["id"]): line["quantity"] for line in order["lines"]}
            return Bought(str(order["number"]), order["id"], lines)

        async def spoil() -> str:
            return str((await shop.place(vouchers=[{"credit": "5"}]))["number"])

        async def changes() -> list:
            told = [one for row in await shop.rows("centra") for one in row["changed"]]
            return [one for one in told if one["entity"] != "centra.answer"]  # what its rate limit counts

        given = {
            "base_url": f"{sandbox.url}/centra/graphql",
            "token": TOKEN,
            "webhook_secrets": [SECRET],
            "prefix": "CEN",
        }
        yield Stage(
            connector=next(one for one in CONNECTORS if one.name == "centra"),
            given=given,
            refused={**given, "token": "somebody-elses-token-0123456789"},
            secrets=(TOKEN, SECRET),
            vendor=vendor,
            place=place,
            spoil=spoil,
            changes=changes,
            deliver=deliver,
        )


def deliver(raw: bytes | None, now: datetime) -> tuple[bytes, dict[str, str]]:
    raw = form({"events": [event(), event(id=20418)]}) if raw is None else raw
    return raw, {"x-centra-signature": sign(raw, int(now.timestamp()))}
