"""A shop of the trade orders for next season: on its own account in Sage, with its own days, sent against an invoice."""

from decimal import Decimal

import pytest

from tests.stories.town import gross, until

WINDOW = {"id": 9, "name": "Autumn", "start": "2027-08-01", "end": "2027-08-31"}
TRADE = 3


@pytest.fixture
async def shop(build_town):
    async with build_town(POLL_SECONDS="0.3") as town:
        await town.plug(store=TRADE)
        yield town


async def order_for(shop, **wish) -> dict:
    account = {"name": "Marsh & Co", "paymentTerms": {"id": 3, "description": "30 days"}}
    return await shop.place(*shop.skus[:2], store=TRADE, account=account, **wish)


@pytest.mark.requirement("R-31")
async def test_a_trade_order_waits_for_its_own_account_and_stands_there_with_its_days(shop):
    order = await order_for(shop, delivery_window=WINDOW, purchase_order_number="PO-7")

    async def parked() -> bool:
        return await shop.cases() == ["E-CUST-UNMAPPED"]

    await until(parked)
    assert await shop.documents(order) == []
    account = str(order["account"]["id"])
    row = {"connection": "uk", "currency": order["currency"], "account": account, "reference": "LIBERT01"}
    await shop.map("customers", row)
    (document,) = await shop.posted(order)
    days = (document["requested_delivery_date"][:10], document["promised_delivery_date"][:10])
    assert days == ("2027-08-01", "2027-08-31")
    assert gross(document) == Decimal(order["figures"]["grand_total"])
    note = {"courier": "DPD Local Next Day", "consignment_no": "01550123456789"}
    await shop.people("sage200/despatch", order=f"CEN-{order['number']}", **note)

    async def shipped() -> bool:
        shown = await shop.sandbox.client.get(f"/_sandbox/people/centra/orders/{order['number']}")
        return shown.json()["status"] == "SHIPPED"

    await until(shipped)
