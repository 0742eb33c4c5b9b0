"""Sage despatches an order of the web shop: Centra has the shipment, the money and the tracking, once each."""

from decimal import Decimal

import pytest

from tests.stories.town import until

TRACKING = "01550123456789"
GOOD = {"courier": "DPD Local Next Day", "consignment_no": TRACKING}


@pytest.fixture
async def shop(build_town):
    async with build_town(POLL_SECONDS="0.3") as town:
        yield town


async def despatch(town, order, **note) -> dict:
    return await town.people("sage200/despatch", order=f"CEN-{order['number']}", **{**GOOD, **note})


async def shown(town, order) -> dict:
    """As Centra holds it now."""
    return (await town.sandbox.client.get(f"/_sandbox/people/centra/orders/{order['number']}")).json()


async def shipments(town, order) -> list[dict]:
    return (await shown(town, order))["shipments"]


async def money(town, order) -> Decimal:
    """What was captured of it."""
    return sum((Decimal(one["reserved"] or 0) for one in await shipments(town, order)), Decimal(0))


async def mails(town) -> list[dict]:
    rows = await town.sandbox.history()
    return [
        changed["after"]
        for row in rows
        for changed in row["changed"]
        if changed["entity"] == "centra.mail" and changed["after"].get("tracking")
    ]


async def shipped(town, order) -> None:
    async def done() -> bool:
        return (await shown(town, order))["status"] == "SHIPPED"

    await until(done)


@pytest.mark.requirement("R-50")
async def test_a_despatch_in_sage_becomes_a_shipment_with_money_and_tracking(shop):
    order = await shop.place(*shop.skus[:2], shipping="4.95")
    await shop.posted(order)
    await despatch(shop, order)
    await shipped(shop, order)
    (shipment,) = await shipments(shop, order)
    assert (shipment["info"]["trackingNumber"], shipment["info"]["carrier"]) == (TRACKING, "dpd")
    assert await money(shop, order) == Decimal(order["figures"]["grand_total"])
    assert [one["tracking"] for one in await mails(shop)] == [TRACKING]


@pytest.mark.requirement("RC-25")
@pytest.mark.requirement("R-49")
async def test_split_shipments_capture_the_order_once_and_mail_once_each(shop):
    await shop.sandbox.switch(centra__mail_on_create="always")
    order = await shop.place(*shop.skus[:3], shipping="4.95")
    await shop.posted(order)
    for place, sku in enumerate(shop.skus[:3]):
        note = {"lines": [{"sku": sku, "quantity": 1}], "consignment_no": f"0155012345678{place}"}
        await despatch(shop, order, **note)
    await shipped(shop, order)
    assert len(await shipments(shop, order)) == 3
    assert await money(shop, order) == Decimal(order["figures"]["grand_total"])
    assert len({one["tracking"] for one in await mails(shop)}) == len(await mails(shop)) == 3


@pytest.mark.requirement("R-50")
async def test_a_capture_that_fails_is_finances_and_never_ships_twice(shop):
    order = await shop.place(shop.skus[0])
    await shop.posted(order)
    await shop.people(f"centra/orders/{order['number']}/psp", declines=1)
    await despatch(shop, order)

    async def parked() -> bool:
        return await shop.cases() == ["E-CAPTURE-FAILED"]

    await until(parked)
    assert len(await shipments(shop, order)) == 1
    headers = await shop.headers()
    case = await shop.pool.fetchval("SELECT id FROM exception_case WHERE closed_at IS NULL")
    url = f"/api/v1/exceptions/{case}/retry"
    answer = await shop.api.post(url, json={"reason": "the bank says yes now"}, headers=headers)
    assert answer.is_success, answer.text
    await shipped(shop, order)
    assert len(await shipments(shop, order)) == 1


@pytest.mark.parametrize("fault", ["commit_then_drop", "reset"])
@pytest.mark.requirement("R-50")
async def test_an_answer_that_is_lost_makes_no_second_shipment(shop, fault):
    order = await shop.place(*shop.skus[:2])
    await shop.posted(order)
    await shop.sandbox.faults(
        {"kind": fault, "system": "centra", "path": "graphql", "probability": 0.3, "times": 4}
    )
    await despatch(shop, order)
    await shipped(shop, order)
    assert len(await shipments(shop, order)) == 1
    assert len(await mails(shop)) == 1
