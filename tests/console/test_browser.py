"""In a real browser: a value is mapped and its orders reach Sage; by keyboard alone, without JavaScript, for everybody."""

import pytest

from app.flows.keys import SCOPES, create
from tests.console.browser import faults, surfing
from tests.stories.conftest import build_town, town  # noqa: F401 - fixtures
from tests.stories.test_unmapped_value_waits_for_its_mapping import forget

pytestmark = pytest.mark.timeout(180)


async def parked(town, count=2):  # noqa: F811 - a fixture
    """Orders of one SKU that Sage does not know; the code that it should have, and the orders."""
    known, new = town.skus[0], await forget(town, town.skus[1])
    orders = [await town.place(new) for _ in range(count)]
    await town.heard(count)
    assert await town.cases() == ["E-SKU-UNKNOWN"] * count
    return known, orders


async def door(page, town):  # noqa: F811 - a fixture
    key = (await create(town.pool, "ann", SCOPES)).key
    await page.goto(f"{town.api.base_url}/console/")
    await page.get_by_label("API key").fill(key)
    await page.keyboard.press("Enter")
    await page.get_by_role("heading", name="What a person must settle").wait_for()


async def posted(town, orders):  # noqa: F811 - a fixture
    await town.posted(orders[-1])
    keys = [document["customer_document_no"] for document in await town.documents()]
    assert keys == [f"CEN-{order['number']}" for order in orders]


@pytest.mark.requirement("R-17")
async def test_a_value_is_mapped_and_its_orders_go_in_order(town):  # noqa: F811 - a fixture
    known, orders = await parked(town)
    async with surfing() as page:
        await door(page, town)
        await page.get_by_role("link", name="E-SKU-UNKNOWN").click()
        await page.get_by_label("code (required)").fill(known)
        await page.get_by_role("button", name="Plan the row").click()
        await page.get_by_text("Releases 2 messages, in this order.").wait_for()
        assert "/plan" not in page.url
        await page.locator("#planned:focus").wait_for()
        await page.get_by_label("Reason, kept in the audit trail").fill("their spelling")
        await page.get_by_role("button", name="Apply").click()
        await page.get_by_text("Mapped: 2 messages and 2 exceptions were settled.").wait_for()
        assert page.complaints == []
    await posted(town, orders)


async def press(page, *keys):
    for key in keys:
        await page.keyboard.press(key)


NAME = """
(one => one.matches("a, button, input, select") ? one.labels?.[0]?.innerText || one.innerText : "")(document.activeElement)
"""


async def reach(page, text, most=60):
    """Tabs on until what has the focus is called so."""
    for _ in range(most):
        await page.keyboard.press("Tab")
        if text in await page.evaluate(NAME):
            return
    raise AssertionError(text)


@pytest.mark.requirement("R-82")
async def test_everything_is_done_by_keyboard_alone(town):  # noqa: F811 - a fixture
    known, orders = await parked(town)
    async with surfing() as page:
        await door(page, town)
        await reach(page, "E-SKU-UNKNOWN")
        await press(page, "Enter")
        await page.get_by_role("heading", name="Remedy").wait_for()
        await reach(page, "code (required)")
        await page.keyboard.type(known)
        await press(page, "Enter")
        await page.get_by_text("Releases 2 messages").wait_for()
        await reach(page, "Reason, kept")
        await page.keyboard.type("by keyboard")
        await press(page, "Enter")
        await page.get_by_text("Mapped: 2 messages").wait_for()
    await posted(town, orders)


@pytest.mark.requirement("R-82")
async def test_everything_is_done_without_javascript(town):  # noqa: F811 - a fixture
    known, orders = await parked(town)
    async with surfing(java_script_enabled=False) as page:
        await door(page, town)
        await page.get_by_role("link", name="E-SKU-UNKNOWN").click()
        await page.get_by_label("code (required)").fill(known)
        await page.get_by_role("button", name="Plan the row").click()
        await page.get_by_text("Releases 2 messages, in this order.").wait_for()
        assert "/plan" in page.url
        await page.get_by_label("Reason, kept in the audit trail").fill("no scripts")
        await page.get_by_role("button", name="Apply").click()
        await page.get_by_text("Mapped: 2 messages").wait_for()
    await posted(town, orders)


async def test_every_page_is_fit_for_everybody_and_for_small_screens(town):  # noqa: F811 - a fixture
    _, orders = await parked(town, 1)
    base = f"{town.api.base_url}/console"
    async with surfing(viewport={"width": 320, "height": 640}) as page:
        await page.goto(f"{base}/sign-in")
        found = {"/sign-in": await faults(page)}
        await door(page, town)
        await page.get_by_role("link", name="E-SKU-UNKNOWN").click()
        await page.get_by_role("heading", name="Remedy").wait_for()
        group = page.url.removeprefix(base)
        number = orders[0]["number"]
        for path in (
            *("/", group, f"{group}/plan?act=retry", f"{group}/plan?act=map", "/exceptions", "/exceptions/1"),
            *(f"/orders?reference={number}", "/lanes?moving=yes", "/audit", "/nowhere"),
            *("/despatches", "/stock", "/stock?sku=x", "/alignment", "/alignment?unoffered=yes"),
        ):
            await page.goto(base + path)
            wide = await page.evaluate("document.documentElement.scrollWidth > innerWidth")
            found[path] = await faults(page) + (["wider than the screen"] if wide else [])
        assert {path: said for path, said in found.items() if said} == {}


async def test_a_page_of_faults_would_be_noticed(town):  # noqa: F811 - a fixture
    async with surfing() as page:
        await page.set_content("<html><body><img src=x><input></body></html>")
        assert len(await faults(page)) >= 3


async def test_the_front_page_refreshes_by_itself_and_keeps_the_focus(town):  # noqa: F811 - a fixture
    await parked(town, 1)
    async with surfing() as page:
        await page.clock.install()
        await door(page, town)
        await page.get_by_role("link", name="E-SKU-UNKNOWN").focus()
        await town.place(town.skus[1])
        await town.heard(2)
        await page.clock.run_for(16_000)
        await page.get_by_text("1 causes shown, 2 open in all.").wait_for()
        await page.locator("a:focus", has_text="E-SKU-UNKNOWN").wait_for()
        assert page.complaints == []


async def test_what_is_wrong_with_a_row_is_told_in_place(town):  # noqa: F811 - a fixture
    await parked(town, 1)
    async with surfing() as page:
        await door(page, town)
        await page.get_by_role("link", name="E-SKU-UNKNOWN").click()
        await page.get_by_label("code (required)").fill("x" * 31)
        await page.get_by_role("button", name="Plan the row").first.click()
        await page.get_by_text("This row is not taken:").wait_for()
        assert "/plan" not in page.url
