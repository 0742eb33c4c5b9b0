"""An order is told by webhook, by the queue and by the sweep, again and again: Sage gets it once, to the penny."""

from decimal import Decimal

import pytest

from tests.stories.town import gross, until


@pytest.mark.requirement("R-24")
@pytest.mark.requirement("R-62")
async def test_an_order_reaches_sage_to_the_penny(town):
    wish = {"vouchers": [{"percent": 10}], "shipping": "4.95"}
    order = await town.place(*town.skus[:2], **wish)
    (document,) = await town.posted(order)
    assert (gross(document), document["is_draft"]) == (Decimal(order["figures"]["grand_total"]), False)
    assert Decimal(document["total_tax_value"]) == Decimal(order["figures"]["tax"])
    row = await town.pool.fetchrow("SELECT document_no, probe_key, adopted FROM binding")
    assert tuple(row) == (document["document_no"], f"CEN-{order['number']}", False)


@pytest.mark.requirement("R-23")
@pytest.mark.requirement("R-24")
async def test_an_order_told_by_webhook_queue_and_sweep_reaches_sage_once(build_town):
    async with build_town(POLL_SECONDS="0.7", SWEEP_SECONDS="0.7") as town:
        await town.sandbox.faults({"kind": "double", "system": "centra", "path": "webhook"})
        orders = [await town.place(town.skus[n % 3]) for n in range(6)]

        async def all_told() -> bool:
            ways = await town.pool.fetch(
                "SELECT DISTINCT split_part(key, '/', 3) AS way FROM message WHERE cls = 'notice'"
            )
            return len(ways) >= 2 and all([await town.documents(order) for order in orders])

        await until(all_told)
        rounds = await polls(town)

        async def again() -> bool:
            return await polls(town) >= rounds + 4

        await until(again)
        await until(lambda: idle(town))
        assert [len(await town.documents(order)) for order in orders] == [1] * 6
        assert len(await town.documents()) == 6


async def polls(town) -> int:
    return await town.pool.fetchval("SELECT count(*) FROM receipt WHERE kind = 'centra.poll'")


async def idle(town) -> bool:
    return not await town.busy()


@pytest.mark.requirement("R-26")
async def test_orders_of_one_sku_reach_sage_in_the_order_of_checkout(town):
    orders = [await town.place(town.skus[0]) for _ in range(8)]
    await town.heard(8)
    numbers = [document["customer_document_no"] for document in await town.documents()]
    assert numbers == [f"CEN-{order['number']}" for order in orders]
