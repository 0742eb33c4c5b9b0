"""What a lenient imitation would let pass."""

import hashlib
import hmac
import json
from datetime import UTC, datetime
from urllib.parse import parse_qs

import pytest
from starlette.responses import Response

from tests.sandbox.centra.conftest import PEOPLE, SECRET, Shop
from tests.sandbox.conftest import Receiver

MUTATIONS = (
    "mutation($n: Int!) { confirmOrder(input: {order: {number: $n}}) { userErrors { message } } }",
    "mutation($n: Int!) { setOrdersLock(input: {orders: [{number: $n}], isLocked: true}) { userErrors { message } } }",
)


@pytest.fixture
async def bound(shop: Shop) -> str:
    """A token that is restricted to store 1."""
    return (await shop.people("/tokens", integration="bound", store=1))["token"]


async def test_store_token_finds_no_other_stores_order_by_any_way(shop: Shop, bound: str):
    other = await shop.place(store=2)
    answers = [
        await shop.data("query($id: String!) { order(id: $id) { number } }", bound, id=other["id"]),
        await shop.data("{ orders { number } }", bound),
        await shop.data("{ orderConnection { totalCount edges { node { number } } } }", bound),
        await shop.data("{ orders(where: {storeId: 2}) { number } }", bound),
        await shop.data('{ orders(where: {storeId: 1, negate: ["storeId"]}) { number } }', bound),
    ]
    assert answers == [
        {"order": None},
        {"orders": []},
        {"orderConnection": {"totalCount": 0, "edges": []}},
        {"orders": []},
        {"orders": []},
    ]


@pytest.mark.parametrize("text", MUTATIONS)
async def test_store_token_changes_no_other_stores_order(shop: Shop, bound: str, text: str):
    number = (await shop.place(store=2, status="PENDING"))["number"]
    ((payload),) = (await shop.data(text, bound, n=number)).values()
    assert payload["userErrors"] == [{"message": f"Order {number} not found"}]
    assert (await shop.data("{ orders { status isLocked } }"))["orders"] == [
        {"status": "PENDING", "isLocked": False}
    ]


@pytest.mark.parametrize(
    ("query", "permission", "field"),
    [
        ("{ events { id } }", "Event:read", "events"),
        ("{ eventListeners { objectType } }", "Event:read", "eventListeners"),
        ("{ stores { id } }", "Store:read", "stores"),
        (
            "{ orders { customer { id } } }".replace("customer", "... on DirectToConsumerOrder { customer"),
            "",
            "",
        ),
        (
            "mutation { confirmEvents(input: {eventsIds: 1}) { userErrors { message } } }",
            "Event:write",
            "confirmEvents",
        ),
        (
            "mutation { a: confirmOrder(input: {order: {number: 1}}) { userErrors { message } } }",
            "Order:write",
            "confirmOrder",
        ),
    ],
)
async def test_permission_and_field_are_named(shop: Shop, query: str, permission: str, field: str):
    weak = await shop.people("/tokens", integration="weak", permissions=["Order:read"])
    if not permission:
        query, permission, field = query + " }", "Customer:read", "customer"
    error = (await shop.ask(query, weak["token"]))["errors"][0]
    assert error["message"] == f"You need {permission} permission to access {field}."
    assert error["extensions"]["category"] == "authorization"


async def test_refused_mutation_did_nothing(shop: Shop):
    weak = await shop.people("/tokens", integration="weak", permissions=["Order:read"])
    number = (await shop.place(status="PENDING"))["number"]
    await shop.ask(MUTATIONS[0], weak["token"], n=number)
    row = (await shop.rows("centra"))[-1]
    assert (row["status"], row["changed"]) == (200, [])
    assert (await shop.data("{ orders { status } }"))["orders"] == [{"status": "PENDING"}]


async def test_429_is_in_history_and_did_nothing(shop: Shop):
    number = (await shop.place(status="PENDING"))["number"]
    await shop.people("/quota", MUTATION_COUNT=20)
    assert (await shop.post(MUTATIONS[0], n=number)).status_code == 429
    row = (await shop.rows("centra"))[-1]
    assert (row["status"], row["changed"]) == (429, [])
    assert (await shop.data("{ orders { status } }"))["orders"] == [{"status": "PENDING"}]


async def test_events_come_by_the_limit_and_oldest_first(shop: Shop):
    listen = "mutation { setEventListeners(input: [{objectType: Order}]) { userErrors { message } } }"
    await shop.data(listen)
    placed = [(await shop.place())["number"] for _ in range(5)]
    for _ in range(2):
        shown = (await shop.data("{ events(limit: 2) { objectReference } }"))["events"]
        assert [event["objectReference"] for event in shown] == placed[:2]


@pytest.mark.parametrize("limit", [0, 201, -1])
async def test_every_list_refuses_a_limit_outside_1_to_200(shop: Shop, limit: int):
    for query in ("events", "stores", "warehouses", "productSizes"):
        answer = await shop.ask(f"{{ {query}(limit: {limit}) {{ __typename }} }}")
        assert "between 1 and 200" in answer["errors"][0]["message"], query


