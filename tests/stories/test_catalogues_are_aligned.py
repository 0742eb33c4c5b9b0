"""What would fail is known before anybody orders it: the shops' catalogues are compared with Sage's at night or on demand."""

import pytest

from app.flows.align import ask, catalogues
from app.ledger import alignment
from tests.console.browser import faults, surfing
from tests.console.test_browser import door
from tests.stories.town import until


async def compare(town) -> None:
    """Somebody asks for it; ends when it was done."""
    asked = await town.pool.fetchval("SELECT clock_timestamp()")
    names = list(catalogues(town.worker))
    assert await ask(town.pool, names) == len(names)

    async def done() -> bool:
        open_ = await town.pool.fetchval(
            "SELECT count(*) FROM message_state WHERE coalesce_key LIKE 'articles:%' OR coalesce_key = 'align'"
        )
        fresh = await town.pool.fetchval("SELECT count(*) FROM article_walk WHERE listed_at > $1", asked)
        return not open_ and fresh == len(names)

    await until(done)


async def shown(town, **query) -> dict:
    answer = await town.api.get("/api/v1/alignment", params=query, headers=await town.headers())
    return answer.json()


async def rename(town, sku: str, code: str) -> None:
    await town.people("sage200/change_product", product=sku, code=code, barcode="")


@pytest.mark.requirement("R-19")
async def test_the_report_lists_exactly_the_orphans(edge_town):
    town = edge_town
    orphans = town.skus[:3]
    for place, sku in enumerate(orphans):
        await rename(town, sku, f"GONE-{place}")
    written = len(await town.sandbox.history())
    await compare(town)
    told = await shown(town)
    assert told["failing"] == 6
    assert {(one["destination"], one["code"], one["misfit"]) for one in told["items"]} == {
        (destination, sku, "unknown") for destination in ("centra:uk", "virtualstock:edge") for sku in orphans
    }
    offered = await shown(town, kind="unoffered")
    assert [one["code"] for one in offered["items"]] == ["GONE-0", "GONE-1", "GONE-2"]
    changes = [row for row in (await town.sandbox.history())[written:] if row["changed"]]
    assert {row["path"].partition("?")[0] for row in changes} <= {"/virtualstock/restapi/v4/token"}
    headers = await town.headers()
    home = await town.api.get("/api/v1/alignment", params={"limit": 2}, headers=headers)
    assert (len(home.json()["items"]), bool(home.json()["next_cursor"])) == (2, True)


@pytest.mark.requirement("R-19")
async def test_an_alias_a_barcode_or_a_new_product_mends_it(town):
    alias, barcode, inactive, lost = town.skus[:4]
    await rename(town, alias, "THEIR-CODE")
    await town.people("sage200/change_product", product=barcode, code="BY-BARCODE")
    await town.people("sage200/change_product", product=inactive, active=False)
    await rename(town, lost, "LOST")
    await compare(town)
    assert {(one["code"], one["misfit"]) for one in (await shown(town))["items"]} == {
        (alias, "unknown"),
        (inactive, "inactive"),
        (lost, "unknown"),
    }
    await town.map("sku_aliases", {"connection": "uk", "alias": alias, "code": "THEIR-CODE"})
    await town.people("sage200/change_product", product=inactive, active=True)
    await town.people("sage200/change_product", product="LOST", code=lost)
    await compare(town)
    assert (await shown(town))["failing"] == 0
    assert await alignment.failing(town.pool) == 0


@pytest.mark.timeout(180)
@pytest.mark.requirement("R-19")
@pytest.mark.requirement("R-82")
async def test_the_front_page_leads_to_them_by_keyboard_and_for_everybody(town):
    await rename(town, town.skus[0], "GONE")
    await compare(town)
    async with surfing(viewport={"width": 320, "height": 640}) as page:
        await door(page, town)
        await page.get_by_text("SKUs that will fail if ordered:").wait_for()
        await page.get_by_role("link", name="1", exact=True).focus()
        await page.keyboard.press("Enter")
        await page.get_by_role("heading", name="Alignment of the catalogues").wait_for()
        await page.get_by_role("rowheader", name=town.skus[0]).wait_for()
        found = await faults(page)
        await page.get_by_role("link", name="Show the ERP's products that no channel offers").press("Enter")
        await page.get_by_role("rowheader", name="GONE").wait_for()
        assert await page.evaluate("document.documentElement.scrollWidth > innerWidth") is False
        assert (found, page.complaints) == ([], [])
