"""Fifty people press the same button at the same moment, over fifty connections: every order is in Sage once."""

import asyncio
import re

import httpx
import pytest

from app.flows.keys import SCOPES, create
from tests.stories.conftest import build_town  # noqa: F401 - a fixture
from tests.stories.test_unmapped_value_waits_for_its_mapping import forget

CLICKS = 50
pytestmark = pytest.mark.timeout(180)


def field(page, name):
    return re.search(rf'name="{name}" value="([^"]*)"', page.text)[1]


@pytest.mark.requirement("R-82")
async def test_fifty_clicks_at_once_are_one_effect(build_town):  # noqa: F811 - a fixture
    async with build_town(SAGE200__LOOKUP_TTL_SECONDS="0.01") as town:
        sku = await forget(town, town.skus[1])
        orders = [await town.place(sku) for _ in range(5)]
        await town.heard(5)
        assert await town.cases() == ["E-SKU-UNKNOWN"] * 5
        await town.people("sage200/change_product", product=f"OLD-{sku[:12]}", code=sku)
        key = (await create(town.pool, "ann", SCOPES)).key
        limits = httpx.Limits(max_connections=CLICKS)
        url = f"{town.api.base_url}/console"
        async with httpx.AsyncClient(base_url=url, limits=limits, timeout=60) as browser:
            await browser.post("/sign-in", data={"key": key})
            group = re.search(r'href="/console(/groups/[0-9a-f]+)"', (await browser.get("/")).text)[1]
            plan = await browser.get(f"{group}/plan?act=retry")
            given = {name: field(plan, name) for name in ("token", "act", "through")}
            clicks = [
                browser.post(f"{group}/apply", data={**given, "reason": "it is back"}) for _ in range(CLICKS)
            ]
            answers = await asyncio.gather(*clicks)
        assert {answer.status_code for answer in answers} == {303}
        await town.posted(orders[-1])
        keys = [document["customer_document_no"] for document in await town.documents()]
        assert keys == [f"CEN-{order['number']}" for order in orders]
        done = await town.pool.fetchval(
            "SELECT sum(jsonb_array_length(detail -> 'messages')) FROM audit WHERE action = 'exceptions.retry'"
        )
        assert (done, await town.cases()) == (5, [])
