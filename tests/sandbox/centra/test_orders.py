import pytest

from tests.sandbox.centra.conftest import Shop

READ = """
query Read($numbers: [Int!]) {
  orders(where: {number: $numbers}, sort: [number_ASC]) {
    __typename id number status isOnHold createdAt updatedAt
    grandTotal { value currency { code } conversionRate }
    net: grandTotal(includingTax: false) { value }
    totals { lineValues { value } shipping { value } discounts { value }
      taxIncluded { value } taxAdded { value } taxDeducted { value } shippingTaxIncluded { value } }
    discountsApplied { __typename value { value } ... on AppliedVoucher { voucher { code type } } }
    paymentHistory { entryType status value { value } }
    shippingAddress { firstName city country { code } }
    lines(includeFullyCancelled: true) {
      __typename id productNumber quantity cancelledQuantity taxPercent discountPercent
      unitOriginalPrice { value } unitPrice { value } lineValue { value } net: lineValue(includingTax: false) { value }
      productVariant { variantNumber } productSize { SKU EAN sizeNumber }
    }
    shipments { number isShipped }
    ... on DirectToConsumerOrder { orderHoldReason customer { email } }
    ... on WholesaleOrder { purchaseOrderNumber account { name } }
  }
}
"""


async def read(shop: Shop, *numbers: int) -> list[dict]:
    return (await shop.data(READ, numbers=list(numbers)))["orders"]


async def test_order_with_a_percent_voucher_adds_up_as_centra_shows_it(shop: Shop):
    placed = await shop.place(
        {"sku": "X-1", "quantity": 2, "price": "120.00", "tax_percent": 20},
        {"sku": "X-2", "quantity": 1, "price": "60.00", "tax_percent": 20, "discount_percent": 25},
        vouchers=[{"code": "WELCOME10", "percent": 10}],
        shipping="5.00",
    )
    (order,) = await read(shop, placed["number"])
    totals = {name: money["value"] for name, money in order["totals"].items()}
    assert totals == {
        "lineValues": 285, "shipping": 5, "discounts": 28.5, "taxIncluded": 43.58, "taxAdded": 0, "taxDeducted": 0,
        "shippingTaxIncluded": 0.83,
    }  # fmt: skip
    assert order["grandTotal"] == {"value": 261.5, "currency": {"code": "GBP"}, "conversionRate": 1}


async def test_unknown_number_is_an_empty_list(shop: Shop):
    assert await read(shop, 9) == []


async def test_catalogue_line_carries_sku_of_three_parts_and_both_vat_classes(shop: Shop):
    standard, zero = (next(one for one in shop.articles if one["vat"] == vat) for vat in ("standard", "zero"))
    placed = await shop.place({"sku": standard["sku"]}, {"sku": zero["sku"]})
    lines = (await read(shop, placed["number"]))[0]["lines"]
    assert [line["taxPercent"] for line in lines] == [20, 0]
    line = lines[0]
    assert line["productSize"]["SKU"] == standard["sku"] == (
        line["productNumber"] + line["productVariant"]["variantNumber"] + line["productSize"]["sizeNumber"]
    )  # fmt: skip


async def test_european_order_is_in_euro_with_its_rate_and_the_countrys_vat(shop: Shop):
    placed = await shop.place(store=2, country="FR")
    (order,) = await read(shop, placed["number"])
    assert order["grandTotal"]["currency"] == {"code": "EUR"}
    assert (order["grandTotal"]["conversionRate"], order["lines"][0]["taxPercent"]) == (0.862069, 20)


async def test_wholesale_order_has_an_account_and_no_payment(shop: Shop):
    wish = {"store": 3, "purchase_order_number": "PO-7", "account": {"name": "Marsh & Co"}}
    (order,) = await read(shop, (await shop.place(**wish))["number"])
    assert (order["__typename"], order["purchaseOrderNumber"], order["account"]) == (
        "WholesaleOrder",
        "PO-7",
        {"name": "Marsh & Co"},
    )
    assert order["paymentHistory"] == []


async def test_order_of_nothing_has_no_payment(shop: Shop):
    placed = await shop.place(vouchers=[{"code": "PRESS", "percent": 100}])
    (order,) = await read(shop, placed["number"])
    assert (order["grandTotal"]["value"], order["paymentHistory"]) == (0, [])


async def test_gift_card_pays_its_part(shop: Shop):
    placed = await shop.place({"sku": "X", "price": "80.00"}, gift_card="50.00")
    (order,) = await read(shop, placed["number"])
    entries = [(one["entryType"], one["value"]["value"]) for one in order["paymentHistory"]]
    assert entries == [("AUTH_GIFT_CARD", 50), ("AUTH", 30)]


