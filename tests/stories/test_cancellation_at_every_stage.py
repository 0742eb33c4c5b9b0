"""A shopper or a retailer cancels: whatever the order was going through, it ends cancelled in Sage with its stock given back,
or it has left the warehouse and a person is told.
"""

import asyncio
from decimal import Decimal

import pytest

from tests.stories.test_edit_after_posting import document, goods, settled
from tests.stories.test_retailers_cancellation_is_answered import ask
from tests.stories.test_retailers_order_is_acknowledged import acknowledged, key_of
from tests.stories.town import until

PARCEL = {"courier": "DPD Local Next Day", "consignment_no": "01550123456789"}


async def records(town) -> list[tuple[str, Decimal]]:
    """Of what was cancelled in the books."""
    return [
        (changed["after"]["item_code"], Decimal(changed["after"]["cancelled_quantity"]))
        for row in await town.sandbox.history()
        for changed in row["changed"]
        if changed["entity"] == "sage200.sop_cancelled_line"
    ]


def held(document: dict) -> Decimal:
    """Units that are allocated to an order."""
    lines = (line for line in document["lines"] if line["line_type"] == "EnumLineTypeStandard")
    return sum((Decimal(line["allocated_quantity"]) for line in lines), Decimal(0))


@pytest.mark.requirement("R-34")
async def test_before_it_is_posted_it_never_reaches_sage(town):
    await town.people("sage200/tunnel", up=False)
    order = await town.place()

    async def waits() -> bool:
        return bool(await town.states(order))

    await until(waits)
    await town.amend(order, "cancel")
    await town.people("sage200/tunnel", up=True)
    await settled(town)
    assert (await town.documents(order), await town.cases()) == ([], [])


@pytest.mark.requirement("R-34")
@pytest.mark.requirement("RC-14")
@pytest.mark.parametrize("fault", ["slow", "commit_then_drop", "drop_then_commit", "status_503"])
async def test_while_it_is_being_posted_it_ends_cancelled(town, fault):
    """The cancellation is read while the create is out, is lost on its way back, or was never made."""
    create = {"system": "sage200", "method": "POST", "path": r"/sop_orders$", "times": 1}
    await town.sandbox.faults({**create, "kind": fault, "seconds": 0.7})
    order = await town.place()

    async def sending() -> bool:
        return await town.pool.fetchval("SELECT count(*) FROM intent") > 0

    await until(sending)
    await town.amend(order, "cancel")
    await settled(town)
    for found in await town.documents(order):
        assert (found["lines"], found["cancelled_status"]) == ([], "Fully")
    assert await town.cases() == []


@pytest.mark.requirement("R-34")
async def test_after_it_was_allocated_it_is_cancelled_and_its_stock_released(town):
    one, two = town.skus[:2]
    order = await town.place(one, two)
    await town.posted(order)
    assert held(await document(town, order)) == 2
    await town.amend(order, "cancel")
    await settled(town)
    after = await document(town, order)
    assert (after["lines"], after["cancelled_status"]) == ([], "Fully")
    assert sorted(await records(town)) == sorted([(one, 1), (two, 1)])
    assert await town.cases() == []


@pytest.mark.requirement("R-34")
async def test_after_it_was_despatched_customer_service_routes_it_to_a_return(town):
    order = await town.place()
    await town.posted(order)
    await town.people("sage200/despatch", order=f"CEN-{order['number']}", **PARCEL)
    before = await document(town, order)
    await town.amend(order, "cancel")
    await settled(town)
    assert await town.cases() == ["E-CANCEL-AFTER-DESPATCH"]
    assert await town.pool.fetchval("SELECT owner FROM exception_case WHERE closed_at IS NULL") == "cx"
    assert await document(town, order) == before


@pytest.mark.requirement("R-34")
async def test_a_line_that_is_cancelled_goes_and_the_others_stay(town):
    one, two = town.skus[:2]
    order = await town.place(lines=[{"sku": one, "quantity": 3}, {"sku": two, "quantity": 1}])
    await town.posted(order)
    await town.amend(order, "cancel-lines", lines=[{"sku": one, "quantity": 2}, {"sku": two}])
    await settled(town)
    after = await document(town, order)
    assert (goods(after), held(after)) == ({one: 1}, 1)
    assert sorted(await records(town)) == sorted([(one, 2), (two, 1)])
    assert await town.cases() == []


