import pytest

from tests.sandbox.centra.conftest import Shop
from tests.sandbox.centra.shipping import complete, made, mails, why
from tests.sandbox.centra.test_shipments import stock

UPDATE = """mutation($order: OrderInput!, $input: DirectToConsumerOrderUpdateInput!) {
  updateDirectToConsumerOrder(order: $order, input: $input) { userErrors { message path } order {
    status isOnHold isInternal orderHoldReason shippingAddress { city firstName country { code } } billingAddress { city }
    lines(includeFullyCancelled: true) { quantity cancelledQuantity } totals { shipping { value } } grandTotal { value } } } }"""
UPDATE_TRADE = """mutation($order: OrderInput!, $input: WholesaleOrderUpdateInput!) {
  updateWholesaleOrder(order: $order, input: $input) { userErrors { message } order { isOnHold shippingAddress { city } } } }"""
CANCEL = """mutation($id: String!, $input: DirectToConsumerOrderCancelInput!) { cancelDirectToConsumerOrder(id: $id, input: $input) {
  userErrors { message path } order { status lines { quantity } } } }"""
CANCEL_TRADE = """mutation($id: String!) { cancelWholesaleOrder(id: $id, input: {
  emailOptions: {sendEmail: true}, stockAction: {removeItemsFromStock: true}}) {
  userErrors { message } order { status } } }"""


async def update(shop: Shop, order: dict, **wish: object) -> dict:
    wanted = {"number": order["number"]}
    return (await shop.data(UPDATE, order=wanted, input=wish))["updateDirectToConsumerOrder"]


async def cancel(shop: Shop, order: dict, **wish: object) -> dict:
    plain = {"emailOptions": {"sendEmail": False}, "stockAction": {"releaseItemsBackToWarehouse": True}}
    answer = await shop.data(CANCEL, id=order["id"], input={**plain, **wish})
    return answer["cancelDirectToConsumerOrder"]


def cut(order: dict, place: int, quantity: int, **wish: object) -> dict:
    return {"line": {"id": order["lines"][place]["id"]}, "quantity": quantity, **wish}


async def place_two(shop: Shop, **wish: object) -> dict:
    first, second = shop.articles[:2]
    return await shop.place({"sku": first["sku"], "quantity": 3}, {"sku": second["sku"]}, **wish)


async def test_address_is_merged_and_its_country_stays(shop: Shop):
    order = await place_two(shop)
    shown = (await update(shop, order, shippingAddress={"city": "York"}))["order"]
    assert shown["shippingAddress"] == {"city": "York", "firstName": "Ada", "country": {"code": "GB"}}
    assert shown["billingAddress"] == {"city": "Leeds"}
    answer = await shop.ask(UPDATE, order={"number": 1}, input={"shippingAddress": {"country": "FR"}})
    assert answer["errors"][0]["extensions"]["category"] == "graphql"


async def test_order_is_held_and_released_with_words_of_its_own(shop: Shop):
    order = await place_two(shop)
    held = (await update(shop, order, isOnHold=True, holdStatusChangeReason="odd address", isInternal=True))[
        "order"
    ]
    assert (held["isOnHold"], held["orderHoldReason"], held["isInternal"]) == (True, None, True)
    assert (await update(shop, order, isOnHold=False))["order"]["isOnHold"] is False


async def test_reason_of_a_held_order_stays(shop: Shop):
    order = await place_two(shop, hold="PAYMENT_MISMATCH")
    assert (await update(shop, order, isOnHold=True))["order"]["orderHoldReason"] == "PAYMENT_MISMATCH"


@pytest.mark.parametrize(
    ("action", "physical"),
    [(None, 1000), ("RELEASE_BACK_TO_WAREHOUSE", 1000), ("REMOVE_FROM_STOCK", 998)],
)
async def test_cancelled_units_go_back_or_are_written_off(shop: Shop, action: str | None, physical: int):
    order = await place_two(shop)
    wish = cut(order, 0, 2) if action is None else cut(order, 0, 2, stockAction=action)
    shown = (await update(shop, order, cancelLines=[wish], cancellationComment="torn"))["order"]
    assert shown["lines"][0] == {"quantity": 1, "cancelledQuantity": 2}
    assert await stock(shop, shop.articles[0]["sku"]) == (physical, 1, 0)


