from datetime import timedelta

import pytest

from tests.sandbox.centra.conftest import Shop
from tests.sandbox.centra.shipping import (
    CREATE,
    complete,
    create,
    delete,
    made,
    mails,
    read,
    update,
    why,
)

STOCK = """query($sku: [String!]) { productSizes(where: {SKU: $sku}) { stock {
  physicalQuantity allocatedQuantity demandQuantity } } }"""
PARCEL = {
    "carrier": "DPD",
    "service": "Next Day",
    "packagesNumber": 2,
    "trackingNumber": "15502370000001",
    "returnTrackingNumber": "15502370000002",
    "internalShippingCost": {"currencyIsoCode": "GBP", "value": 3.2},
}


async def place_two(shop: Shop, **wish: object) -> dict:
    """Three of one article, one of another."""
    first, second = shop.articles[:2]
    return await shop.place({"sku": first["sku"], "quantity": 3}, {"sku": second["sku"]}, **wish)


async def stock(shop: Shop, sku: str) -> tuple[int, int, int]:
    home = (await shop.data(STOCK, sku=[sku]))["productSizes"][0]["stock"][0]
    return home["physicalQuantity"], home["allocatedQuantity"], home["demandQuantity"]


async def test_first_shipment_is_numbered_after_its_order_and_starts_it(shop: Shop):
    order = await place_two(shop)
    shipment = await made(shop, order, (0, 2))
    assert shipment == {
        "id": shipment["id"],
        "number": f"{order['number']}-1",
        "isGoodToGo": True,
        "isPaid": False,
        "isCaptured": False,
        "isShipped": False,
        "lines": [{"id": shipment["lines"][0]["id"], "quantity": 2}],
        "order": {"number": order["number"], "status": "PROCESSING"},
    }


async def test_order_is_shipped_when_the_last_unit_has_left(shop: Shop):
    order = await place_two(shop)
    first = await made(shop, order, (0, 2), isPaid=True)
    second = await made(shop, order, (0, 1), (1, 1), isPaid=True)
    statuses = [(await complete(shop, one))["shipment"]["order"]["status"] for one in (second, first)]
    shown = await read(shop, order["number"])
    assert (statuses, [line["shippedQuantity"] for line in shown["lines"]]) == (
        ["PROCESSING", "SHIPPED"],
        [3, 1],
    )
    assert "already fully shipped" in why(await create(shop, order, (0, 1)))


async def test_rest_that_is_cancelled_completes_the_order(shop: Shop):
    order = await place_two(shop)
    await complete(shop, await made(shop, order, (0, 3), isPaid=True))
    line = order["lines"][1]["id"]
    await shop.people(f"/orders/{order['number']}/cancel-lines", lines=[{"line": line}])
    assert (await read(shop, order["number"]))["status"] == "SHIPPED"


@pytest.mark.parametrize(
    ("wish", "reason"), [({"status": "PENDING"}, "pending"), ({"hold": "PAYMENT_MISMATCH"}, "on hold")]
)
async def test_pending_and_held_orders_are_not_shipped(shop: Shop, wish: dict, reason: str):
    order = await place_two(shop, **wish)
    answer = await create(shop, order)
    assert (reason in why(answer), answer["shipment"]) == (True, None)
    assert (await read(shop, order["number"]))["shipments"] == []


async def test_cancelled_order_is_not_shipped(shop: Shop):
    order = await place_two(shop)
    await shop.people(f"/orders/{order['number']}/cancel")
    assert "cancelled" in why(await create(shop, order))


@pytest.mark.parametrize(("rule", "errors"), [("ships", 0), ("refuses", 1)])
async def test_locked_order_is_shipped_or_not_by_switch(shop: Shop, rule: str, errors: int):
    await shop.sandbox.switch(centra__locked_order=rule)
    order = await place_two(shop)
    await shop.people(f"/orders/{order['number']}/lock")
    assert len((await create(shop, order))["userErrors"]) == errors


