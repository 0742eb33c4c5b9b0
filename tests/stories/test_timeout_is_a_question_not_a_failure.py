"""Sage does not answer. Whatever it did meanwhile, there is one sales order in the end, or a person is told."""

import pytest

from tests.stories.town import until

CREATE = {"system": "sage200", "path": "/sop_orders", "method": "POST", "times": 1}


async def settled(town, order) -> bool:
    return await town.states(order) == ["applied"]


FAULTS = (
    {"kind": "commit_then_drop"},
    {"kind": "commit_then_504"},
    {"kind": "drop_then_commit", "seconds": 0.8},
    {"kind": "drop"},
    {"kind": "reset"},
    {"kind": "status_504"},
    {"kind": "slow", "seconds": 2.5},
    {"kind": "status_503"},
    {"kind": "status_401"},
    {"kind": "status_500_html"},
)


@pytest.mark.requirement("R-25")
async def test_one_sales_order_whatever_became_of_the_request(town):
    """Each fault hits one create."""
    await town.sandbox.faults(*({**CREATE, **fault} for fault in FAULTS))
    orders = [await town.place(sku) for sku in town.skus[: len(FAULTS)]]
    for order in orders:
        await until(lambda order=order: settled(town, order))
    assert [len(await town.documents(order)) for order in orders] == [1] * len(FAULTS)
    hit = [row["fault"] for row in await town.calls("POST", "/sop_orders") if row["fault"]]
    assert sorted(hit) == sorted(fault["kind"] for fault in FAULTS)


@pytest.mark.requirement("R-25")
async def test_a_question_keeps_its_place_and_the_next_waits_for_the_answer(town):
    await town.sandbox.faults({**CREATE, "kind": "commit_then_drop"})
    orders = [await town.place(town.skus[0]) for _ in range(3)]
    await until(lambda: settled(town, orders[-1]))
    assert [document["customer_document_no"] for document in await town.documents()] == [
        f"CEN-{order['number']}" for order in orders
    ]
    assert await town.pool.fetchval("SELECT count(*) FROM binding WHERE adopted") == 1


@pytest.mark.requirement("R-25")
async def test_nothing_is_sent_again_within_the_quarantine(build_town):
    async with build_town(QUARANTINE_SECONDS="600") as town:
        await town.sandbox.faults({**CREATE, "kind": "drop"})
        order = await town.place()

        async def probed() -> bool:
            return bool(await town.pool.fetchval("SELECT count(*) FROM message_state WHERE probes >= 3"))

        await until(probed)
        assert (await town.states(order), await town.documents()) == (["in_doubt"], [])
        assert len(await town.calls("POST", "/sop_orders")) == 1


@pytest.mark.requirement("R-24")
async def test_a_ghost_draft_is_left_to_a_person(town):
    await town.sandbox.faults({**CREATE, "kind": "ghost_draft"})
    order = await town.place()
    await town.heard()

    async def told() -> bool:
        return await town.cases() == ["E-SAGE-DRAFT"]

    await until(told)
    (ghost,) = await town.documents(order)
    assert (ghost["is_draft"], len(await town.calls("POST", "/sop_orders"))) == (True, 1)


@pytest.mark.requirement("R-87")
async def test_orders_wait_while_sage_is_away_and_none_is_lost(town):
    await town.people("sage200/tunnel", up=False)
    orders = [await town.place(town.skus[n % 4]) for n in range(6)]

    async def stored() -> bool:
        return await town.pool.fetchval("SELECT count(*) FROM message WHERE cls = 'effect'") == len(orders)

    await until(stored)
    assert await town.documents() == []
    await town.people("sage200/tunnel", up=True)
    for order in orders:
        await until(lambda order=order: settled(town, order))
    assert sorted(document["customer_document_no"] for document in await town.documents()) == sorted(
        f"CEN-{order['number']}" for order in orders
    )


@pytest.mark.requirement("R-25")
async def test_a_question_that_cannot_be_asked_stays_open_however_long(build_town):
    """Sage lost the answer, and answers no look either until long after the quarantine: that is no absence."""
    look = {"system": "sage200", "path": "/sop_orders$", "method": "GET"}
    async with build_town(QUARANTINE_SECONDS="1.5") as town:
        await town.sandbox.faults(
            {**CREATE, "kind": "commit_then_drop"},
            {**look, "kind": "slow", "seconds": 0, "times": 1},  # before it is sent
            {**look, "kind": "status_503"},
        )
        order = await town.place()

        async def long_after() -> bool:
            since = "SELECT count(*) FROM intent WHERE at < clock_timestamp() - interval '2.5 s'"
            return await town.pool.fetchval(since) == 1

        await until(long_after)
        assert (await town.states(order), len(await town.calls("POST", "/sop_orders"))) == (["in_doubt"], 1)
        refused = [row for row in await town.calls("GET", "/sop_orders") if row["fault"] == "status_503"]
        assert len(refused) >= 2
        await town.sandbox.faults()
        await until(lambda: settled(town, order))
        assert (len(await town.documents(order)), len(await town.calls("POST", "/sop_orders"))) == (1, 1)
        assert await town.cases() == []
