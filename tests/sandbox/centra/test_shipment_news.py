"""Whom Centra tells of shipments, and how they are found."""

import json

import pytest

from tests.sandbox.centra.conftest import SECRET, Shop
from tests.sandbox.centra.shipping import capture, complete, delete, made, read, update
from tests.sandbox.conftest import Receiver

EVENTS = """{ events(limit: 200) { objectType changeType objectReference object {
  ... on Shipment { id isShipped } ... on Order { number status } } } }"""
FIND = """query($where: ShipmentFilter, $limit: Int! = 20, $page: Int! = 1) {
  shipments(where: $where, limit: $limit, page: $page) { id } }"""


@pytest.fixture
async def plugged(shop: Shop, receiver: Receiver) -> Shop:
    """Told of shipments and nothing else."""
    await shop.people("/plugins", url=receiver.url, secret=SECRET, triggers=["shipment"])
    return shop


async def told(shop: Shop, receiver: Receiver) -> list[tuple[str, str, int]]:
    """All webhook events, once none waits."""
    while (await shop.sandbox.client.get("/_sandbox/people/centra/outbound")).json()["pending"]:
        continue
    events = [event for body in receiver.bodies for event in json.loads(body)["events"]]
    return [(event["type"], event["action"], event["id"]) for event in events]


async def test_shipment_is_told_from_its_making_to_its_leaving(plugged: Shop, receiver: Receiver):
    shipment = await made(plugged, await plugged.place(), isGoodToGo=False)
    await update(plugged, shipment, isGoodToGo=True)
    await capture(plugged, shipment)
    await complete(plugged, shipment)
    words = ("create", "good_to_go", "update", "update")
    assert await told(plugged, receiver) == [("shipment", word, shipment["id"]) for word in words]


async def test_packed_shipment_is_told_twice_after_its_order(shop: Shop, receiver: Receiver):
    plugin = await shop.people(
        "/plugins", url=receiver.url, secret=SECRET, triggers=["order", "shipment"], active=False
    )
    order = await shop.place()
    shipment = await made(shop, order)
    path = f"/_sandbox/people/centra/plugins/{plugin['id']}"
    await shop.sandbox.client.patch(path, json={"active": True})
    assert await told(shop, receiver) == [
        ("order", "insert", order["number"]),
        ("order", "update", order["number"]),
        ("shipment", "create", shipment["id"]),
        ("shipment", "good_to_go", shipment["id"]),
    ]
    (row,) = await shop.delivered(1)
    (described,) = [one for one in row["changed"] if one["entity"] == "centra.delivery"]
    assert {one["number"] for one in described["after"]["events"]} == {order["number"]}


@pytest.mark.parametrize("rule", ["update", "complete"])
async def test_word_for_completion_is_a_switch(plugged: Shop, receiver: Receiver, rule: str):
    await plugged.sandbox.switch(centra__shipment_completed_action=rule)
    await complete(plugged, await made(plugged, await plugged.place(), isPaid=True))
    assert (await told(plugged, receiver))[-1][1] == rule


@pytest.mark.parametrize(("rule", "words"), [(True, ["create", "delete"]), (False, ["create"])])
async def test_deletion_is_told_by_switch(plugged: Shop, receiver: Receiver, rule: object, words: list):
    await plugged.sandbox.switch(centra__shipment_deleted_webhook=rule)
    await delete(plugged, await made(plugged, await plugged.place(), isGoodToGo=False))
    assert [word for _, word, _ in await told(plugged, receiver)] == words


@pytest.mark.parametrize("rule", ["shipment", "order"])
async def test_id_of_a_shipments_webhook_is_a_switch(plugged: Shop, receiver: Receiver, rule: str):
    await plugged.sandbox.switch(centra__shipment_webhook_id=rule)
    order = await plugged.place()
    shipment = await made(plugged, order)
    expected = shipment["id"] if rule == "shipment" else order["number"]
    assert {id_ for _, _, id_ in await told(plugged, receiver)} == {expected}


async def listen(shop: Shop) -> None:
    text = "mutation { setEventListeners(input: [{objectType: Order}, {objectType: Shipment}]) { userErrors { message } } }"
    await shop.data(text)


async def test_events_tell_of_completion_instead_of_an_update(shop: Shop):
    await listen(shop)
    order = await shop.place()
    shipment = await made(shop, order, isPaid=True)
    await complete(shop, shipment)
    shown = (await shop.data(EVENTS))["events"]
    said = [(one["objectType"], one["changeType"], one["objectReference"]) for one in shown]
    assert said == [
        ("Order", "CREATED", order["number"]),
        ("Order", "UPDATED", order["number"]),
        ("Shipment", "CREATED", shipment["id"]),
        ("Order", "COMPLETED", order["number"]),
        ("Shipment", "COMPLETED", shipment["id"]),
    ]
    assert shown[2]["object"] == {"id": shipment["id"], "isShipped": True}


async def test_deleted_shipment_is_an_event_without_an_object(shop: Shop):
    await listen(shop)
    await delete(shop, await made(shop, await shop.place()))
    shown = [one for one in (await shop.data(EVENTS))["events"] if one["objectType"] == "Shipment"]
    assert [(one["changeType"], one["object"]) for one in shown] == [("CREATED", None), ("DELETED", None)]