async def test_gift_certificate_comes_in_shipped(shop: Shop):
    certificate = {"gift_certificate": True, "price": "50.00"}
    (order,) = await read(shop, (await shop.place(certificate))["number"])
    assert (order["status"], order["lines"][0]["taxPercent"], order["lines"][0]["productSize"]) == (
        "SHIPPED",
        0,
        None,
    )
    assert order["shipments"] == [{"number": f"{order['number']}-1", "isShipped": True}]


async def test_gift_certificate_may_have_a_line_type_of_its_own(shop: Shop):
    await shop.sandbox.switch(centra__gift_line="GiftCertificateOrderLine")
    (order,) = await read(shop, (await shop.place({"gift_certificate": True, "price": "50.00"}))["number"])
    assert order["lines"][0]["__typename"] == "GiftCertificateOrderLine"


def bundle(shop: Shop) -> dict:
    items = [{"sku": one["sku"], "quantity": 1} for one in shop.articles[:2]]
    return {"bundle": {"sku": "SET-1", "name": "Set", "price": "99.99"}, "quantity": 2, "items": items}


async def test_bundle_shows_parent_and_items_and_counts_once(shop: Shop):
    (order,) = await read(shop, (await shop.place(bundle(shop)))["number"])
    parent, *items = order["lines"]
    assert [line["__typename"] for line in order["lines"]] == ["BundleOrderLine"] + [
        "BundleItemOrderLine"
    ] * 2
    assert (parent["lineValue"]["value"], order["totals"]["lineValues"]["value"]) == (199.98, 199.98)
    assert round(sum(item["lineValue"]["value"] for item in items), 2) == 199.98


async def test_bundle_price_may_stay_with_the_parent(shop: Shop):
    await shop.sandbox.switch(centra__bundle_prices="parent")
    (order,) = await read(shop, (await shop.place(bundle(shop)))["number"])
    assert [line["lineValue"]["value"] for line in order["lines"]] == [199.98, 0, 0]
    assert order["totals"]["lineValues"]["value"] == 199.98


async def test_added_tax_is_listed_or_computed_by_switch(shop: Shop):
    placed = await shop.place({"sku": "X", "price": "100.00"}, store=5, tax="added")
    (listed,) = await read(shop, placed["number"])
    await shop.sandbox.switch(centra__including_tax="computed")
    (computed,) = await read(shop, placed["number"])
    shown = [order["lines"][0]["lineValue"]["value"] for order in (listed, computed)]
    assert (shown, listed["grandTotal"]["value"], computed["grandTotal"]["value"]) == ([100, 108], 108, 108)


async def test_deducted_tax_leaves_the_net(shop: Shop):
    placed = await shop.place({"sku": "X", "price": "120.00"}, tax="deducted")
    (order,) = await read(shop, placed["number"])
    assert (order["totals"]["taxDeducted"]["value"], order["grandTotal"]["value"]) == (20, 100)


async def test_fully_cancelled_line_vanishes_unless_asked_for(shop: Shop):
    placed = await shop.place({"sku": "X", "price": "10.00"}, {"sku": "Y", "price": "5.00", "quantity": 3})
    number = placed["number"]
    await shop.people(f"/orders/{number}/cancel-lines", lines=[{"sku": "X"}, {"sku": "Y", "quantity": 1}])
    (order,) = await read(shop, number)
    assert [(line["quantity"], line["cancelledQuantity"]) for line in order["lines"]] == [(0, 1), (2, 1)]
    query = "query($n: Int!) { orders(where: {number: [$n]}) { lines { quantity } grandTotal { value } } }"
    assert (await shop.data(query, n=number))["orders"] == [
        {"lines": [{"quantity": 2}], "grandTotal": {"value": 10}}
    ]


async def test_cancelled_order_keeps_its_quantities(shop: Shop):
    number = (await shop.place())["number"]
    await shop.people(f"/orders/{number}/cancel")
    (order,) = await read(shop, number)
    assert (order["status"], order["lines"][0]["quantity"], order["lines"][0]["cancelledQuantity"]) == (
        "CANCELLED",
        1,
        0,
    )


async def test_cancelled_order_cannot_be_edited(shop: Shop):
    number = (await shop.place())["number"]
    await shop.people(f"/orders/{number}/cancel")
    path = f"/_sandbox/people/centra/orders/{number}/hold"
    assert (await shop.sandbox.client.post(path, json={})).status_code == 400


async def test_percentage_grows_with_an_edit_and_an_amount_does_not(shop: Shop):
    vouchers = [{"code": "TEN", "percent": 10}, {"code": "FIVER", "amount": "5.00"}]
    number = (await shop.place({"sku": "X", "price": "100.00"}, vouchers=vouchers))["number"]
    await shop.people(f"/orders/{number}/edit", add=[{"sku": "Y", "price": "50.00", "quantity": 2}])
    figures = (await shop.people(f"/orders/{number}/edit", lines=[{"sku": "X", "quantity": 2}]))["figures"]
    assert (figures["line_values"], figures["discounts"]) == ("300.00", "35.00")