@pytest.mark.parametrize(
    ("units", "reason"),
    [
        ([(0, 4)], "only 3 left"),
        ([(0, 2), (0, 2)], "only 1 left"),
        ([(0, 0)], "greater than 0"),
        ([(0, -1)], "greater than 0"),
    ],
)
async def test_more_than_was_ordered_is_refused(shop: Shop, units: list, reason: str):
    order = await place_two(shop)
    answer = await create(shop, order, *units)
    place = str(len(units) - 1)
    assert (reason in why(answer), answer["userErrors"][0]["path"]) == (
        True,
        ["input", "lines", place, "quantity"],
    )


async def test_units_of_another_shipment_count(shop: Shop):
    order = await place_two(shop)
    await made(shop, order, (0, 2))
    assert "only 1 left" in why(await create(shop, order, (0, 2)))
    await made(shop, order, (0, 1))
    assert "already fully shipped" in why(await create(shop, order, (0, 1)))
    await made(shop, order, (1, 1))
    assert f"Order {order['number']} is already fully shipped" in why(await create(shop, order, (0, 1)))


async def test_refused_shipment_leaves_nothing_behind(shop: Shop):
    order = await place_two(shop)
    await create(shop, order, (0, 1), (1, 2))
    row = (await shop.rows("centra"))[-1]
    assert (row["key"], row["changed"]) == ("Create", [])


async def test_lines_of_another_order_and_none_at_all_are_refused(shop: Shop):
    order, other = await place_two(shop), await place_two(shop)
    assert "not found" in why(await create(shop, {**order, "lines": other["lines"]}))
    assert "needs lines" in why(await create(shop, order, lines=[]))
    assert "needs lines" in why(await create(shop, order, lines=None))


async def test_order_is_named_by_exactly_one_field(shop: Shop):
    order = await place_two(shop)
    for wish in ({}, {"id": order["id"], "number": order["number"]}):
        answer = await shop.data(CREATE, input={"order": wish, "lines": []})
        assert "Exactly one" in why(answer["createShipment"])
    assert "not found" in why(await create(shop, {**order, "number": 1}))


async def test_bundle_is_shipped_by_its_items(shop: Shop):
    items = [{"sku": one["sku"], "quantity": 2} for one in shop.articles[:2]]
    wish = {"bundle": {"sku": "SET-1", "name": "Set", "price": "99.99"}, "quantity": 2, "items": items}
    order = await shop.place(wish)
    assert "not found" in why(await create(shop, order, (0, 1)))
    shipment = await made(shop, order, (1, 2), (2, 3), isPaid=True)
    await complete(shop, shipment)
    shown = await read(shop, order["number"])
    assert [line["shippedQuantity"] for line in shown["lines"]] == [1, 2, 3]
    path = f"/_sandbox/people/centra/orders/{order['number']}/cancel-lines"
    parent = {"line": order["lines"][0]["id"], "quantity": 1}
    assert (await shop.sandbox.client.post(path, json={"lines": [parent]})).status_code == 400


async def test_physical_stock_falls_when_the_shipment_leaves(shop: Shop):
    sku = shop.articles[0]["sku"]
    order = await place_two(shop)
    shipment = await made(shop, order, (0, 2), isPaid=True)
    assert await stock(shop, sku) == (1000, 3, 0)
    await complete(shop, shipment)
    assert await stock(shop, sku) == (998, 1, 0)
    await shop.people(f"/orders/{order['number']}/cancel-lines", lines=[{"sku": sku}])
    assert await stock(shop, sku) == (998, 0, 0)


async def scarce(shop: Shop, *, later: int) -> dict:
    """An order of three, of which two lay on the shelf when it was placed, and `later` more afterwards."""
    sku = shop.articles[0]["sku"]
    text = """mutation($sku: String!, $quantity: Int!) { setStock(input: {warehouse: {id: 1}, description: "count",
      stockQuantityType: PHYSICAL, productSizes: {productSize: {SKU: $sku}, quantity: $quantity}}) { userErrors { message } } }"""
    await shop.data(text, sku=sku, quantity=2)
    order = await shop.place({"sku": sku, "quantity": 3})
    await shop.data(text, sku=sku, quantity=2 + later)
    return order


async def test_units_without_an_allocation_are_refused(shop: Shop):
    order = await scarce(shop, later=5)
    assert "1 units are not allocated" in why(await create(shop, order))
    await made(shop, order, (0, 2))
    assert "1 units are not allocated" in why(await create(shop, order, (0, 1)))