@pytest.mark.parametrize("rule", ["UPDATED", "DEPENDENT_DATA_CHANGED"])
async def test_order_whose_shipment_changes_is_updated_or_dependent(shop: Shop, rule: str):
    await shop.sandbox.switch(centra__shipment_order_event=rule)
    await listen(shop)
    shipment = await made(shop, await shop.place())
    await update(shop, shipment, isPaid=True)
    said = [one["changeType"] for one in (await shop.data(EVENTS))["events"] if one["objectType"] == "Order"]
    assert said == ["CREATED", "UPDATED", rule]


@pytest.mark.parametrize("rule", [True, False])
async def test_shipment_moves_its_orders_date_by_switch(shop: Shop, rule: object):
    await shop.sandbox.switch(centra__shipment_moves_order=rule)
    order = await shop.place()
    shipment = await made(shop, order)
    before = (await read(shop, order["number"]))["updatedAt"]
    shop.sandbox.world.clock.advance(60)
    await capture(shop, shipment)
    assert ((await read(shop, order["number"]))["updatedAt"] > before) is rule
    shop.sandbox.world.clock.advance(60)
    await complete(shop, shipment)
    assert (await read(shop, order["number"]))["updatedAt"] > before


async def test_shipments_are_found_by_what_they_are(shop: Shop):
    orders = [await shop.place(), await shop.place(store=2), await shop.place()]
    one, other, third = [await made(shop, order, isPaid=order is not orders[2]) for order in orders]
    await complete(shop, one, shipmentInfo={"trackingNumber": "T-1"})
    shop.sandbox.world.clock.advance(60)
    found = {
        name: [shipment["id"] for shipment in (await shop.data(FIND, where=where))["shipments"]]
        for name, where in {
            "all": {},
            "id": {"id": [other["id"], third["id"]]},
            "number": {"number": other["number"]},
            "order": {"orderId": orders[2]["id"]},
            "store": {"storeId": 2},
            "shipped": {"isShipped": True},
            "open": {"isShipped": False, "isPaid": True},
            "not": {"isPaid": True, "negate": ["isPaid"]},
            "loose": {"shippedAt": {"from": "-1 hour"}, "negate": "shippedAt"},
            "tracked": {"trackingNumber": "T-1"},
            "left": {"shippedAt": {"from": "-1 hour"}},
            "later": {"createdAt": {"from": "-1 second"}},
        }.items()
    }
    a, b, c = (shipment["id"] for shipment in (one, other, third))
    assert found == {
        "all": [a, b, c],
        "id": [b, c],
        "number": [b],
        "order": [c],
        "store": [b],
        "shipped": [a],
        "open": [b],
        "not": [c],
        "loose": [b, c],
        "tracked": [a],
        "left": [a],
        "later": [],
    }
    assert [one["id"] for one in (await shop.data(FIND, limit=2, page=2))["shipments"]] == [c]
    assert "between 1 and 200" in (await shop.ask(FIND, limit=0))["errors"][0]["message"]
    odd = await shop.ask(FIND, where={"negate": ["colour"]})
    assert "colour" in odd["errors"][0]["message"]


async def test_store_token_neither_sees_nor_touches_shipments_of_other_stores(shop: Shop):
    bound = (await shop.people("/tokens", integration="bound", store=1))["token"]
    shipment = await made(shop, await shop.place(store=2))
    assert (await shop.data(FIND, bound))["shipments"] == []
    text = "mutation($id: Int!) { deleteShipment(id: $id) { userErrors { message } } }"
    refused = (await shop.data(text, bound, id=shipment["id"]))["deleteShipment"]["userErrors"]
    assert refused == [{"message": f"Shipment {shipment['id']} not found"}]


@pytest.mark.parametrize(
    ("query", "held", "missing"),
    [
        ("{ shipments { id } }", ["Order:read"], "Shipment:read"),
        ("{ shipments { order { number } } }", ["Shipment:read"], "Order:read"),
        (
            "mutation { deleteShipment(id: 1) { userErrors { message } } }",
            ["Shipment:read"],
            "Shipment:write",
        ),
        (
            "mutation { captureShipment(id: 1) { paymentHistoryEntries { id } } }",
            ["Shipment:write"],
            "PaymentHistory:read",
        ),
        (
            "mutation { captureOrder(order: {number: 1}) { userErrors { message } } }",
            ["Shipment:write", "Order:read"],
            "Order:write",
        ),
    ],
)
async def test_permissions_of_shipments(shop: Shop, query: str, held: list, missing: str):
    weak = (await shop.people("/tokens", integration="weak", permissions=held))["token"]
    message = (await shop.ask(query, weak))["errors"][0]["message"]
    assert message.startswith(f"You need {missing} permission")


async def test_documented_mutation_needs_what_the_documents_say(shop: Shop):
    text = """mutation { createShipment(input: {order: {number: 1}}) { userErrors { message }
      shipment { id order { number } } } }"""
    answer = await shop.ask(text)
    assert answer["extensions"]["permissionsUsed"] == ["Shipment:write", "Shipment:read", "Order:read"]


async def test_mutations_of_shipments_use_up_their_quota(shop: Shop):
    await shop.people("/quota", MUTATION_COUNT=19)
    text = "mutation { a: deleteShipment(id: 1) { userErrors { message } } b: deleteShipment(id: 2) { userErrors { message } } }"
    assert (await shop.post(text)).status_code == 429
