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
