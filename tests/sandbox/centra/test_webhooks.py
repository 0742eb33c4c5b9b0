import asyncio
import hashlib
import hmac
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.sandbox.store import Call
from tests.sandbox.centra.conftest import SECRET, TOKEN, Shop
from tests.sandbox.conftest import Receiver, running_sandbox

HEADER = re.compile(r"t=(\d+),v1=([0-9a-f]{64})", re.ASCII)


@pytest.fixture
async def plugged(shop: Shop, receiver: Receiver) -> Shop:
    await shop.people("/plugins", url=receiver.url, secret=SECRET, store=1)
    return shop


async def fault(shop: Shop, kind: str, times: int = 1) -> None:
    await shop.sandbox.faults({"system": "centra", "path": "webhook", "kind": kind, "times": times})


def events(receiver: Receiver, call: int = 0) -> list[dict]:
    return json.loads(receiver.bodies[call])["events"]


def is_authentic(receiver: Receiver, call: int = 0) -> bool:
    body, headers = receiver.calls[call]
    moment, signature = HEADER.fullmatch(headers["x-centra-signature"]).groups()
    wanted = hmac.new(SECRET.encode(), moment.encode() + b"." + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(wanted, signature)


def age(receiver: Receiver, call: int = 0) -> float:
    moment = HEADER.fullmatch(receiver.calls[call][1]["x-centra-signature"])[1]
    return datetime.now(UTC).timestamp() - int(moment)


async def test_placed_order_is_announced_and_signed(plugged: Shop, receiver: Receiver):
    number = (await plugged.place())["number"]
    (row,) = await plugged.delivered(1)
    (event,) = events(receiver)
    assert (event["type"], event["action"], event["id"]) == ("order", "insert", number)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}", event["date"])
    assert is_authentic(receiver)
    assert receiver.calls[0][1]["content-type"] == "application/x-www-form-urlencoded"
    assert (row["status"], row["key"], row["path"]) == (202, str(number), "/hooks")


async def test_history_row_tells_when_and_what(plugged: Shop):
    held = await plugged.place(hold="WAITING_FOR_PAYMENT")
    (row,) = await plugged.delivered(1)
    told = next(one["after"] for one in row["changed"] if one["entity"] == "centra.delivery")
    assert (told["status"], told["started_at"] <= told["answered_at"]) == (202, True)
    event = {"number": held["number"], "action": "insert", "date": held["updated_at"], "releasable": False}
    assert told["events"] == [event]


async def test_change_is_an_update(plugged: Shop, receiver: Receiver):
    number = (await plugged.place())["number"]
    await plugged.delivered(1)
    await plugged.people(f"/orders/{number}/hold")
    await plugged.delivered(2)
    assert [(event["action"], event["id"]) for event in events(receiver, 1)] == [("update", number)]


async def test_waiting_events_travel_together_up_to_the_maximum(shop: Shop, receiver: Receiver):
    plugin = await shop.people("/plugins", url=receiver.url, secret=SECRET, batch=3, active=False)
    for _ in range(5):
        await shop.place()
    path = f"/_sandbox/people/centra/plugins/{plugin['id']}"
    await shop.sandbox.client.patch(path, json={"active": True})
    await shop.delivered(2)
    assert [len(events(receiver, call)) for call in range(2)] == [3, 2]


async def test_spelling_and_spaces_are_the_plugins(shop: Shop, receiver: Receiver):
    await shop.people("/plugins", url=receiver.url, secret=SECRET, space="%20", created_action="create")
    await shop.place()
    await shop.delivered(1)
    assert (b"%20" in receiver.calls[0][0], b"+" in receiver.calls[0][0]) == (True, False)
    assert (events(receiver)[0]["action"], is_authentic(receiver)) == ("create", True)


async def test_other_stores_orders_go_elsewhere(plugged: Shop, receiver: Receiver):
    await plugged.place(store=2)
    mine = (await plugged.place())["number"]
    await plugged.delivered(1)
    assert [[event["id"] for event in events(receiver)], len(receiver.calls)] == [[mine], 1]


async def test_refused_call_is_gone_for_good_without_retries(plugged: Shop, receiver: Receiver):
    receiver.statuses = [503]
    await plugged.place()
    second = (await plugged.place())["number"]
    rows = await plugged.delivered(2)
    assert [row["status"] for row in rows] == [503, 202]
    assert [event["id"] for event in events(receiver, 1)] == [second]


@pytest.mark.parametrize("stamp", ["fresh", "old"])
async def test_retries_come_with_a_fresh_or_the_old_stamp(shop: Shop, receiver: Receiver, stamp: str):
    await shop.sandbox.switch(centra__webhook_retry_t=stamp, centra__webhook_retry_seconds=400)
    shop.sandbox.world.clock.set(scale=8_000)
    await shop.people("/plugins", url=receiver.url, secret=SECRET, retries=3)
    receiver.statuses = [500, 500]
    await shop.place()
    rows = await shop.delivered(3)
    stamps = [int(HEADER.fullmatch(headers["x-centra-signature"])[1]) for _, headers in receiver.calls]
    assert [row["status"] for row in rows] == [500, 500, 202]
    assert len(set(stamps)) == (3 if stamp == "fresh" else 1)


