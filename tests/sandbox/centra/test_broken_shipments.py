"""The case that makes double shipments: the caller never hears what became of a mutation."""

import httpx
import pytest

from tests.sandbox.centra.conftest import Shop
from tests.sandbox.centra.shipping import CAPTURE, COMPLETE, CREATE, create, entries, made, mails, read, why

LOST = (httpx.RemoteProtocolError, httpx.ReadError)
KINDS = (
    "drop",
    "reset",
    "commit_then_drop",
    "commit_then_504",
    "drop_then_commit",
    "status_503",
    "status_429",
)
DONE = {"commit_then_drop", "commit_then_504", "drop_then_commit"}


async def post_under(shop: Shop, kind: str, text: str, **variables: object) -> int:
    """The status that the caller sees, 0 for none."""
    await shop.sandbox.faults({"kind": kind, "system": "centra", "times": 1, "seconds": 0})
    try:
        status = (await shop.post(text, **variables)).status_code
    except LOST:
        status = 0
    await shop.sandbox.world.tasks.settle()
    return status


@pytest.mark.parametrize("kind", KINDS)
async def test_creation_is_done_once_or_not_at_all(shop: Shop, kind: str):
    order = await shop.place()
    lines = [{"orderLine": {"id": order["lines"][0]["id"]}, "quantity": 1}]
    wish = {"order": {"number": order["number"]}, "lines": lines, "capture": True}
    assert await post_under(shop, kind, CREATE, input=wish) != 200
    shown = await read(shop, order["number"])
    assert (len(shown["shipments"]), len(entries(shown))) == ((1, 1) if kind in DONE else (0, 0))
    again = await create(shop, order)
    assert (again["userErrors"] != []) is (kind in DONE)


@pytest.mark.parametrize("kind", KINDS)
async def test_repeated_capture_says_that_it_was_done(shop: Shop, kind: str):
    order = await shop.place()
    shipment = await made(shop, order)
    await post_under(shop, kind, CAPTURE, id=shipment["id"])
    again = (await shop.data(CAPTURE, id=shipment["id"]))["captureShipment"]
    if kind in DONE:
        assert "already captured" in why(again)
    assert len(entries(await read(shop, order["number"]))) == 1


@pytest.mark.parametrize("kind", KINDS)
async def test_repeated_completion_mails_once(shop: Shop, kind: str):
    shipment = await made(shop, await shop.place(), isPaid=True)
    wish = {"sendEmail": True, "shipmentInfo": {"trackingNumber": "T-1"}}
    await post_under(shop, kind, COMPLETE, id=shipment["id"], input=wish)
    again = (await shop.data(COMPLETE, id=shipment["id"], input=wish))["completeShipment"]
    if kind in DONE:
        assert "already shipped" in why(again)
    assert await mails(shop) == [(shipment["number"], "T-1")]


async def test_order_without_an_idempotency_key_is_shipped_twice_by_whoever_does_not_look(shop: Shop):
    order = await shop.place({"sku": shop.articles[0]["sku"], "quantity": 2})
    lines = [{"orderLine": {"id": order["lines"][0]["id"]}, "quantity": 1}]
    wish = {"order": {"number": order["number"]}, "lines": lines}
    await post_under(shop, "commit_then_drop", CREATE, input=wish)
    assert (await create(shop, order, (0, 1)))["userErrors"] == []
    assert len((await read(shop, order["number"]))["shipments"]) == 2
