"""What a retailer pays is compared with Sage's price for its account before anything is posted."""

from decimal import Decimal

import pytest

from tests.stories.test_retailers_order_is_acknowledged import acknowledged, key_of
from tests.stories.town import EDGE, parked, retry


async def order_for(town, cost: str) -> dict:
    lines = [{"sku": town.skus[0], "quantity": 2, "unit_cost_price": cost}]
    body = {"account": EDGE["username"], "retailer": "ARG", "lines": lines}
    return await town.people("virtualstock/orders", **body)


async def price(town, amount: str) -> None:
    await town.people("sage200/set_price", product=town.skus[0], customer="ARGOSY", price=amount)


@pytest.mark.requirement("R-43")
async def test_a_price_that_differs_waits_for_finance_and_goes_once_it_is_agreed(edge_town):
    town = edge_town
    await price(town, "18.75")
    order = await order_for(town, "18.50")
    case = await parked(town, "E-PRICE-MISMATCH")
    assert await town.documents() == []
    assert (await town.at_edge(order))["lines"][0]["status"] == "ORDER"
    shown = (await town.api.get(f"/api/v1/exceptions/{case}", headers=await town.headers())).json()
    assert "18.50 in the channel, 18.75 in the ERP for ARGOSY" in str(shown)
    assert "finance" in str(shown)
    await price(town, "18.50")
    await retry(town, case)
    await acknowledged(town, order)
    (document,) = [
        doc for doc in await town.documents() if doc["customer_document_no"] == key_of("ARG", order)
    ]
    assert Decimal(document["total_net_value"]) == Decimal("37.00")


@pytest.mark.requirement("R-43")
async def test_a_retailer_that_tells_no_prices_pays_sages(edge_town):
    town = edge_town
    await town.people("sage200/set_price", product=town.skus[0], customer="HARTLEY", price="12.34")
    order = await town.order_at("AWK", town.skus[0])
    assert order["lines"][0]["unit_cost_price"] is None
    await acknowledged(town, order)
    (document,) = await town.documents()
    assert Decimal(document["total_net_value"]) == Decimal("12.34")
    assert Decimal(document["total_tax_value"]) == Decimal("2.47")
