"""A market stall sells too: its connector lives in the tests and is named once, and nothing else knows of it (R-89)."""

import json
from dataclasses import replace
from functools import partial

import httpx
import pytest

from app.registry import CONNECTORS
from tests.connectors.conformance import utc_now
from tests.connectors.toy.stage import GIVEN, TOY, deliver
from tests.connectors.toy.stall import Stall
from tests.stories.town import gross, until

ROW = {"connection": "stall", "courier": "DPD Local Next Day", "carrier": "dpd-next-day"}
pytestmark = pytest.mark.requirement("R-89")


@pytest.fixture
def stall() -> Stall:
    return Stall()


@pytest.fixture
async def market(build_town, stall):
    """Here the transport leads to the stall in memory; a real connector is named as it is."""
    toy = replace(TOY, open=partial(TOY.open, transport=httpx.MockTransport(stall)))
    given = {f"TOY__stall__{name.upper()}": value for name, value in GIVEN.items()}
    async with build_town(connectors=(*CONNECTORS, toy), POLL_SECONDS="0.2", **given) as town:
        await town.map("carriers", ROW)
        yield town


async def books(town) -> dict[str, dict]:
    """Sales orders by their key."""
    return {one["customer_document_no"]: one for one in await town.documents()}


async def reached(stall: Stall, order: dict, state: str) -> None:
    async def so() -> bool:
        return stall.orders[order["ref"]]["state"] == state

    await until(so)


async def test_an_order_of_the_stall_reaches_sage_is_accepted_and_shipped(market, stall):
    order = stall.place((market.skus[0], 2, "12.00"), (market.skus[1], 1, "9.99"))
    await reached(stall, order, "accepted")
    document = (await books(market))[f"TOY-{order['ref']}"]
    assert (str(gross(document)), order["number"]) == ("33.99", document["document_no"])
    note = {"courier": "DPD Local Next Day", "consignment_no": "01550123456789"}
    await market.people("sage200/despatch", order=f"TOY-{order['ref']}", **note)

    async def sent() -> bool:
        return bool(order["parcels"])

    await until(sent)
    (parcel,) = order["parcels"]
    assert (parcel["carrier"], parcel["tracking"]) == ("dpd-next-day", "01550123456789")
    assert parcel["lines"] == {line["line"]: line["units"] for line in order["lines"]}
    assert stall.changes == [("accept", order["ref"]), ("parcels", order["ref"])]
    assert stall.news == []
    assert await market.cases() == []


async def test_a_push_of_the_stall_and_its_list_are_one_order(market, stall):
    order = stall.place((market.skus[0], 1, "12.00"))
    raw, headers = deliver(json.dumps(stall.news[-1]).encode(), utc_now())
    headers["content-type"] = "application/json"
    answer = await market.api.post("/webhooks/toy/stall", content=raw, headers=headers)
    assert answer.status_code == 202
    forged = await market.api.post("/webhooks/toy/stall", content=raw + b" ", headers=headers)
    assert forged.status_code == 401
    await reached(stall, order, "accepted")
    await market.heard()
    assert len(await market.documents()) == 1


async def test_a_cancellation_at_the_stall_is_agreed_to_and_never_posted(market, stall):
    await market.people("sage200/tunnel", up=False)
    order = stall.place((market.skus[0], 1, "12.00"))
    stall.ask_to_cancel(order["ref"])
    await reached(stall, order, "cancelled")
    await market.people("sage200/tunnel", up=True)
    await market.heard()
    assert await market.documents() == []
