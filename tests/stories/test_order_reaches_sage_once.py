"""An order is told by webhook, by the queue and by the sweep, again and again: Sage gets it once, to the penny."""

from decimal import Decimal

import pytest

from tests.stories.test_retailers_order_is_acknowledged import acknowledged
from tests.stories.town import gross, parked, retry, until


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


@pytest.mark.requirement("R-24")
async def test_two_documents_that_bear_our_key_already_are_a_persons_and_no_third_is_made(town):
    """Somebody typed the order in, twice, while Sage was out of our reach."""
    await town.people("sage200/tunnel", up=False)
    order = await town.place(town.skus[0])
    key = f"CEN-{order['number']}"
    lines = [{"sku": town.skus[0], "quantity": 1}]
    typed = [
        await town.people("sage200/phone_order", customer_document_no=key, lines=lines) for _ in range(2)
    ]
    await town.people("sage200/tunnel", up=True)
    await parked(town, "E-DUP-EXISTING")
    (case,) = (await town.api.get("/api/v1/exceptions", headers=await town.headers())).json()["items"]
    assert all(one["document_no"] in case["violations"][0]["value"] for one in typed)
    assert (len(await town.documents()), await town.calls("POST", "/sop_orders")) == (2, [])
    for one in typed:
        await town.people("sage200/retype", order=one["id"], customer_document_no="see email")
    await retry(town)
    (document,) = await town.posted(order)
    assert gross(document) == Decimal(order["figures"]["grand_total"])
    assert (len(await town.documents()), await town.cases()) == (3, [])


@pytest.mark.requirement("R-36")
async def test_an_order_is_found_by_the_channels_number_by_its_key_and_by_sages(edge_town):
    town = edge_town
    order = await town.order_at("ARG")
    await acknowledged(town, order)
    (document,) = await town.documents()
    headers, ref = await town.headers(), order["order_reference"]
    names = (f"ARG-{ref}", document["customer_document_no"], document["document_no"])
    for name in names:
        found = (await town.api.get(f"/api/v1/orders/{name}", headers=headers)).json()["orders"]
        told = [(one["ref"], one["binding"]["document_no"]) for one in found]
        assert told == [(f"ARG-{ref}", document["document_no"])]