@pytest.mark.requirement("R-34")
async def test_what_is_open_of_a_line_can_be_cancelled_and_no_more(town):
    one = town.skus[0]
    order = await town.place(lines=[{"sku": one, "quantity": 3}])
    await town.posted(order)
    key = f"CEN-{order['number']}"
    await town.people("sage200/despatch", order=key, lines=[{"sku": one, "quantity": 1}], **PARCEL)
    await town.amend(order, "cancel-lines", lines=[{"sku": one, "quantity": 1}])
    await settled(town)
    assert goods(await document(town, order)) == {one: 2}
    assert set(await town.cases()) <= {"E-TOTAL-MISMATCH"}  # a penny: what left keeps its price
    await town.people("sage200/despatch", order=key, **PARCEL)
    await town.amend(order, "cancel-lines", lines=[{"sku": one, "quantity": 1}])
    await settled(town)
    assert goods(await document(town, order)) == {one: 2}
    assert "E-CANCEL-AFTER-DESPATCH" in await town.cases()


@pytest.mark.requirement("R-34")
async def test_a_company_that_keeps_no_records_cancels_without(town):
    await town.sandbox.switch(
        sage200__record_cancelled_order_lines=False, sage200__cancelled_line_when_off="refuse"
    )
    order = await town.place()
    await town.posted(order)
    await town.amend(order, "cancel")
    await settled(town)
    assert ((await document(town, order))["lines"], await records(town), await town.cases()) == ([], [], [])


async def statuses(town, order) -> list[str]:
    return [line["status"] for line in (await town.at_edge(order))["lines"]]


@pytest.mark.requirement("R-34")
async def test_a_retailer_is_answered_only_when_sage_has_cancelled(edge_town):
    town = edge_town
    order = await town.order_at("ARG")
    await acknowledged(town, order)
    await town.people("sage200/lock", order=key_of("ARG", order), user="mary")
    await ask(town, order)

    async def met() -> bool:
        return bool([row for row in await town.calls("GET", "/sop_orders/") if row["status"] == 400])

    await until(met)
    assert await statuses(town, order) == ["CANCEL"]
    await town.people("sage200/unlock", order=key_of("ARG", order))
    await town.pool.execute("UPDATE message_state SET due_at = now() WHERE state <> 'parked'")

    async def answered() -> bool:
        return await statuses(town, order) == ["CANCEL_ACK"]

    await until(answered)
    (found,) = await town.documents()
    assert (found["lines"], await town.cases()) == ([], [])


@pytest.mark.requirement("R-34")
@pytest.mark.parametrize("before", [True, False])
async def test_a_retailer_who_cancels_a_line_is_answered_for_that_line(build_town, before):
    """Also where the line was cancelled before the order was posted."""
    async with build_town(edge=True, POLL_SECONDS="0.2", SWEEP_SECONDS="0.2") as town:
        one, two = town.skus[:2]
        await town.people("sage200/tunnel", up=not before)
        order = await town.order_at("ARG", one, two)
        line = order["lines"][0]["line_reference"]
        if not before:
            await acknowledged(town, order)
        await town.people(f"virtualstock/orders/{order['id']}/cancel-request", line=line)

        async def known() -> bool:
            cancelled = "SELECT count(*) FROM order_line WHERE cancelled > 0"
            return await town.pool.fetchval(cancelled) == 1

        await until(known)
        await town.people("sage200/tunnel", up=True)

        async def answered() -> bool:
            return await statuses(town, order) == ["CANCEL_ACK", "ORDER_ACK"]

        await until(answered)
        (found,) = await town.documents()
        assert (goods(found), await town.cases()) == ({two: 1}, [])


@pytest.mark.requirement("RC-15")
async def test_what_left_the_warehouse_between_look_and_write_is_not_cancelled(build_town):
    """The look sees nothing despatched; then the warehouse is quicker than our lock."""
    patient = {"SAGE200__TIMEOUT_SECONDS": "9", "QUARANTINE_SECONDS": "10"}
    async with build_town(**patient) as town:
        order = await town.place()
        await town.posted(order)
        seen = len(await town.calls("GET", "/sop_orders/"))
        look = {"kind": "slow", "system": "sage200", "method": "GET", "path": r"/sop_orders/\d+$", "times": 1}
        await town.sandbox.faults({**look, "seconds": 0}, {**look, "seconds": 4})
        amending = asyncio.create_task(town.amend(order, "cancel"))

        async def looked() -> bool:
            return len(await town.calls("GET", "/sop_orders/")) > seen

        await until(looked)
        await town.people("sage200/despatch", order=f"CEN-{order['number']}", **PARCEL)
        await amending
        await settled(town)
        assert len((await document(town, order))["lines"]) > 0
        assert await town.cases() == ["E-CANCEL-AFTER-DESPATCH"]
