import base64
import json

from tests.sandbox.conftest import Receiver


async def plug(edge, receiver: Receiver) -> None:
    hook = {"url": receiver.url, "username": "virtualstock", "password": "told by us"}
    await edge.people("/hooks", account="northgate", **hook)


async def test_orders_are_pushed_only_where_that_is_switched_on(edge, receiver):
    await plug(edge, receiver)
    await edge.place()
    await edge.sandbox.world.tasks.settle()
    assert receiver.calls == []
    await edge.sandbox.switch(virtualstock__push_orders=True)
    order = await edge.place()
    await edge.sandbox.world.tasks.settle()
    ((raw, headers),) = receiver.calls
    pair = base64.b64decode(headers["authorization"].removeprefix("Basic ")).decode()
    assert pair == "virtualstock:told by us"
    told = json.loads(raw)
    assert (told["event"], told["order_reference"]) == ("order.created", order["order_reference"])


async def test_tracking_news_is_tried_again(edge, receiver):
    await plug(edge, receiver)
    await edge.sandbox.switch(virtualstock__push_retry_seconds=[0])
    receiver.statuses = [500]
    order = await edge.place()
    await edge.act(order, "acknowledge")
    await edge.act(order, "dispatch")
    await edge.people(f"/orders/{order['id']}/track", status="INTRANSIT")
    await edge.sandbox.world.tasks.settle()
    told = [json.loads(raw) for raw, _ in receiver.calls]
    assert [one["status"] for one in told] == ["INTRANSIT"] * 2
    assert told[0]["ts"] == told[1]["ts"]
    assert told[0]["dispatched_date"] == "2026-11-05T00:00:00+0000"
    rows = [row["status"] for row in await edge.sandbox.history() if row["system"] == "virtualstock.push"]
    assert rows == [500, 202]
