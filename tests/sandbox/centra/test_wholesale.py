import pytest

from tests.sandbox.centra.conftest import PEOPLE, Shop
from tests.sandbox.centra.shipping import complete, made, read

READ = """query($where: OrderFilter) { orders(where: $where, sort: [number_ASC]) { number
  lines { deliveryWindow { id name } }
  ... on WholesaleOrder { purchaseOrderNumber cancelDate account { name paymentTerms { description } }
    deliveryWindows { id name ... on PreorderDeliveryWindow { deliveryStartDate deliveryEndDate } } } } }"""
WINDOW = {"id": 9, "name": "Autumn", "start": "2027-08-01", "end": "2027-08-31"}


async def place(shop: Shop, **wish: object) -> dict:
    terms = {"id": 3, "description": "30 days"}
    return await shop.place(store=3, account={"name": "Marsh & Co", "paymentTerms": terms}, **wish)


async def test_trade_order_shows_its_window_and_its_last_day(shop: Shop):
    order = await place(shop, purchase_order_number="PO-7", delivery_window=WINDOW, cancel_date="2027-09-15")
    (shown,) = (await shop.data(READ, where={"number": order["number"]}))["orders"]
    assert shown == {
        "number": order["number"],
        "lines": [{"deliveryWindow": {"id": 9, "name": "Autumn"}}],
        "purchaseOrderNumber": "PO-7",
        "cancelDate": "2027-09-15T00:00:00+02:00",
        "account": {"name": "Marsh & Co", "paymentTerms": {"description": "30 days"}},
        "deliveryWindows": [
            {
                "id": 9,
                "name": "Autumn",
                "deliveryStartDate": "2027-08-01",
                "deliveryEndDate": "2027-08-31",
            }
        ],
    }


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ({"deliveryWindowId": 9}, [0]),
        ({"cancelDate": {"from": "2027-09-15", "to": "2027-09-15 12:00:00"}}, [0]),
        ({"cancelDate": {"to": "2027-09-14"}}, []),
        ({"cancelDate": {"from": "2027-09-16"}}, [1]),
        ({"cancelDate": {}}, [0, 1]),
    ],
)
async def test_trade_orders_are_found_by_window_and_last_day(shop: Shop, where: dict, found: list):
    orders = [
        await place(shop, delivery_window=WINDOW, cancel_date="2027-09-15"),
        await place(shop, cancel_date="2027-10-01"),
        await place(shop),
        await shop.place(),
    ]
    shown = (await shop.data(READ, where=where))["orders"]
    assert [one["number"] for one in shown] == [orders[place_]["number"] for place_ in found]


async def test_day_that_is_none_is_refused(shop: Shop):
    answer = await shop.ask(READ, where={"cancelDate": {"from": "soon"}})
    assert answer["errors"][0]["extensions"]["category"] == "graphql"


@pytest.mark.parametrize(
    "wish",
    [
        {"cancel_date": "soon"},
        {"delivery_window": {"colour": 1}},
        {"delivery_window": {"start": "2027-09-01", "end": "2027-08-01"}},
    ],
)
async def test_senseless_window_is_refused(shop: Shop, wish: dict):
    lines = [{"sku": shop.articles[0]["sku"]}]
    answer = await shop.sandbox.client.post(f"{PEOPLE}/orders", json={"store": 3, "lines": lines, **wish})
    assert answer.status_code == 400


async def test_trade_order_leaves_when_it_is_marked_as_paid(shop: Shop):
    order = await place(shop)
    shipment = await made(shop, order, isPaid=True)
    assert (await complete(shop, shipment))["shipment"]["isShipped"]
    query = "query($id: [Int!]) { shipments(where: {id: $id}) { __typename } }"
    assert (await shop.data(query, id=shipment["id"]))["shipments"] == [{"__typename": "WholesaleShipment"}]
    assert (await read(shop, order["number"]))["paymentHistory"] == []