async def test_demand_is_allocated_if_the_shelf_has_it(shop: Shop):
    order = await scarce(shop, later=1)
    shipment = await made(shop, order, allocateDemand=True, isPaid=True)
    assert await stock(shop, shop.articles[0]["sku"]) == (3, 3, 0)
    await complete(shop, shipment)
    assert await stock(shop, shop.articles[0]["sku"]) == (0, 0, 0)


async def test_demand_that_nobody_can_meet_is_refused(shop: Shop):
    order = await scarce(shop, later=0)
    assert "not allocated" in why(await create(shop, order, allocateDemand=True))


async def test_units_without_an_allocation_may_leave_by_switch(shop: Shop):
    await shop.sandbox.switch(centra__beyond_allocation="allow")
    order = await scarce(shop, later=0)
    shipment = await made(shop, order, isPaid=True)
    await complete(shop, shipment)
    assert await stock(shop, shop.articles[0]["sku"]) == (0, 0, 0)


async def test_shipment_that_is_not_packed_or_not_paid_stays(shop: Shop):
    order = await place_two(shop)
    shipment = await made(shop, order, isGoodToGo=False)
    assert "not good to go" in why(await complete(shop, shipment))
    await update(shop, shipment, isGoodToGo=True)
    assert "not paid" in why(await complete(shop, shipment))
    await update(shop, shipment, isPaid=True)
    assert (await complete(shop, shipment))["shipment"]["isShipped"]
    assert "already shipped" in why(await complete(shop, shipment))


async def test_shipment_of_an_order_that_is_held_meanwhile_stays(shop: Shop):
    order = await place_two(shop)
    shipment = await made(shop, order, isPaid=True)
    await shop.people(f"/orders/{order['number']}/hold")
    assert "on hold" in why(await complete(shop, shipment))


PARCELS = """query($id: [Int!]) { shipments(where: {id: $id}) { __typename trackingNumber returnTrackingNumber numberOfPackages
  internalShippingCost { value } carrierInformation { carrierName serviceName } additionalMessage externalId shippedAt } }"""


async def test_parcel_is_shown_as_it_was_told(shop: Shop):
    shipment = await made(shop, await place_two(shop), isPaid=True)
    await complete(shop, shipment, shipmentInfo=PARCEL, additionalMessage="Ring twice")
    (shown,) = (await shop.data(PARCELS, id=shipment["id"]))["shipments"]
    assert shown.pop("shippedAt") is not None
    assert shown == {
        "__typename": "DirectToConsumerShipment",
        "trackingNumber": "15502370000001",
        "returnTrackingNumber": "15502370000002",
        "numberOfPackages": 2,
        "internalShippingCost": {"value": 3.2},
        "carrierInformation": {"carrierName": "DPD", "serviceName": "Next Day"},
        "additionalMessage": "Ring twice",
        "externalId": None,
    }


async def test_cost_in_a_foreign_currency_is_refused(shop: Shop):
    shipment = await made(shop, await place_two(shop))
    cost = {"internalShippingCost": {"currencyIsoCode": "EUR", "value": 3}}
    assert "GBP" in why(await update(shop, shipment, shipmentInfo=cost))


@pytest.mark.parametrize(
    "wish", [{"shipmentInfo": {"carrier": "X"}}, {"shipmentMethod": {"pluginId": 4}}, {"isGoodToGo": False}]
)
async def test_what_has_left_is_frozen(shop: Shop, wish: dict):
    shipment = await made(shop, await place_two(shop), isPaid=True)
    assert (await update(shop, shipment, **wish))["userErrors"] == []
    await update(shop, shipment, isGoodToGo=True)
    await complete(shop, shipment)
    assert "is shipped" in why(await update(shop, shipment, **wish))


