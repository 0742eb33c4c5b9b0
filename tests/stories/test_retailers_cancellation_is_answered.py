"""A retailer asks to cancel: the answer follows Sage, and what has left the warehouse is told as dispatched instead."""

import pytest

from tests.stories.test_retailers_order_is_acknowledged import acknowledged, key_of
from tests.stories.town import until


async def ask(town, order) -> None:
    await town.people(f"virtualstock/orders/{order['id']}/cancel-request")


async def answered(town, order, status="CANCEL_ACK") -> None:
    async def done() -> bool:
        return {line["status"] for line in (await town.at_edge(order))["lines"]} == {status}

    await until(done)


@pytest.mark.requirement("R-34")
@pytest.mark.requirement("RC-14")
async def test_a_cancellation_before_posting_is_agreed_to_and_nothing_reaches_sage(edge_town):
    town = edge_town
    await town.people("sage200/tunnel", up=False)
    order = await town.order_at("ARG", *town.skus[:2])

    async def waits() -> bool:
        return await town.pool.fetchval("SELECT count(*) FROM order_snapshot WHERE connection = 'edge'") == 1

    await until(waits)
    await ask(town, order)
    await answered(town, order)
    await town.people("sage200/tunnel", up=True)
    await town.heard()
    assert await town.documents() == []


@pytest.mark.requirement("RC-15")
async def test_a_cancellation_that_came_too_late_is_answered_by_the_dispatch(edge_town):
    town = edge_town
    order = await town.order_at("ARG")
    await acknowledged(town, order)
    await town.people(
        "sage200/despatch",
        order=key_of("ARG", order),
        courier="DPD Local Next Day",
        consignment_no="01550123456789",
    )
    await ask(town, order)
    await answered(town, order, "DISPATCH")
    assert await town.calls("POST", "/cancel_acknowledge/") == []


async def test_a_cancellation_that_is_withdrawn_closes_its_case_by_itself(edge_town):
    """Part of it left the warehouse, so that a person is asked; then the retailer thinks again."""
    town = edge_town
    order = await town.order_at("ARG", lines=[{"sku": town.skus[0], "quantity": 2}])
    await acknowledged(town, order)
    key = key_of("ARG", order)
    # Nobody hears of the note yet.
    await town.sandbox.faults({"kind": "status_503", "system": "sage200", "path": "despatch"})
    await town.people("sage200/despatch", order=key, lines=[{"sku": town.skus[0], "quantity": 1}])
    await ask(town, order)

    async def parked() -> bool:
        return "E-CANCEL-AFTER-DESPATCH" in await town.cases()

    await until(parked)
    await town.people(f"virtualstock/orders/{order['id']}/cancel-withdraw")

    async def closed() -> bool:
        return "E-CANCEL-AFTER-DESPATCH" not in await town.cases()

    await until(closed)
    assert await town.calls("POST", "/cancel_acknowledge/") == []