async def test_units_in_a_shipment_cannot_be_cancelled(shop: Shop):
    order = await place_two(shop)
    await made(shop, order, (0, 2))
    price = {"currencyIsoCode": "GBP", "value": 7.5}
    extra = {"display": {"id": 1}, "productSize": {"SKU": shop.articles[3]["sku"]}, "quantity": 1}
    wish = {"addLines": [{**extra, "unitPrice": price}], "isInternal": True}
    refused = await update(shop, order, cancelLines=[cut(order, 1, 1), cut(order, 0, 2)], **wish)
    assert "in no shipment" in why(refused)
    row = (await shop.rows("centra"))[-1]
    assert row["changed"] == []
    shown = (await update(shop, order, cancelLines=[cut(order, 0, 1)]))["order"]
    assert shown["lines"][0] == {"quantity": 2, "cancelledQuantity": 1}


@pytest.mark.parametrize(("quantity", "reason"), [(0, "greater than 0"), (4, "in no shipment")])
async def test_senseless_cut_is_refused(shop: Shop, quantity: int, reason: str):
    order = await place_two(shop)
    assert reason in why(await update(shop, order, cancelLines=[cut(order, 0, quantity)]))


async def test_same_line_is_not_cut_below_nothing_by_two_wishes(shop: Shop):
    order = await place_two(shop)
    assert "in no shipment" in why(await update(shop, order, cancelLines=[cut(order, 0, 2)] * 2))


async def test_shipping_can_only_be_lowered_while_confirmed(shop: Shop):
    order = await place_two(shop, shipping="5.00")
    gbp = {"currencyIsoCode": "GBP"}
    assert "lowered" in why(await update(shop, order, shippingCost={**gbp, "value": 5.01}))
    assert "GBP" in why(await update(shop, order, shippingCost={"currencyIsoCode": "EUR", "value": 1}))
    assert "negative" in why(await update(shop, order, shippingCost={**gbp, "value": -1}))
    lowered = (await update(shop, order, shippingCost={**gbp, "value": 2.5}))["order"]
    assert lowered["totals"]["shipping"]["value"] == 2.5
    await made(shop, order, (1, 1))
    assert "not confirmed" in why(await update(shop, order, shippingCost={**gbp, "value": 1}))


async def test_lines_are_added_by_any_code(shop: Shop):
    order = await place_two(shop)
    extra = shop.articles[3]
    price = {"currencyIsoCode": "GBP", "value": 7.5}
    wish = {"display": {"id": 1}, "productSize": {"EAN": extra["ean"]}, "quantity": 2, "unitPrice": price}
    shown = (await update(shop, order, addLines=[wish]))["order"]
    assert shown["lines"][-1] == {"quantity": 2, "cancelledQuantity": 0}
    assert shown["grandTotal"]["value"] == float(order["figures"]["grand_total"]) + 15
    assert await stock(shop, extra["sku"]) == (1000, 2, 0)
    for size in ({"SKU": "NOPE"}, {}):
        assert (await update(shop, order, addLines=[{**wish, "productSize": size}]))["order"] is None
    assert "than 0" in why(await update(shop, order, addLines=[{**wish, "quantity": 0}]))
    euro = {**price, "currencyIsoCode": "EUR"}
    assert "GBP" in why(await update(shop, order, addLines=[{**wish, "unitPrice": euro}]))