async def test_external_id_can_be_given_after_it_left_and_moves_to_the_newest(shop: Shop):
    order = await place_two(shop)
    first, second = [await made(shop, order, units, isPaid=True) for units in ((0, 1), (1, 1))]
    await complete(shop, first)
    for shipment in (first, second):
        assert (await update(shop, shipment, externalId="DN-1"))["userErrors"] == []
    query = "query($e: [String!]) { shipments(where: {externalId: $e}) { id externalId } }"
    assert (await shop.data(query, e="DN-1"))["shipments"] == [{"id": second["id"], "externalId": "DN-1"}]
    other = (await shop.people("/tokens", integration="somebody else"))["token"]
    assert (await shop.data(query, other, e="DN-1"))["shipments"] == []
    assert "255" in why(await update(shop, second, externalId="x" * 256))
    await update(shop, second, externalId="DN-2")
    shown = (await shop.data(query, e=["DN-1", "DN-2"]))["shipments"]
    assert (shown, (await shop.data(query, e="DN-1"))["shipments"]) == (
        [{"id": second["id"], "externalId": "DN-2"}],
        [],
    )


async def test_only_what_is_neither_shipped_nor_paid_can_be_deleted(shop: Shop):
    order = await place_two(shop)
    loose, paid, shipped = (
        await made(shop, order, (0, 1)),
        await made(shop, order, (0, 1), isPaid=True),
        await made(shop, order, (1, 1), isPaid=True),
    )
    await complete(shop, shipped)
    assert "is paid" in why(await delete(shop, paid))
    assert "is shipped" in why(await delete(shop, shipped))
    assert (await delete(shop, loose))["userErrors"] == []
    assert "not found" in why(await delete(shop, loose))
    assert (await made(shop, order, (0, 2)))["number"] == f"{order['number']}-4"


async def test_order_without_its_only_shipment_is_confirmed_again(shop: Shop):
    order = await place_two(shop)
    await delete(shop, await made(shop, order))
    assert (await read(shop, order["number"]))["status"] == "CONFIRMED"


async def test_paid_is_taken_back_until_it_left(shop: Shop):
    order = await place_two(shop)
    shipment = await made(shop, order, isPaid=True)
    assert (await update(shop, shipment, isPaid=False))["shipment"]["isPaid"] is False
    await update(shop, shipment, isPaid=True, paidValue={"currencyIsoCode": "GBP", "value": 5})
    await complete(shop, shipment)
    assert "captured or shipped" in why(await update(shop, shipment, isPaid=False))


async def test_shipment_that_left_already_is_made_and_completed_at_once(shop: Shop):
    order = await place_two(shop)
    shipment = await made(shop, order, isPaid=True, shippedAt="-1 hour", sendEmail=True)
    assert (shipment["isShipped"], shipment["order"]["status"]) == (True, "SHIPPED")
    assert await mails(shop) == [(shipment["number"], None)]


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        ({"shippedAt": "1 hour", "isPaid": True}, "future"),
        ({"createdAt": "1 hour"}, "future"),
        ({"shippedAt": "-1 hour"}, "not paid"),
        ({"shippedAt": "-1 hour", "isPaid": True, "isGoodToGo": False}, "not good to go"),
        ({"shippedAt": "yesterday-ish", "isPaid": True}, "parse"),
    ],
)
async def test_shipment_that_left_already_must_have_been_able_to(shop: Shop, wish: dict, reason: str):
    assert reason in why(await create(shop, await place_two(shop), **wish))


async def test_moment_of_leaving_is_not_in_the_future(shop: Shop):
    shipment = await made(shop, await place_two(shop), isPaid=True)
    late = shop.sandbox.world.clock.now() + timedelta(hours=1)
    answer = await complete(shop, shipment, shippedAt=late.isoformat())
    assert answer["userErrors"] == [
        {"message": "shippedAt must not be in the future.", "path": ["input", "shippedAt"]}
    ]


@pytest.mark.parametrize(("rule", "count"), [("shipped", 1), ("always", 2)])
async def test_mail_is_sent_when_it_leaves_and_by_switch_before(shop: Shop, rule: str, count: int):
    await shop.sandbox.switch(centra__mail_on_create=rule)
    shipment = await made(shop, await place_two(shop), isPaid=True, sendEmail=True)
    await complete(shop, shipment, sendEmail=True, shipmentInfo=PARCEL)
    sent = await mails(shop)
    assert (len(sent), sent[-1]) == (count, (shipment["number"], "15502370000001"))


async def test_no_mail_unless_asked_for(shop: Shop):
    await complete(shop, await made(shop, await place_two(shop), isPaid=True), shipmentInfo=PARCEL)
    assert await mails(shop) == []
