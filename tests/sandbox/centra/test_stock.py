from tests.sandbox.centra.conftest import Shop

READ = """query($sku: [String!]) { productSizes(where: {SKU: $sku}) { SKU stock {
  warehouse { id } physicalQuantity allocatedQuantity freeToAllocateQuantity demandQuantity } } }"""
SET = """mutation($rows: [StockSetProductSizeInput!]!) { setStock(input: {warehouse: {id: 1}, description: "count",
  stockQuantityType: PHYSICAL, productSizes: $rows}) {
  userErrors { message path } userWarnings { message } stockChanges { id } } }"""


async def stock(shop: Shop, sku: str) -> tuple[int, int, int]:
    (size,) = (await shop.data(READ, sku=[sku]))["productSizes"]
    home = size["stock"][0]
    assert home["freeToAllocateQuantity"] == home["physicalQuantity"] - home["allocatedQuantity"]
    return home["physicalQuantity"], home["allocatedQuantity"], home["demandQuantity"]


async def set_stock(shop: Shop, *rows: tuple[dict, int]) -> dict:
    wish = [{"productSize": size, "quantity": quantity} for size, quantity in rows]
    return (await shop.data(SET, rows=wish))["setStock"]


async def test_order_allocates_and_cancelling_gives_back(shop: Shop):
    sku = shop.articles[0]["sku"]
    number = (await shop.place({"sku": sku, "quantity": 3}))["number"]
    assert await stock(shop, sku) == (1000, 3, 0)
    await shop.people(f"/orders/{number}/cancel-lines", lines=[{"sku": sku, "quantity": 1}])
    assert await stock(shop, sku) == (1000, 2, 0)
    await shop.people(f"/orders/{number}/cancel")
    assert await stock(shop, sku) == (1000, 0, 0)


async def test_units_beyond_the_shelf_are_demand_and_leave_first(shop: Shop):
    sku = shop.articles[0]["sku"]
    await set_stock(shop, ({"SKU": sku}, 2))
    number = (await shop.place({"sku": sku, "quantity": 5}))["number"]
    assert await stock(shop, sku) == (2, 2, 3)
    await shop.people(f"/orders/{number}/edit", lines=[{"sku": sku, "quantity": 1}])
    assert await stock(shop, sku) == (2, 1, 0)


async def test_set_stock_is_absolute_and_finds_by_any_code(shop: Shop):
    first, second = shop.articles[:2]
    answer = await set_stock(shop, ({"EAN": first["ean"]}, 38), ({"any": second["sku"]}, 0))
    assert (answer["userErrors"], len(answer["stockChanges"])) == ([], 1)
    assert [(await stock(shop, one["sku"]))[0] for one in (first, second)] == [38, 0]


async def test_unknown_sku_applies_nothing(shop: Shop):
    sku = shop.articles[0]["sku"]
    answer = await set_stock(shop, ({"SKU": sku}, 5), ({"SKU": "NOPE"}, 5))
    assert answer["userErrors"][0]["path"] == ["input", "productSizes", "1"]
    assert (answer["stockChanges"], (await stock(shop, sku))[0]) == ([], 1000)


async def test_unknown_sku_may_be_a_warning(shop: Shop):
    await shop.sandbox.switch(centra__set_stock_unknown="warning")
    sku = shop.articles[0]["sku"]
    answer = await set_stock(shop, ({"SKU": sku}, 5), ({"SKU": "NOPE"}, 5))
    assert (len(answer["userWarnings"]), (await stock(shop, sku))[0]) == (1, 5)


async def test_exactly_one_field_names_a_size(shop: Shop):
    sku, ean = shop.articles[0]["sku"], shop.articles[0]["ean"]
    for size in ({}, {"SKU": sku, "EAN": ean}):
        assert "Exactly one" in (await set_stock(shop, (size, 5)))["userErrors"][0]["message"]


async def test_stock_below_allocated_is_clamped_or_refused(shop: Shop):
    sku = shop.articles[0]["sku"]
    await shop.place({"sku": sku, "quantity": 3})
    assert (await set_stock(shop, ({"SKU": sku}, 1)))["userErrors"] == []
    assert await stock(shop, sku) == (3, 3, 0)
    await shop.sandbox.switch(centra__set_stock_below_allocated="error")
    assert "below" in (await set_stock(shop, ({"SKU": sku}, 1)))["userErrors"][0]["message"]


async def test_lock_names_one_order_and_tells_when_there_is_none(shop: Shop):
    number = (await shop.place())["number"]
    text = "mutation($orders: [OrderInput!]!) { setOrdersLock(input: {orders: $orders, isLocked: true}) {"
    text += " userErrors { message } orders { number isLocked } } }"
    locked = (await shop.data(text, orders=[{"number": number}]))["setOrdersLock"]
    missing = (await shop.data(text, orders=[{"number": 1}]))["setOrdersLock"]
    assert locked == {"userErrors": [], "orders": [{"number": number, "isLocked": True}]}
    assert missing == {"userErrors": [{"message": "Order 1 not found"}], "orders": []}


async def test_shop_may_sell_what_no_other_vendor_knows(shop: Shop):
    article = {**shop.articles[0], "sku": "ODD-1", "style": "ODD", "size": "1", "ean": "5060009999999"}
    made = await shop.sandbox.client.post(
        "/_sandbox/seed", json={"catalogue": {"skus": 5}, "centra": {"articles": [article]}}
    )
    assert "ODD-1" not in {one["sku"] for one in made.json()["catalogue"]}
    await shop.place({"sku": "ODD-1"})
    assert await stock(shop, "ODD-1") == (1000, 1, 0)