@pytest.mark.parametrize(("switch", "tax"), [("all", "9.00"), ("percent", "8.00")])
async def test_amount_is_spread_anew_or_stays_on_its_lines(shop: Shop, switch: str, tax: str):
    await shop.sandbox.switch(centra__voucher_on_growth=switch)
    placed = await shop.place({"sku": "X", "price": "60.00"}, vouchers=[{"code": "A", "amount": "12.00"}])
    free = {"sku": "Y", "price": "60.00", "tax_percent": 0}
    edited = await shop.people(f"/orders/{placed['number']}/edit", add=[free])
    assert edited["figures"]["tax"] == tax


async def test_edited_address_is_merged_and_moves_the_version(shop: Shop):
    placed = await shop.place()
    edited = await shop.people(f"/orders/{placed['number']}/edit", address={"city": "York"})
    assert (edited["address"]["city"], edited["address"]["firstName"]) == ("York", "Ada")
    assert edited["updated_at"] > placed["updated_at"]


async def test_held_order_says_why_until_it_is_released(shop: Shop):
    number = (await shop.place(hold="WAITING_FOR_PAYMENT"))["number"]
    (held,) = await read(shop, number)
    await shop.people(f"/orders/{number}/release")
    (released,) = await read(shop, number)
    assert (held["isOnHold"], held["orderHoldReason"], held["paymentHistory"][0]["entryType"]) == (
        True,
        "WAITING_FOR_PAYMENT",
        "AUTH_PENDING",
    )
    assert (released["isOnHold"], released["paymentHistory"][0]["entryType"]) == (False, "AUTH")


async def test_held_orders_may_be_hidden_unless_asked_for(shop: Shop):
    await shop.sandbox.switch(centra__held_orders="hidden")
    number = (await shop.place(hold="PAYMENT_MISMATCH"))["number"]
    assert await read(shop, number) == []
    assert (await shop.data("{ orders(where: {isOnHold: true}) { number } }"))["orders"] == [
        {"number": number}
    ]


async def test_without_autoconfirm_orders_wait_for_confirmation(shop: Shop):
    await shop.sandbox.switch(centra__autoconfirm=False)
    number = (await shop.place())["number"]
    confirm = "mutation($n: Int!) { confirmOrder(input: {order: {number: $n}}) { userErrors { message } order { status } } }"
    first, second = [(await shop.data(confirm, n=number))["confirmOrder"] for _ in range(2)]
    assert first == {"userErrors": [], "order": {"status": "CONFIRMED"}}
    assert second == {"userErrors": [{"message": f"Order {number} is not pending."}], "order": None}


async def test_direct_to_shipment_is_first_seen_processing(shop: Shop):
    await shop.sandbox.switch(centra__direct_to_shipment=True)
    (order,) = await read(shop, (await shop.place())["number"])
    assert (order["status"], len(order["shipments"])) == ("PROCESSING", 1)


async def test_invented_status_is_answered(shop: Shop):
    number = (await shop.place())["number"]
    await shop.people(f"/orders/{number}/advance", status="AWAITING_ORACLE")
    assert (await read(shop, number))[0]["status"] == "AWAITING_ORACLE"


async def test_names_beyond_latin_survive(shop: Shop):
    name = "Владислава-Анастасия " * 4 + "🎈"
    (order,) = await read(shop, (await shop.place(address={"firstName": name}))["number"])
    assert order["shippingAddress"]["firstName"] == name


async def test_unknown_wish_is_refused_and_leaves_nothing(shop: Shop):
    path = "/_sandbox/people/centra/orders"
    answer = await shop.sandbox.client.post(
        path, json={"lines": [{"sku": shop.articles[0]["sku"]}], "colour": "red"}
    )
    assert (answer.status_code, (await shop.sandbox.client.get(path)).json()) == (400, [])


async def test_a_stale_read_shows_each_order_as_it_was_before_its_latest_change(shop: Shop):
    one, two = (await shop.place())["number"], (await shop.place())["number"]
    for units in (2, 3):
        await shop.people(f"/orders/{one}/edit", add=[{"sku": shop.articles[1]["sku"], "quantity": units}])
    await shop.sandbox.faults({"kind": "stale_read", "times": 1})
    (behind,) = await read(shop, one, two)
    assert [line["quantity"] for line in behind["lines"]] == [1, 2]
    now = await read(shop, one, two)
    assert [len(order["lines"]) for order in now] == [3, 1]
