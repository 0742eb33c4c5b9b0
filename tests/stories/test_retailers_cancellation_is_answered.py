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


async def parked(town, code: str) -> int:
    async def there() -> bool:
        return await town.cases() == [code]

    await until(there)
    return await town.pool.fetchval("SELECT id FROM exception_case WHERE closed_at IS NULL")


async def retry(town, case: int) -> None:
    body = {"reason": "cancelled in Sage"}
    answer = await town.api.post(f"/api/v1/exceptions/{case}/retry", json=body, headers=await town.headers())
    assert answer.is_success, answer.text


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


@pytest.mark.requirement("R-34")
async def test_a_cancellation_after_posting_is_agreed_to_only_when_sage_has_cancelled(edge_town):
    town = edge_town
    order = await town.order_at("ARG")
    await acknowledged(town, order)
    await ask(town, order)
    case = await parked(town, "E-CANCEL-AFTER-POST")
    assert {line["status"] for line in (await town.at_edge(order))["lines"]} == {"CANCEL"}
    await town.people("sage200/set_status", order=key_of("ARG", order), status="Cancelled")
    await retry(town, case)
    await answered(town, order)
    assert await town.cases() == []


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


async def test_a_cancellation_that_is_withdrawn_and_asked_again_is_answered(edge_town):
    town = edge_town
    order = await town.order_at("ARG")
    await acknowledged(town, order)
    await ask(town, order)
    case = await parked(town, "E-CANCEL-AFTER-POST")
    await town.people(f"virtualstock/orders/{order['id']}/cancel-withdraw")

    async def known() -> bool:
        standing = "SELECT standing FROM order_snapshot WHERE connection = 'edge'"
        return await town.pool.fetchval(standing) == "releasable"

    await until(known)
    await town.people("sage200/set_status", order=key_of("ARG", order), status="Cancelled")
    await ask(town, order)
    await retry(town, case)
    await answered(town, order)
