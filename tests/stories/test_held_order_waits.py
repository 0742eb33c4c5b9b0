"""An order on hold is seen, reserved and not posted; its release posts it once (R-32)."""

import pytest

pytestmark = pytest.mark.requirement("R-32")


@pytest.mark.parametrize("reason", ["WAITING_FOR_PAYMENT", "WAITING_FOR_FRAUD_CHECK"])
async def test_a_held_order_waits_and_its_release_posts_it_once(town, reason):
    order = await town.place(hold=reason)
    await town.heard()
    assert (await town.documents(), await town.states(order)) == ([], [])
    listed = await town.api.get("/api/v1/orders", params={"standing": "held"}, headers=await town.headers())
    assert str(order["number"]) in listed.text
    await town.amend(order, "release")
    assert len(await town.posted(order)) == 1


async def test_an_order_put_on_hold_before_it_is_posted_waits(town):
    await town.people("sage200/tunnel", up=False)
    order = await town.place()
    await town.amend(order, "hold")
    await town.people("sage200/tunnel", up=True)
    other = await town.place()
    await town.posted(other)
    assert await town.documents(order) == []
    await town.amend(order, "release")
    assert len(await town.posted(order)) == 1


async def test_an_order_of_another_store_is_none_of_ours(build_town):
    async with build_town(CENTRA__uk__STORE="1") as town:
        await town.place(store=4)
        ours = await town.place()
        await town.posted(ours)
        assert len(await town.documents()) == 1


async def test_an_order_that_nobody_confirmed_waits_and_its_confirmation_posts_it_once(town):
    await town.sandbox.switch(centra__autoconfirm=False)
    order = await town.place()
    await town.heard()
    assert (await town.documents(), await town.states(order), await town.cases()) == ([], [], [])
    await town.amend(order, "confirm")
    assert len(await town.posted(order)) == 1