async def test_webhook_comes_when_the_order_can_be_read(shop: Shop, receiver: Receiver):
    """Whoever asks at once, in the very answer to the call, finds the order as it was announced."""
    found: list[list] = []
    take = receiver.take

    async def ask_back(request) -> Response:
        answer = await take(request)
        (event,) = json.loads(parse_qs((await request.body()).decode())["payload"][0])["events"]
        query = "query($n: [Int!]) { orders(where: {number: $n}) { number isOnHold } }"
        found.append((await shop.data(query, n=[event["id"]]))["orders"])
        return answer

    receiver.answers = ask_back
    await shop.people("/plugins", url=receiver.url, secret=SECRET)
    number = (await shop.place())["number"]
    await shop.delivered(1)
    await shop.people(f"/orders/{number}/hold")
    await shop.delivered(2)
    assert found == [[{"number": number, "isOnHold": held}] for held in (False, True)]


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 404, 500])
async def test_anything_but_2xx_is_a_failure_and_not_followed(shop: Shop, receiver: Receiver, status: int):
    receiver.statuses = [status]
    await shop.people("/plugins", url=receiver.url, secret=SECRET)
    await shop.place()
    second = (await shop.place())["number"]
    rows = await shop.delivered(2)
    assert [row["status"] for row in rows] == [status, 202]
    assert [json.loads(body)["events"][0]["id"] for body in receiver.bodies][-1] == second


async def test_batch_is_cut_at_100_in_the_order_of_changes(shop: Shop, receiver: Receiver):
    plugin = await shop.people("/plugins", url=receiver.url, secret=SECRET, active=False)
    assert (plugin["batch"], plugin["timeout_seconds"], plugin["retries"]) == (100, 5.0, 0)
    first = (await shop.place())["number"]
    for _ in range(100):
        await shop.people(f"/orders/{first}/lock")
    await shop.sandbox.client.patch(f"{PEOPLE}/plugins/{plugin['id']}", json={"active": True})
    await shop.delivered(2)
    sent = [json.loads(body)["events"] for body in receiver.bodies]
    assert [len(events) for events in sent] == [100, 1]
    dates = [event["date"] for events in sent for event in events]
    assert (dates == sorted(dates), sent[0][0]["action"], sent[1][0]["action"]) == (True, "insert", "update")


@pytest.mark.parametrize(
    "wish",
    [{"batch": 101}, {"batch": 0}, {"retries": 4}, {"space": "%2B"}, {"timeout_seconds": 0}, {"colour": 1}],
)
async def test_plugin_that_centra_does_not_offer_is_refused(shop: Shop, wish: dict):
    answer = await shop.sandbox.client.post(f"{PEOPLE}/plugins", json={"url": "http://x/", **wish})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("zone", "offset", "found"), [("Europe/London", "+00:00", 0), ("Asia/Tokyo", "+09:00", 1)]
)
async def test_zone_of_the_instance_rules_dates_out_and_dates_in(
    shop: Shop, receiver: Receiver, zone: str, offset: str, found: int
):
    """Zoneless input is the instance's time: nine in the morning in Tokyo is midnight in London."""
    await shop.sandbox.switch(centra__zone=zone)
    await shop.people("/plugins", url=receiver.url, secret=SECRET)
    shop.sandbox.world.clock.set(at=datetime(2026, 12, 1, 0, 30, tzinfo=UTC))
    shop.token = (await shop.people("/tokens", integration="gateway"))["token"]
    await shop.place()
    query = "query($from: DateTimeTz) { orders(where: {updatedAt: {from: $from}}) { updatedAt } }"
    orders = (await shop.data(query, **{"from": "2026-12-01 09:00:00"}))["orders"]
    assert len(orders) == found
    (order,) = (await shop.data("{ orders { updatedAt } }"))["orders"]
    await shop.delivered(1)
    (event,) = json.loads(receiver.bodies[0])["events"]
    assert order["updatedAt"].endswith(offset)
    assert event["date"][:19] == order["updatedAt"][:19].replace("T", " ")


async def test_version_of_the_instance_is_told(shop: Shop):
    await shop.sandbox.switch(centra__app_version="v1.55.2")
    assert (await shop.ask("{ stores { id } }"))["extensions"]["appVersion"] == "v1.55.2"


@pytest.mark.parametrize("space", ["+", "%20"])
async def test_signature_is_over_the_very_bytes_that_were_sent(shop: Shop, receiver: Receiver, space: str):
    await shop.people("/plugins", url=receiver.url, secret=SECRET, space=space)
    await shop.place()
    await shop.delivered(1)
    ((body, headers),) = receiver.calls
    moment, _, digest = headers["x-centra-signature"].removeprefix("t=").partition(",v1=")
    other = body.replace(b"+", b"%20") if space == "+" else body.replace(b"%20", b"+")
    seals = [
        hmac.new(SECRET.encode(), moment.encode() + b"." + each, hashlib.sha256).hexdigest()
        for each in (body, other)
    ]
    assert [hmac.compare_digest(seal, digest) for seal in seals] == [True, False]
    assert int(headers["content-length"]) == len(body)