async def test_receiver_that_is_down_gets_nothing(shop: Shop):
    await shop.people("/plugins", url="http://127.0.0.1:9/", secret=SECRET)
    await shop.place()
    assert [row["status"] for row in await shop.delivered(1)] == [0]


async def test_receiver_that_hangs_is_given_up_on(shop: Shop):
    hung_up = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        hung_up.set()

    silent = await asyncio.start_server(listen, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}/"
    await shop.people("/plugins", url=url, secret=SECRET, timeout_seconds=0.2)
    await shop.place()
    assert [row["status"] for row in await shop.delivered(1)] == [0]
    await hung_up.wait()
    silent.close()


async def test_lost_call_never_arrives(plugged: Shop, receiver: Receiver):
    await fault(plugged, "lose")
    await plugged.place()
    (row,) = await plugged.delivered(1)
    assert (row["status"], row["fault"], receiver.calls) == (0, "lose", [])


async def test_doubled_call_arrives_twice(plugged: Shop, receiver: Receiver):
    await fault(plugged, "double")
    await plugged.place()
    await plugged.delivered(2)
    assert receiver.bodies[0] == receiver.bodies[1]


async def test_reordered_call_is_overtaken(plugged: Shop, receiver: Receiver):
    await fault(plugged, "reorder")
    first, second = [(await plugged.place())["number"] for _ in range(2)]
    rows = await plugged.delivered(2)
    assert [row["key"] for row in rows] == [str(second), str(first)]


async def test_reordered_call_that_nothing_follows_comes_late(plugged: Shop, receiver: Receiver):
    await plugged.sandbox.switch(centra__webhook_reorder_seconds=0.05)
    await fault(plugged, "reorder")
    number = (await plugged.place())["number"]
    assert [row["key"] for row in await plugged.delivered(1)] == [str(number)]


async def test_reordered_call_comes_late_however_busy_the_shop_is(plugged: Shop, receiver: Receiver):
    """Whatever else wakes the sender, polls above all, must not make it wait anew."""
    await plugged.sandbox.switch(centra__webhook_reorder_seconds=0.5)
    await fault(plugged, "reorder")
    await plugged.place()
    async with asyncio.timeout(10):
        while not receiver.calls:
            await plugged.sandbox.client.patch("/_sandbox/people/centra/plugins/1", json={"retries": 0})


async def test_delayed_call_bears_a_stale_stamp(plugged: Shop, receiver: Receiver):
    await fault(plugged, "delay")
    await plugged.place()
    await plugged.delivered(1)
    assert (age(receiver) > 300, is_authentic(receiver)) == (True, True)


async def test_forged_call_has_a_wrong_signature(plugged: Shop, receiver: Receiver):
    await fault(plugged, "bad_signature")
    await plugged.place()
    await plugged.delivered(1)
    assert not is_authentic(receiver)


@pytest.mark.parametrize("signs", ["whole", "cut"])
async def test_truncated_body_is_not_json(plugged: Shop, receiver: Receiver, signs: str):
    await plugged.sandbox.switch(centra__truncate_signs=signs)
    await fault(plugged, "truncate")
    await plugged.place()
    await plugged.delivered(1)
    with pytest.raises(json.JSONDecodeError):
        events(receiver)
    assert is_authentic(receiver) is (signs == "cut")


async def test_unknown_type_and_foreign_orders_travel_along(plugged: Shop, receiver: Receiver):
    foreign = (await plugged.place(store=2))["number"]
    for calls, kind in enumerate(("unknown_type", "foreign"), start=1):
        await fault(plugged, kind)
        await plugged.place()
        await plugged.delivered(calls)
    assert [events(receiver, call)[1]["type"] for call in range(2)] == ["moonphase", "order"]
    assert events(receiver, 1)[1]["id"] == foreign


async def test_early_notice_comes_before_the_order_can_be_read(plugged: Shop, receiver: Receiver):
    await fault(plugged, "early")
    number = (await plugged.place())["number"]
    await plugged.delivered(1)
    query = "query($n: [Int!]) { orders(where: {number: $n}) { number } }"
    assert (await plugged.data(query, n=[number]))["orders"] == []
    plugged.sandbox.world.clock.advance(2.1)
    assert (await plugged.data(query, n=[number]))["orders"] == [{"number": number}]


async def test_killed_sandbox_sends_what_was_waiting(tmp_path: Path, receiver: Receiver):
    async with running_sandbox(tmp_path / "again") as first:
        seeds = {"catalogue": {"skus": 5}, "centra": {"tokens": [{"token": TOKEN, "integration": "gateway"}]}}
        made = (await first.client.post("/_sandbox/seed", json=seeds)).json()
        shop = Shop(first, made["catalogue"])
        plugin = await shop.people("/plugins", url=receiver.url, secret=SECRET, active=False)
        numbers = [(await shop.place())["number"] for _ in range(12)]
        with first.world.store.record(Call("test", "POST", "/switch-on")) as change:
            change.put("centra.plugin", plugin["id"], {**plugin, "active": True})
    async with running_sandbox(tmp_path / "again") as second:
        await Shop(second, []).delivered(1)
    assert [event["id"] for event in events(receiver)] == numbers
