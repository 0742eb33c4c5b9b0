"""However often an order is told, whatever its key, and whoever works at it: Sage has one sales order of it."""

import asyncio
import json
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta

import pytest

from app.flows import poll
from app.flows import work as engine
from app.flows.signal import Signal
from app.outbox.rescue import rescue
from tests.stories.test_retailers_order_is_acknowledged import acknowledged, key_of
from tests.stories.test_strange_orders import deliver
from tests.stories.town import polled, until

CREATE = {"system": "sage200", "path": "/sop_orders", "method": "POST"}
TOLD = 200


async def settled(town, *orders) -> None:
    async def done() -> bool:
        states = [await town.states(order) for order in orders]
        return all(states) and {state for one in states for state in one} == {"applied"}

    await until(done)


@pytest.mark.requirement("R-24")
async def test_orders_told_two_hundred_times_each_by_every_way_to_four_workers_reach_sage_once(build_town):
    fast = {"POLL_SECONDS": "0.5", "SWEEP_SECONDS": "0.5", "CENTRA__uk__REQUESTS_PER_SECOND": "50"}
    async with build_town(**fast) as town, AsyncExitStack() as crew:
        for _ in range(3):
            await crew.enter_async_context(town.hire())
        await town.sandbox.faults(
            {"kind": "commit_then_drop", **CREATE, "probability": 0.3},
            {"kind": "drop", **CREATE, "probability": 0.3},
        )
        orders = [await town.place(town.skus[n]) for n in range(5)]

        async def tell(moment: int) -> None:
            dates = {"type": "order", "action": "update", "date": f"2026-03-02 09:14:07.{moment:06d}"}
            events = [{**dates, "id": order["number"]} for order in orders]
            answer = await town.api.post("/webhooks/centra/uk", **deliver(json.dumps({"events": events})))
            assert answer.status_code == 202

        await asyncio.gather(*(tell(moment) for moment in range(TOLD)))
        await settled(town, *orders)
        await town.heard(TOLD * len(orders))
        keys = sorted(document["customer_document_no"] for document in await town.documents())
        assert keys == [f"CEN-{order['number']}" for order in orders]
        assert [row for row in await town.calls("POST", "/sop_orders") if row["fault"]]
        assert await town.cases() == []


async def claimed(town, ctx, destination: str) -> list:
    """What an idle worker takes when it is told to look."""
    flows = engine.flows_at(ctx)[destination]
    taken: list = []

    async def some() -> bool:
        batches = await engine._claim(ctx, destination, engine.wants_of(flows))
        taken.extend((flows[want.kind], messages) for want, messages in batches)
        return bool(taken)

    await until(some)
    return taken


async def go_on(ctx, taken) -> None:
    for flow, messages in taken:
        await engine._run(ctx, Signal(), flow, messages)


@pytest.mark.requirement("R-26")
@pytest.mark.parametrize("sent", [False, True])
async def test_a_worker_that_was_paused_wakes_up_to_an_order_that_another_one_posted(build_town, sent):
    """Paused before it asks whether the order is still its own, or right after it: then the request leaves late."""
    async with build_town(idle=True) as town:
        reached, wake = asyncio.Event(), asyncio.Event()

        async def place(order, last_check):
            if sent:
                last_check()
            reached.set()
            await wake.wait()
            return await town.worker.erp.place(order, (lambda: None) if sent else last_check)

        sleeper = replace(
            town.worker,
            erp=replace(town.worker.erp, place=place),
            pace=replace(town.worker.pace, lease=2.0),
        )
        order = await town.place()
        await go_on(sleeper, await claimed(town, sleeper, "centra:uk"))
        taken = await claimed(town, sleeper, sleeper.erp.destination)
        async with asyncio.TaskGroup() as group:
            group.create_task(asleep(sleeper, taken))
            await reached.wait()
            await town.pool.execute("UPDATE message_state SET lease_until = now() WHERE state = 'leased'")
            async with town.hire():
                if sent:
                    await until(lambda: doubted(town))
                    wake.set()
                await settled(town, order)
                wake.set()
        assert len(await town.documents(order)) == 1
        assert await town.cases() == []


async def asleep(ctx, taken) -> None:
    """A paused process prolongs no lease."""
    for flow, messages in taken:
        lease = engine.Lease(min(message.lease_until for message in messages))
        await engine.handle(ctx, Signal(), flow, engine.Batch(messages, lease))


async def doubted(town) -> bool:
    return await town.pool.fetchval("SELECT count(*) FROM message_state WHERE state = 'in_doubt'") == 1


@pytest.mark.requirement("RC-21")
async def test_a_worker_that_dies_between_reading_the_queue_and_confirming_it_loses_no_order(build_town):
    async with build_town(idle=True, POLL_SECONDS="0.5") as town:
        await town.sandbox.faults({"kind": "lose", "system": "centra", "path": "webhook"})
        ctx = town.worker
        await poll.seed(town.pool, [*ctx.channels.values(), ctx.erp])
        while not await polled(ctx):
            await go_on(ctx, await claimed(town, ctx, "centra:uk") + await claimed(town, ctx, "sage200:main"))
        order = await town.place()
        for flow, messages in await claimed(town, ctx, "centra:uk"):
            batch = engine.Batch(messages, engine.Lease(min(one.lease_until for one in messages)))
            [_ async for _ in flow.handle(ctx, batch)]  # dies before it commits what it read
        await town.pool.execute("UPDATE message_state SET lease_until = now() WHERE state = 'leased'")
        await rescue(town.pool, ctx.now(), settle_delay=timedelta(0))
        await go_on(ctx, await claimed(town, ctx, "centra:uk"))  # dies before it confirms
        assert (await town.notices(), await confirmations(town)) == ((1, 1), 0)
        async with town.hire():
            assert len(await town.posted(order)) == 1

            async def confirmed() -> bool:
                return await confirmations(town) >= 1

            await until(confirmed)
        assert ((await town.notices())[1], len(await town.documents())) == (0, 1)


async def confirmations(town) -> int:
    return await town.pool.fetchval("SELECT count(*) FROM receipt WHERE kind = 'centra.confirm'")


LONG = "HV/700103/web order " + "0" * 73 + "7700103"


@pytest.mark.requirement("R-27")
async def test_one_number_of_three_shops_is_three_orders_and_a_long_reference_finds_its_way_back(depot):
    town = depot
    shop = await town.place(town.skus[0])
    number = str(shop["number"])
    argos = await town.order_at("ARG", town.skus[1], order_reference=number)
    lewis = await town.order_at("JLW", town.skus[2], order_reference=number)
    long = await town.order_at("ARG", town.skus[3], order_reference=LONG)
    await acknowledged(town, argos, lewis, long)
    await town.posted(shop)
    keys = {document["customer_document_no"]: document for document in await town.documents()}
    assert {f"CEN-{number}", key_of("ARG", argos), key_of("JLW", lewis)} < set(keys)
    assert (len(keys), len(await town.documents())) == (4, 4)
    assert max(map(len, keys)) <= 20
    headers = await town.headers()
    found = (await town.api.get(f"/api/v1/orders/ARG-{LONG}", headers=headers)).json()
    (key,) = set(keys) - {f"CEN-{number}", key_of("ARG", argos), key_of("JLW", lewis)}
    assert keys[key]["document_no"] in json.dumps(found)
    assert (await town.at_edge(long))["lines"][0]["sent"][-1]["comment"] == keys[key]["document_no"]