async def test_locked_order_is_changed_only_by_whoever_may_lock(shop: Shop):
    order = await place_two(shop)
    await shop.people(f"/orders/{order['number']}/lock")
    held = ["Order:read", "Order:write", "Order.shippingAddress:read", "Order.billingAddress:read"]
    weak = (await shop.people("/tokens", integration="weak", permissions=held))["token"]
    wish = {"order": {"number": order["number"]}, "input": {"isInternal": True}}
    refused = (await shop.data(UPDATE, weak, **wish))["updateDirectToConsumerOrder"]
    assert "locked" in why(refused)
    assert (await update(shop, order, isInternal=True))["order"]["isInternal"]


async def test_comments_are_changed(shop: Shop):
    order = await place_two(shop)
    await update(shop, order, internalComment="call her", otherComment="ring twice")
    shown = (await shop.data("{ orders { internalComment otherComment } }"))["orders"]
    assert shown == [{"internalComment": "call her", "otherComment": "ring twice"}]


async def test_closed_order_is_not_changed(shop: Shop):
    order = await place_two(shop)
    await cancel(shop, order)
    assert "cancelled" in why(await update(shop, order, isInternal=True))


async def test_each_kind_of_order_has_its_own_mutations(shop: Shop):
    consumer, trade = await place_two(shop), await place_two(shop, store=3)
    assert "not found" in why(await update(shop, trade, isInternal=True))
    assert "not found" in why(await cancel(shop, trade))
    wish = {"isOnHold": True, "shippingAddress": {"city": "Hull"}}
    answer = await shop.data(UPDATE_TRADE, order={"number": trade["number"]}, input=wish)
    shown = answer["updateWholesaleOrder"]["order"]
    assert shown == {"isOnHold": True, "shippingAddress": {"city": "Hull"}}
    answers = [
        (await shop.data(CANCEL_TRADE, id=one["id"]))["cancelWholesaleOrder"] for one in (consumer, trade)
    ]
    assert [len(one["userErrors"]) for one in answers] == [1, 0]


async def test_cancelled_order_keeps_its_quantities_and_gives_its_stock_back(shop: Shop):
    order = await place_two(shop)
    wish = {"comment": "changed her mind", "emailOptions": {"sendEmail": True}}
    answer = await cancel(shop, order, **wish)
    assert answer["order"] == {"status": "CANCELLED", "lines": [{"quantity": 3}, {"quantity": 1}]}
    assert await stock(shop, shop.articles[0]["sku"]) == (1000, 0, 0)
    assert await mails(shop, "cancellation") == [(None, None)]


@pytest.mark.parametrize(
    ("policy", "physical"),
    [({"removeItemsFromStock": True}, 997), ({"releaseItemsBackToWarehouse": True}, 1000)],
)
async def test_cancelled_orders_units_may_be_written_off(shop: Shop, policy: dict, physical: int):
    await cancel(shop, await place_two(shop), stockAction=policy)
    assert await stock(shop, shop.articles[0]["sku"]) == (physical, 0, 0)


async def test_stock_action_is_exactly_one(shop: Shop):
    both = {"removeItemsFromStock": True, "releaseItemsBackToWarehouse": True}
    assert "Exactly one" in why(await cancel(shop, await place_two(shop), stockAction=both))


async def test_open_shipment_goes_with_its_order_and_a_shipped_one_stops_the_cancelling(shop: Shop):
    order = await place_two(shop)
    shipment = await made(shop, order, (0, 1))
    assert (await cancel(shop, order))["order"]["status"] == "CANCELLED"
    text = "query($id: [Int!]) { shipments(where: {id: $id}) { id } }"
    assert (await shop.data(text, id=shipment["id"]))["shipments"] == []
    other = await place_two(shop)
    await complete(shop, await made(shop, other, (0, 1), isPaid=True))
    assert "shipped or paid" in why(await cancel(shop, other))


async def test_confirmation_is_mailed(shop: Shop):
    order = await place_two(shop, status="PENDING")
    text = "mutation($n: Int!) { confirmOrder(input: {order: {number: $n}}) { userErrors { message } } }"
    for _ in range(2):
        await shop.data(text, n=order["number"])
    assert await mails(shop, "confirmation") == [(None, None)]
