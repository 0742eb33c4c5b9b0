"""Orders whose acknowledgement is not as we know it: put back to new, acknowledged by hand, or before a restore."""

import pytest

from tests.stories.test_despatch_reaches_the_retailer import despatch
from tests.stories.test_retailers_cancellation_is_answered import answered
from tests.stories.test_retailers_order_is_acknowledged import acknowledged, books, key_of
from tests.stories.town import until


@pytest.mark.requirement("R-38")
async def test_a_line_that_goes_back_to_new_is_acknowledged_again(edge_town):
    town = edge_town
    order = await town.order_at("ARG", *town.skus[:2])
    await acknowledged(town, order)
    await town.people(f"virtualstock/orders/{order['id']}/status", line="2", status="ORDER")
    await acknowledged(town, order)
    await town.heard()
    sent = [[one["action"] for one in line["sent"]] for line in (await town.at_edge(order))["lines"]]
    assert sent == [["acknowledge"], ["acknowledge"] * 2]
    assert len((await books(town))[key_of("ARG", order)]) == 1


async def by_hand(town, order) -> None:
    items = [
        {"part_number": line["part_number"], "line_ref": line["line_reference"], "quantity": line["quantity"]}
        for line in order["lines"]
    ]
    await town.people(f"virtualstock/orders/{order['id']}/act", action="acknowledge", items=items)


@pytest.mark.requirement("R-42")
async def test_an_order_that_somebody_acknowledged_by_hand_reaches_sage(build_town):
    async with build_town(edge=True, SWEEP_SECONDS="0.3") as town:
        order = await town.order_at("ARG")
        await by_hand(town, order)

        async def there() -> bool:
            return key_of("ARG", order) in await books(town)

        await until(there)
        await town.heard()
        assert await town.calls("POST", "/acknowledge/") == []


@pytest.mark.requirement("R-42")
async def test_what_was_acknowledged_before_the_first_start_is_left_alone(build_town):
    async with build_town(edge=True, SWEEP_SECONDS="0.3") as town:
        old = await town.order_at("ARG", placed_at="2026-01-05T10:00:00+00:00")
        await by_hand(town, old)
        new = await town.order_at("ARG")
        await by_hand(town, new)

        async def there() -> bool:
            return key_of("ARG", new) in await books(town)

        await until(there)
        assert key_of("ARG", old) not in await books(town)


@pytest.mark.requirement("R-42")
async def test_an_order_that_a_restored_database_forgot_is_found_and_its_despatch_told(build_town):
    async with build_town(edge=True, POLL_SECONDS="0.2", SWEEP_SECONDS="0.3") as town:
        order = await town.order_at("ARG")
        await acknowledged(town, order)
        await town.heard()
        async with town.pool.acquire() as conn, conn.transaction():
            for table in ("binding", "order_line", "order_snapshot", "channel_listing"):
                await conn.execute(f"DELETE FROM {table} WHERE connection = 'edge'")
            await conn.execute("DELETE FROM idempotency_key WHERE key LIKE '%ARG-%'")

        async def bound_again() -> bool:
            return await town.pool.fetchval("SELECT count(*) FROM binding WHERE connection = 'edge'") == 1

        await until(bound_again)
        await despatch(town, order)
        await answered(town, order, "DISPATCH")
        assert len((await books(town))[key_of("ARG", order)]) == 1
