"""One despatch is blocked: customer care sees which, where and why; all others are current; afterwards nothing is left."""

import pytest

from tests.console.browser import faults, surfing
from tests.console.test_browser import door
from tests.stories.test_despatch_reaches_the_shopper import despatch, mails, shipped
from tests.stories.town import until

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
async def shop(build_town):
    async with build_town(POLL_SECONDS="0.3") as town:
        yield town


async def pending(town) -> dict:
    answer = await town.api.get("/api/v1/despatches?state=pending", headers=await town.headers())
    return answer.json()


async def blocked(town) -> dict:
    """An order whose shopper's bank says no, beside two others: all are despatched in Sage."""
    orders = [await town.place(sku) for sku in town.skus[:3]]
    for order in orders:
        await town.posted(order)
    await town.people(f"centra/orders/{orders[1]['number']}/psp", declines=1)
    for place, order in enumerate(orders):
        await despatch(town, order, consignment_no=f"0155012345678{place}")
    for order in (orders[0], orders[2]):
        await shipped(town, order)

    async def parked() -> bool:
        return await town.cases() == ["E-CAPTURE-FAILED"]

    await until(parked)
    return orders[1]


async def release(town) -> None:
    case = await town.pool.fetchval("SELECT id FROM exception_case WHERE closed_at IS NULL")
    url = f"/api/v1/exceptions/{case}/retry"
    await town.api.post(url, json={"reason": "the bank says yes"}, headers=await town.headers())


@pytest.mark.requirement("R-52")
async def test_a_blocked_despatch_is_seen_and_the_others_are_current(shop):
    order = await blocked(shop)
    told = await pending(shop)
    (document,) = await shop.documents(order)
    (row,) = told["items"]
    assert (row["ref"], row["document_no"]) == (str(order["number"]), document["document_no"])
    assert (row["where"], row["why"], row["code"]) == (
        "shipped in Sage200, not yet in Centra",
        "parked",
        "E-CAPTURE-FAILED",
    )
    assert {one["direction"]: one["despatches"] for one in told["backlog"]} == {"to_channel": 1, "to_erp": 0}
    assert "01550123456781" not in {one["tracking"] for one in await mails(shop)}
    await release(shop)
    await shipped(shop, order)
    await shop.heard()
    assert (await pending(shop))["items"] == []
    assert sorted(one["tracking"] for one in await mails(shop)) == [
        "01550123456780",
        "01550123456781",
        "01550123456782",
    ]


@pytest.mark.requirement("R-52")
@pytest.mark.requirement("R-82")
async def test_its_page_leads_to_the_exception_and_to_the_stock_by_keyboard_and_for_everybody(shop):
    order = await blocked(shop)
    async with surfing(viewport={"width": 320, "height": 640}) as page:
        await door(page, shop)
        await page.get_by_role("link", name="Despatches").focus()
        await page.keyboard.press("Enter")
        await page.get_by_role("heading", name="Despatches that one side lacks").wait_for()
        found = {"despatches": await faults(page)}
        await page.get_by_role("link", name=shop.skus[1]).focus()
        await page.keyboard.press("Enter")
        await page.get_by_role("heading", name="What the ERP's books do not show").wait_for()
        await page.get_by_role("link", name=f"uk/{order['number']}").wait_for()
        found["stock"] = await faults(page)
        await page.goto(f"{shop.api.base_url}/console/orders?reference={order['number']}")
        await page.get_by_text("shipped in Sage200, not yet in Centra").wait_for()
        found["order"] = await faults(page)
        assert await page.evaluate("document.documentElement.scrollWidth > innerWidth") is False
        await page.get_by_role("link", name="E-CAPTURE-FAILED").first.focus()
        await page.keyboard.press("Enter")
        await page.get_by_role("heading", name="Remedy").wait_for()
        assert page.complaints == []
    assert {name: said for name, said in found.items() if said} == {}
