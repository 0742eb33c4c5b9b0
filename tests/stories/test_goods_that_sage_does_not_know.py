"""Goods that Sage does not know, or knows twice: nothing is guessed, no order is lost, and what Sage learns lets orders go."""

import pytest

from tests.console.browser import faults, surfing
from tests.console.test_browser import door
from tests.stories.test_catalogues_are_aligned import compare, rename
from tests.stories.test_retailers_order_is_acknowledged import acknowledged, key_of
from tests.stories.test_unmapped_value_waits_for_its_mapping import forget
from tests.stories.town import parked, until


async def booked(town, *keys: str) -> None:
    """Sage has a sales order for each of these keys, one each, and nothing else."""

    async def all_there() -> bool:
        return len(await town.documents()) >= len(keys) and not await town.busy()

    await until(all_there)
    found = [document["customer_document_no"] for document in await town.documents()]
    assert sorted(found) == sorted(keys)


async def statuses(town, *orders) -> set[str]:
    return {line["status"] for order in orders for line in (await town.at_edge(order))["lines"]}


@pytest.mark.requirement("R-17")
async def test_seven_orders_with_one_bad_sku_wait_for_its_alias_and_are_posted_once_each(depot):
    town = depot
    known, new = town.skus[0], await forget(town, town.skus[1])
    shops = [await town.place(known, new) for _ in range(4)]
    retailers = [await town.order_at("ARG", known, new) for _ in range(3)]
    await parked(town, *["E-SKU-UNKNOWN"] * 7)
    assert (await town.documents(), await statuses(town, *retailers)) == ([], {"ORDER"})
    late = await town.pool.fetchval(
        "SELECT max(opened_at - m.received_at) FROM exception_case JOIN message AS m ON m.id = message_id"
    )
    assert late.total_seconds() < 60
    headers = await town.headers()
    (group,) = (await town.api.get("/api/v1/exceptions/groups", headers=headers)).json()["items"]
    assert (group["value"], group["holding"]) == (new, 7)
    cost = retailers[0]["lines"][1]["unit_cost_price"]
    await town.people("sage200/set_price", product=town.skus[2], customer="ARGOSY", price=cost)
    await town.map("sku_aliases", {"alias": new, "code": town.skus[2]})
    await acknowledged(town, *retailers)
    keys = [f"CEN-{order['number']}" for order in shops] + [key_of("ARG", order) for order in retailers]
    await booked(town, *keys)
    assert await town.cases() == []


@pytest.mark.requirement("RC-18")
async def test_an_order_for_goods_that_sage_learns_of_later_goes_by_itself(depot):
    town = depot
    new, other = await forget(town, town.skus[0]), await forget(town, town.skus[1])
    order, both, sold = await town.place(new), await town.place(new, other), await town.order_at("ARG", new)
    await parked(town, *["E-SKU-UNKNOWN"] * 4)
    assert await town.documents() == []
    await town.people("sage200/change_product", product=f"OLD-{new[:12]}", code=new)
    await acknowledged(town, sold)
    await booked(town, f"CEN-{order['number']}", key_of("ARG", sold))
    assert (await town.states(both), await town.cases()) == (["parked"], ["E-SKU-UNKNOWN"] * 2)
    await town.people("sage200/change_product", product=f"OLD-{other[:12]}", code=other)
    await town.posted(both)
    assert await town.cases() == []


@pytest.mark.requirement("R-18")
async def test_a_barcode_of_two_products_and_a_product_that_is_not_sold_are_never_guessed(build_town):
    async with build_town(edge=True, POLL_SECONDS="0.2", SAGE200__LOOKUP_TTL_SECONDS="1") as town:
        await ambiguous(town)


async def ambiguous(town) -> None:
    twin, lone, idle = town.skus[:3]
    barcode = "5099999000017"
    for sku in (twin, lone):
        await town.people("sage200/change_product", product=sku, barcode=barcode)
    await town.people("sage200/change_product", product=idle, active=False)
    line = {"sku": "NOT-OURS", "part_number": barcode}
    scanned = await town.order_at("AWK", lines=[line])
    await parked(town, "E-SKU-AMBIGUOUS")
    case = (await town.api.get("/api/v1/exceptions", headers=await town.headers())).json()["items"][0]
    assert all(sku in case["violations"][0]["fix"] for sku in (twin, lone))
    unsold = await town.place(idle)
    await parked(town, "E-SKU-AMBIGUOUS", "E-SKU-INACTIVE")
    assert (await town.documents(), await statuses(town, scanned)) == ([], {"ORDER"})
    await town.map("sku_aliases", {"connection": "edge", "alias": barcode, "code": twin})
    await acknowledged(town, scanned)
    (document,) = await town.documents()
    assert [one["code"] for one in document["lines"] if one.get("code")] == [twin]
    assert await town.states(unsold) == ["parked"]
    await town.people("sage200/change_product", product=idle, active=True)
    await town.posted(unsold)
    assert await town.cases() == []


@pytest.mark.requirement("R-17")
async def test_an_article_that_only_its_barcode_names_is_posted_under_its_code_and_in_its_turn(depot):
    """The retailer's part number is the barcode; what the shop sold before under the code goes first."""
    town = depot
    sku, barcode = town.skus[0], "5099999000017"
    await town.people("sage200/change_product", product=sku, barcode=barcode)
    await town.sandbox.faults(
        {
            "kind": "slow",
            "seconds": 1,
            "system": "sage200",
            "method": "POST",
            "path": "/sop_orders$",
            "times": 1,
        }
    )
    shop = await town.place(sku)

    async def sending() -> bool:
        return await town.pool.fetchval("SELECT count(*) FROM intent") == 1

    await until(sending)
    line = {"sku": "NOT-OURS", "part_number": barcode}
    retailer = await town.order_at("AWK", lines=[line], order_reference="7700")
    await acknowledged(town, retailer)
    told = [(one["customer_document_no"], one["lines"][0]["code"]) for one in await town.documents()]
    assert told == [(f"CEN-{shop['number']}", sku), (key_of("AWK", retailer), sku)]
    assert await town.cases() == []


@pytest.mark.requirement("R-17")
async def test_what_looks_like_an_unknown_code_is_shown_and_never_taken(depot):
    """Sage renamed the article; a person picks from what looks like it."""
    town = depot
    sku = town.skus[0]
    await rename(town, sku, f"{sku}X")
    await compare(town)
    order = await town.place(sku)
    case = await parked(town, "E-SKU-UNKNOWN")
    headers = await town.headers()
    told = (await town.api.get(f"/api/v1/exceptions/{case}", headers=headers)).json()
    assert told["near"][0] == f"{sku}X"
    async with surfing() as page:
        await door(page, town)
        await page.get_by_role("link", name="E-SKU-UNKNOWN").click()
        field = page.get_by_label("code (required)")
        assert await field.input_value() == ""
        offered = page.locator(f"datalist#{await field.get_attribute('list')} option")
        assert await offered.first.get_attribute("value") == f"{sku}X"
        assert await faults(page) == []
        await field.fill(f"{sku}X")
        await page.get_by_role("button", name="Plan the row").click()
        await page.get_by_label("Reason, kept in the audit trail").fill("renamed in Sage")
        await page.get_by_role("button", name="Apply").click()
        await page.get_by_text("Mapped: 1 messages").wait_for()
    await town.posted(order)
