"""A retailer asks for a return: it is kept, and the retailer hears that it is dealt with."""

import pytest

from tests.stories.test_despatch_reaches_the_retailer import despatch
from tests.stories.test_retailers_cancellation_is_answered import answered
from tests.stories.test_retailers_order_is_acknowledged import acknowledged
from tests.stories.town import EDGE, parked, until


async def sold(town, units: int) -> dict:
    """Despatched, and told so."""
    lines = [{"sku": town.skus[0], "quantity": units}]
    body = {"account": EDGE["username"], "retailer": "ARG", "lines": lines}
    order = await town.people("virtualstock/orders", **body)
    await acknowledged(town, order)
    await despatch(town, order)
    await answered(town, order, "DISPATCH")
    return order


async def ask(town, order, **wish) -> None:
    await town.people(f"virtualstock/orders/{order['id']}/return-request", **wish)


@pytest.mark.requirement("R-77")
async def test_two_of_three_units_come_back_and_the_retailer_hears_so(edge_town):
    town = edge_town
    order = await sold(town, 3)
    await ask(town, order, quantity=2, reason="200")
    await answered(town, order, "RMA_AUTHORISED")
    await town.heard()
    told = [
        one
        for one in (await town.at_edge(order))["lines"][0]["sent"]
        if one["action"] == "return_acknowledge"
    ]
    assert [one["quantity"] for one in told] == [2]
    kept = await town.pool.fetchrow("SELECT * FROM return_asked")
    assert (kept["ref"], kept["line_ref"]) == (f"ARG-{order['order_reference']}", "1")
    assert (kept["units"], kept["reason"]) == (2, "200")
    assert kept["acknowledged_at"] >= kept["seen_at"]
    assert await town.cases() == []


@pytest.mark.requirement("R-77")
async def test_an_answer_that_was_lost_is_not_repeated(edge_town):
    town = edge_town
    order = await sold(town, 1)
    await town.sandbox.faults({"kind": "commit_then_drop", "path": "return_acknowledge", "times": 1})
    await ask(town, order)
    await answered(town, order, "RMA_AUTHORISED")
    await town.heard()
    assert len(await town.calls("POST", "/return_acknowledge/")) == 1


@pytest.mark.requirement("R-77")
async def test_a_return_that_is_listed_before_its_order_shows_it_is_acknowledged_once_it_does(edge_town):
    town = edge_town
    order = await sold(town, 1)
    await town.sandbox.switch(virtualstock__returns_run_ahead=True)
    await ask(town, order)

    async def tried() -> bool:
        return bool(
            await town.pool.fetchval(
                "SELECT EXISTS (SELECT FROM attempt JOIN message AS m ON m.id = message_id WHERE kind LIKE '%.acknowledge_return')"
            )
        )

    await until(tried)
    assert await town.pool.fetchval("SELECT acknowledged_at FROM return_asked") is None
    assert await town.calls("POST", "/return_acknowledge/") == []
    await town.sandbox.switch(virtualstock__returns_run_ahead=False)
    await answered(town, order, "RMA_AUTHORISED")
    await town.heard()
    assert await town.pool.fetchval("SELECT acknowledged_at FROM return_asked") is not None
    assert await town.cases() == []


@pytest.mark.requirement("R-77")
async def test_a_return_of_what_sage_never_had_waits_for_a_person(edge_town):
    town = edge_town
    order = await town.order_at("ARG", test_flag=True)
    number = f"virtualstock/orders/{order['id']}"
    item = {"part_number": order["lines"][0]["part_number"], "line_ref": "1", "quantity": 1}
    await town.people(f"{number}/act", action="acknowledge", items=[item])
    left = {"carrier": "dpd", "tracking_number": "1", "supplier_dispatch_date": "2026-11-05"}
    await town.people(f"{number}/act", action="dispatch", items=[{**item, **left}])
    await ask(town, order)
    await parked(town, "E-RETURN-UNKNOWN")
    assert (await town.at_edge(order))["lines"][0]["status"] == "RMA"
