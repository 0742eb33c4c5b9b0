"""The shop's own warehouse ships: Sage has the despatch, once, with courier and tracking, whatever happens on the way."""

import pytest

from tests.stories.town import until

TRACKING = "01550123456789"
SENT = {"carrier": "dpd", "tracking": TRACKING}


@pytest.fixture
async def shop(build_town):
    """Despatches begin in Centra; its webhook tells of shipments too."""
    async with build_town(
        POLL_SECONDS="0.3", SWEEP_SECONDS="0.5", CENTRA__uk__DISPATCH_ORIGIN="channel"
    ) as town:
        yield town


async def ship(town, order, **wish) -> dict:
    return await town.people(f"centra/orders/{order['number']}/ship", **{**SENT, **wish})


async def notes(town, order) -> list[dict]:
    """Sage's despatch notes of the order now."""
    document = (await town.documents(order))[0]
    newest = {}
    for row in await town.sandbox.history():
        for changed in row["changed"]:
            if changed["entity"] == "sage200.sop_despatch":
                newest[changed["id"]] = changed["after"]
    return [note for note in newest.values() if note["sop_order_id"] == document["id"]]


async def despatched(town, order) -> float:
    """Units that Sage holds for gone."""
    return sum(
        float(line.get("despatch_receipt_quantity", 0)) for line in (await town.documents(order))[0]["lines"]
    )


async def confirmed(town, order, units: float) -> None:
    async def done() -> bool:
        open_ = await town.pool.fetchval("SELECT count(*) FROM shipped WHERE confirmed_at IS NULL")
        return await despatched(town, order) == units and not open_ and not await town.busy()

    await until(done)


@pytest.mark.requirement("R-51")
async def test_a_shipment_becomes_a_despatch_in_sage(shop):
    order = await shop.place(*shop.skus[:2])
    await shop.posted(order)
    await ship(shop, order)
    await confirmed(shop, order, 2)
    (note,) = await notes(shop, order)
    assert (note["courier_name"], note["consignment_no"]) == ("DPD Local Next Day", TRACKING)
    assert note["notes"] == f"SLUICE uk {order['number']}-1"
    assert await shop.cases() == []
