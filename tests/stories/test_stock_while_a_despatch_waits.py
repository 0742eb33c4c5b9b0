"""A despatch that one side has and the other lacks skews nobody's stock: what the shop may sell is the same throughout."""

from decimal import Decimal

import pytest

from app.domain.availability import Term, Terms, physical
from app.domain.rules import Mappings
from app.ledger import outstanding
from tests.stories.test_channel_despatch_reaches_sage import confirmed, ship
from tests.stories.test_despatch_reaches_the_shopper import despatch, shipped
from tests.stories.town import TOKEN, until

SET_STOCK = """
mutation Publish($input: StockSetInput!) {
  setStock(input: $input) { userErrors { message path } userWarnings { message path } }
}
"""


@pytest.fixture
async def shop(build_town):
    async with build_town(POLL_SECONDS="0.3") as town:
        yield town


def books(town, sku) -> tuple[Decimal, Decimal]:
    """What Sage holds of it, and what live orders of the shop still wait for."""
    view = town.sandbox.world.store.read()
    (product,) = view.find("sage200.product", code=sku)
    holdings = view.find("sage200.warehouse_holding", product_id=product["id"])
    open_ = sum(
        Decimal(line["line_quantity"]) - Decimal(line["despatch_receipt_quantity"])
        for document in view.all("sage200.sop_order")
        for line in document["lines"]
        if line.get("product_id") == product["id"]
    )
    return sum(Decimal(one["confirmed_qty_in_stock"]) for one in holdings), open_


def shelf(town, sku) -> dict:
    return town.sandbox.world.store.read().get("centra.stock", f"{sku}@1")


async def publish(town, sku) -> int:
    """Tells Centra what the formula says; what its shoppers may then buy."""
    held, ordered = books(town, sku)
    rows = await outstanding.read(town.pool, sku, Mappings())
    known = {
        term.value: outstanding.units_of(rows, term)
        for term in (Term.ACCEPTED, Term.SHIPPED, Term.DESPATCHED)
    }
    told = physical(Terms(held, ordered={"uk": ordered}, **known), {"uk"})
    line = {"productSize": {"SKU": sku}, "quantity": told}
    wish = {"warehouse": {"id": 1}, "description": "gateway", "stockQuantityType": "PHYSICAL"}
    answer = await town.sandbox.client.post(
        "/centra/graphql",
        json={"query": SET_STOCK, "variables": {"input": {**wish, "productSizes": [line]}}},
        headers={"Authorization": f"Bearer {TOKEN}"},
    )
    assert answer.json()["data"]["setStock"]["userErrors"] == [], answer.text
    now = shelf(town, sku)
    assert now["physical"] == told
    return now["physical"] - now["allocated"]


@pytest.mark.requirement("RC-03")
@pytest.mark.requirement("R-57")
async def test_despatched_in_sage_and_not_completed_in_the_shop(shop):
    sku = shop.skus[0]
    free = await publish(shop, sku)
    order = await shop.place(lines=[{"sku": sku, "quantity": 3}])
    await shop.posted(order)
    assert await publish(shop, sku) == free - 3
    await shop.people(f"centra/orders/{order['number']}/psp", declines=1)
    await despatch(shop, order)

    async def blocked() -> bool:
        return await shop.cases() == ["E-CAPTURE-FAILED"]

    await until(blocked)
    assert books(shop, sku)[0] == free - 3
    assert shelf(shop, sku)["allocated"] == 3
    assert await publish(shop, sku) == free - 3
    case = await shop.pool.fetchval("SELECT id FROM exception_case WHERE closed_at IS NULL")
    url = f"/api/v1/exceptions/{case}/retry"
    await shop.api.post(url, json={"reason": "the bank says yes"}, headers=await shop.headers())
    await shipped(shop, order)
    await shop.heard()
    assert shelf(shop, sku)["allocated"] == 0
    assert await publish(shop, sku) == free - 3


@pytest.mark.requirement("RC-02")
@pytest.mark.requirement("R-57")
async def test_shipped_in_the_shop_and_locked_in_sage(build_town):
    """Somebody has the order open in Sage while the shop's own warehouse ships it."""
    locks = {"LOCK_SECONDS": "0.2", "LOCK_MOST_SECONDS": "0.5"}
    more = {"CENTRA__uk__DISPATCH_ORIGIN": "channel", "SWEEP_SECONDS": "0.5", "POLL_SECONDS": "0.3", **locks}
    async with build_town(**more) as shop:
        sku = shop.skus[0]
        free = await publish(shop, sku)
        order = await shop.place(lines=[{"sku": sku, "quantity": 3}])
        await shop.posted(order)
        assert await publish(shop, sku) == free - 3
        await shop.people("sage200/lock", order=f"CEN-{order['number']}")
        await ship(shop, order)

        async def waits() -> bool:
            told = await shop.api.get("/api/v1/despatches", headers=await shop.headers())
            return [row["why"] for row in told.json()["items"]] == ["locked"]

        await until(waits)
        assert (books(shop, sku)[0], shelf(shop, sku)["allocated"]) == (free, 0)
        assert await publish(shop, sku) == free - 3
        await shop.people("sage200/unlock", order=f"CEN-{order['number']}")
        await confirmed(shop, order, 3)
        assert books(shop, sku)[0] == free - 3
        assert await publish(shop, sku) == free - 3
