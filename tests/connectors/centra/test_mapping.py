from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from app.connectors.centra.mapping import Reading, map_order
from app.domain.order import Address, Charge, ChargeKind, LineKind, Order, Standing, Unreadable
from tests.connectors.centra.wire import ADDRESS, as_sent, line, order, simple, totals

READING = Reading("uk", frozenset({"CONFIRMED", "PROCESSING", "SHIPPED"}), ZoneInfo("Europe/Stockholm"))


def read(raw, reading: Reading = READING) -> Order:
    answer = map_order(str(raw["number"]), as_sent(raw), reading)
    assert isinstance(answer, Order), answer
    return answer


def refuse(raw) -> list[str]:
    answer = map_order("20417", as_sent(raw), READING)
    assert isinstance(answer, Unreadable), answer
    assert answer.ref == "20417"
    return [violation.code for violation in answer.violations]


def adds_up(answer: Order, tax: str = "0") -> bool:
    parts = sum(one.gross for one in answer.lines) + sum(one.gross for one in answer.charges)
    return parts - answer.discount + Decimal(tax) == answer.totals.gross


def test_order_with_a_voucher_is_put_into_our_words():
    answer = read(order())
    assert (answer.connection, answer.ref, answer.channel_id) == (
        "uk",
        "20417",
        "7c1f0a5be2d94f0c8a6e3b1d5f20417a",
    )
    assert (answer.standing, answer.hold_reason, answer.channel_status) == (
        Standing.RELEASABLE,
        "",
        "CONFIRMED",
    )
    assert (answer.store, answer.market, answer.currency, answer.country) == ("1", "3", "GBP", "GB")
    assert (answer.discount, answer.charges) == (
        Decimal("28.50"),
        (Charge(ChargeKind.SHIPPING, Decimal("5.00")),),
    )
    assert (answer.totals.gross, answer.totals.tax, answer.tax_included) == (
        Decimal("261.50"),
        Decimal("43.58"),
        True,
    )
    assert (answer.wholesale, answer.account, answer.payment_method) == (False, "", "adyen_drop_in")
    assert adds_up(answer)


def test_line_keeps_its_identity_value_and_rate():
    first, second = read(order()).lines
    assert (first.ref, first.sku, first.ean, first.quantity, first.cancelled) == (
        "51201",
        "JKT100NVYM",
        "5012345678900",
        2,
        0,
    )
    assert (first.gross, first.tax_rate, first.kind) == (Decimal("240.00"), Decimal(20), LineKind.PRODUCT)
    assert (first.description, second.gross) == ("Article JKT100NVYM Navy M", Decimal("45.00"))


def test_moments_are_utc_whatever_the_instances_zone():
    answer = read(order())
    assert answer.placed_at == datetime(2026, 3, 2, 9, 14, 7, tzinfo=UTC)
    assert answer.updated_at == datetime(2026, 3, 2, 9, 15, tzinfo=UTC)
    assert answer.placed_at.tzinfo is UTC


def test_zoneless_moment_is_the_instances_time_in_summer_too():
    answer = read(order(orderDate="2026-07-02 10:14:07", updatedAt=None))
    assert answer.placed_at == answer.updated_at == datetime(2026, 7, 2, 8, 14, 7, tzinfo=UTC)


def test_equal_figures_spelt_differently_make_equal_orders():
    raw = as_sent(order())
    spelt = as_sent(order())
    spelt["grandTotal"]["value"] = Decimal("261.500")
    spelt["lines"][0]["taxPercent"] = Decimal("20.0")
    spelt["lines"][0]["lineValue"]["value"] = Decimal("240.0000")
    one, other = map_order("1", raw, READING), map_order("1", spelt, READING)
    assert repr(one) == repr(other)


@pytest.mark.parametrize(
    ("changes", "standing", "reason"),
    [
        ({"status": "CONFIRMED"}, Standing.RELEASABLE, ""),
        ({"status": "PROCESSING"}, Standing.RELEASABLE, ""),
        ({"status": "SHIPPED"}, Standing.RELEASABLE, ""),
        ({"status": "PENDING"}, Standing.HELD, "status PENDING"),
        ({"status": "ARCHIVED"}, Standing.HELD, "status ARCHIVED"),
        ({"isOnHold": True}, Standing.HELD, "ON_HOLD"),
        (
            {"isOnHold": True, "orderHoldReason": "WAITING_FOR_FRAUD_CHECK"},
            Standing.HELD,
            "WAITING_FOR_FRAUD_CHECK",
        ),
        ({"orderHoldReason": "WAITING_FOR_PAYMENT"}, Standing.HELD, "WAITING_FOR_PAYMENT"),
        ({"orderHoldReason": "PAYMENT_MISMATCH"}, Standing.RELEASABLE, ""),
        ({"status": "CANCELLED"}, Standing.CANCELLED, ""),
        ({"status": "CANCELLED", "isOnHold": True}, Standing.CANCELLED, ""),
        ({"status": "TELEPORTED"}, Standing.UNKNOWN, "unknown status TELEPORTED"),
        ({"status": "TELEPORTED", "isOnHold": True}, Standing.UNKNOWN, "unknown status TELEPORTED"),
    ],
)
def test_standing_follows_status_hold_and_payment(changes, standing, reason):
    answer = read(order(**changes))
    assert (answer.standing, answer.hold_reason) == (standing, reason)


def test_release_statuses_are_a_setting():
    late = Reading("uk", frozenset({"PROCESSING", "PICKED"}), ZoneInfo("UTC"))
    standings = [
        read(order(status=status), late).standing for status in ("CONFIRMED", "PROCESSING", "PICKED")
    ]
    assert standings == [Standing.HELD, Standing.RELEASABLE, Standing.RELEASABLE]


def test_order_in_euro_keeps_its_currency_and_rate():
    raw = simple("119", [line(1, "A", "119", rate="19")], lineValues=119, taxIncluded=19)
    raw["grandTotal"]["currency"]["code"] = "EUR"
    raw["shippingAddress"]["country"] = {"code": "de"}
    answer = read(raw)
    assert (answer.currency, answer.country, answer.lines[0].tax_rate) == ("EUR", "DE", Decimal(19))


def test_order_in_yen_has_no_hundredths():
    raw = simple("1200", [line(1, "A", "1000")], lineValues=1000, shipping=200, taxIncluded=200)
    raw["grandTotal"]["currency"]["code"] = "JPY"
    answer = read(raw)
    assert (answer.totals.gross, answer.lines[0].gross) == (Decimal(1200), Decimal(1000))
    assert "." not in str(answer.totals.gross)


@pytest.mark.parametrize("shown_with_tax", [100, 108.25], ids=["listed", "with the tax on top"])
def test_added_tax_makes_a_net_order(shown_with_tax):
    one = line(1, "A", "100", rate="8.25")
    one["net"] = {"value": 100}
    one["lineValue"] = {"value": shown_with_tax}
    raw = simple("119.08", [one], lineValues=100, shipping=10, taxAdded=9.08)
    answer = read(raw)
    assert (answer.tax_included, answer.lines[0].gross, answer.totals.tax) == (
        False,
        Decimal("100.00"),
        Decimal("9.08"),
    )
    assert (answer.lines[0].tax_rate, adds_up(answer, "9.08")) == (Decimal("8.25"), True)


def test_added_tax_of_a_penny_is_not_taken_for_goods():
    one = {**line(1, "A", "0.06"), "net": {"value": 0.05}}
    answer = read(simple("0.06", [one], lineValues=0.05, taxAdded=0.01))
    assert answer.lines[0].gross == Decimal("0.05")


def test_deducted_tax_makes_a_net_order_at_no_tax():
    raw = simple(
        "125",
        [line(1, "A", "120"), line(2, "B", "24")],
        lineValues=144,
        shipping=6,
        taxDeducted=25,
        shippingTaxDeducted=1,
    )
    answer = read(raw)
    assert [one.gross for one in answer.lines] == [Decimal("100.00"), Decimal("20.00")]
    assert (answer.tax_included, answer.totals.tax, answer.charges[0].gross) == (False, 0, Decimal("5.00"))
    assert ({one.tax_rate for one in answer.lines}, adds_up(answer)) == ({Decimal(0)}, True)


def test_deducted_tax_with_a_voucher_gives_the_voucher_without_tax():
    raw = order(
        lines=[line(1, "A", "120")],
        totals=totals(lineValues=120, discounts=12, taxDeducted=18),
        grandTotal={"value": 90, "currency": {"code": "GBP"}},
    )
    answer = read(raw)
    assert (answer.lines[0].gross, answer.discount, adds_up(answer)) == (Decimal(100), Decimal(10), True)


def test_deducted_tax_is_squared_to_the_penny():
    # 3 x 9.99 less 20 %: 8.325 a line, 8.33 rounded; the document says 24.97.
    lines = [line(number, f"A{number}", "9.99") for number in (1, 2, 3)]
    raw = simple("24.97", lines, lineValues=29.97, taxDeducted=5)
    answer = read(raw)
    assert (sum(one.gross for one in answer.lines), answer.discount) == (Decimal("24.97"), 0)


def test_deducted_tax_that_no_discount_explains_parks():
    raw = simple("90", [line(1, "A", "120")], lineValues=120, taxDeducted=30)
    assert refuse(raw) == ["E-TOTAL-MISMATCH"]


def test_two_tax_modes_in_one_order_park():
    raw = simple("128", [line(1, "A", "120")], lineValues=120, taxIncluded=20, taxAdded=8)
    assert refuse(raw) == ["E-VAT-MISMATCH"]


def test_wholesale_order_names_account_and_purchase_order():
    one = line(1, "A", "500", rate="0", quantity=10)
    raw = simple("500", [one], lineValues=500)
    del raw["customer"], raw["orderHoldReason"]
    raw |= {
        "__typename": "WholesaleOrder",
        "purchaseOrderNumber": "PO 4711/B",
        "account": {"id": 71, "name": "Nordisk Detalj AB"},
        "deliveryWindows": [
            {"id": 9, "deliveryStartDate": "2027-08-01", "deliveryEndDate": "2027-08-31"},
            {"id": 10, "deliveryStartDate": "2027-07-15", "deliveryEndDate": "2027-08-10"},
            {"id": 11},
        ],
        "paymentMethod": None,
    }
    answer = read(raw)
    assert (answer.deliver_from, answer.deliver_by) == (date(2027, 7, 15), date(2027, 8, 31))
    assert (answer.wholesale, answer.account, answer.purchase_order, answer.payment_method) == (
        True,
        "71",
        "PO 4711/B",
        "",
    )


def bundle_line(id_: int, value: str, **more):
    return {**line(id_, "", value), "__typename": "BundleOrderLine", "productSize": None, **more}


def item(id_: int, sku: str, value: str, **more):
    return {**line(id_, sku, value), "__typename": "BundleItemOrderLine", **more}


def test_bundle_whose_items_carry_the_price_is_booked_by_its_items():
    lines = [bundle_line(1, "90"), item(2, "A", "60"), item(3, "B", "30"), line(4, "C", "10")]
    answer = read(simple("100", lines, lineValues=100, taxIncluded=16.67))
    assert [(one.sku, one.gross) for one in answer.lines] == [("A", 60), ("B", 30), ("C", 10)]


def test_bundle_whose_parent_carries_the_price_is_split_by_list_prices():
    lines = [
        line(4, "C", "10"),
        bundle_line(1, "100"),
        item(2, "A", "0", unitOriginalPrice={"value": 80}),
        item(3, "B", "0", unitOriginalPrice={"value": 20}, quantity=2),
    ]
    answer = read(simple("110", lines, lineValues=110, taxIncluded=18.33))
    assert [(one.sku, one.gross) for one in answer.lines] == [
        ("C", Decimal(10)),
        ("A", Decimal("66.67")),
        ("B", Decimal("33.33")),
    ]


def test_bundle_whose_items_show_full_prices_gives_them_their_part_of_the_saving():
    lines = [bundle_line(1, "80"), item(2, "A", "75"), item(3, "B", "25")]
    answer = read(simple("80", lines, lineValues=80, taxIncluded=13.33))
    assert [one.gross for one in answer.lines] == [Decimal(60), Decimal(20)]


def test_bundle_without_any_prices_below_is_split_by_units():
    lines = [
        bundle_line(1, "100"),
        item(2, "A", "0", unitOriginalPrice={"value": 0}),
        item(3, "B", "0", unitOriginalPrice={"value": 0}, quantity=2),
    ]
    answer = read(simple("100", lines, lineValues=100, taxIncluded=16.67))
    assert [one.gross for one in answer.lines] == [Decimal("33.33"), Decimal("66.67")]


def test_of_several_bundles_each_owns_the_items_that_follow():
    free = {"unitOriginalPrice": {"value": 10}}
    lines = [
        bundle_line(1, "50"),
        item(2, "A", "0", **free),
        item(3, "B", "0", **free),
        bundle_line(4, "8"),
        item(5, "C", "0", **free),
    ]
    answer = read(simple("58", lines, lineValues=58, taxIncluded=9.67))
    assert [(one.sku, one.gross) for one in answer.lines] == [("A", 25), ("B", 25), ("C", 8)]


def test_cancelled_bundle_costs_nothing():
    gone = {"quantity": 0, "cancelledQuantity": 1}
    lines = [bundle_line(1, "0", **gone), item(2, "A", "0", **gone), line(3, "B", "10")]
    answer = read(simple("10", lines, lineValues=10, taxIncluded=1.67))
    assert (answer.skus(), [one.gross for one in answer.lines]) == (("B",), [0, 10])


def test_bundle_without_items_parks():
    assert refuse(simple("90", [bundle_line(1, "90")], lineValues=90, taxIncluded=15)) == [
        "E-UNREADABLE",
        "E-TOTAL-MISMATCH",
    ]


def test_item_before_any_of_several_bundles_parks():
    lines = [
        item(9, "Z", "1"),
        bundle_line(1, "5"),
        item(2, "A", "5"),
        bundle_line(3, "5"),
        item(4, "B", "5"),
    ]
    assert refuse(simple("11", lines, lineValues=11, taxIncluded=1.83)) == ["E-UNREADABLE"]


def test_figures_that_do_not_add_up_park_and_say_by_how_much():
    raw = order(grandTotal={"value": 261.48, "currency": {"code": "GBP"}})
    answer = map_order("20417", as_sent(raw), READING)
    assert [(one.code, one.value) for one in answer.violations] == [
        ("E-TOTAL-MISMATCH", "261.48, its parts come to 261.5")
    ]


def test_figures_may_differ_by_a_penny():
    assert read(order(grandTotal={"value": 261.49, "currency": {"code": "GBP"}})).totals.gross == Decimal(
        "261.49"
    )


def test_discount_counts_whichever_sign_it_has():
    raw = order(totals=totals(lineValues=285, shipping=5, discounts=-28.5, taxIncluded=43.58))
    assert read(raw).discount == Decimal("28.50")


def test_free_shipping_is_taken_off_the_shipping_and_not_off_the_goods():
    raw = order(
        discountsApplied=[
            {"__typename": "AppliedVoucherFreeShipping", "value": {"value": 5}},
            {"__typename": "AdminDiscount", "value": {"value": 10}},
        ],
        totals=totals(lineValues=285, shipping=5, discounts=15, taxIncluded=45.83),
        grandTotal={"value": 275, "currency": {"code": "GBP"}},
    )
    answer = read(raw)
    assert (answer.charges, answer.discount, adds_up(answer)) == ((), Decimal(10), True)


def test_discount_beyond_the_goods_is_taken_off_the_charges():
    raw = order(
        totals=totals(lineValues=285, shipping=5, handling=2, discounts=292),
        grandTotal={"value": 0, "currency": {"code": "GBP"}},
        paymentMethod=None,
    )
    answer = read(raw)
    assert (answer.charges, answer.discount, answer.totals.gross) == ((), Decimal(285), 0)


def test_handling_is_a_charge_of_its_own():
    raw = simple("20", [line(1, "A", "12")], lineValues=12, shipping=5, handling=3, taxIncluded=3.33)
    assert [(one.kind, one.gross) for one in read(raw).charges] == [
        (ChargeKind.SHIPPING, 5),
        (ChargeKind.HANDLING, 3),
    ]


def test_order_of_nothing_is_an_order():
    raw = order(
        totals=totals(lineValues=285, discounts=285), grandTotal={"value": 0, "currency": {"code": "GBP"}}
    )
    answer = read(raw)
    assert (answer.totals.gross, answer.skus(), adds_up(answer)) == (0, ("JKT100NVYM", "TEE020ECRS"), True)


def test_store_credit_parks_because_it_is_money_and_no_discount():
    raw = order(discountsApplied=[{"__typename": "AppliedVoucherCredit", "value": {"value": 28.5}}])
    assert refuse(raw) == ["E-GIFT-CARD"]


def test_gift_certificate_is_told_from_goods():
    certificate = {
        **line(1, "", "50", rate="0"),
        "__typename": "GiftCertificateOrderLine",
        "productSize": None,
    }
    answer = read(simple("50", [certificate], lineValues=50))
    assert (answer.lines[0].kind, answer.skus()) == (LineKind.GIFT_CARD, ())


def test_partly_cancelled_line_wants_what_is_left():
    lines = [
        line(1, "A", "60", quantity=1, cancelledQuantity=2),
        line(2, "B", "0", quantity=0, cancelledQuantity=3),
    ]
    answer = read(simple("60", lines, lineValues=60, taxIncluded=10))
    assert [(one.quantity, one.cancelled) for one in answer.lines] == [(1, 2), (0, 3)]
    assert answer.skus() == ("A",)


def test_cancelled_order_is_read_whatever_its_figures_are():
    answer = read(order(status="CANCELLED", grandTotal={"value": 0, "currency": {"code": "GBP"}}))
    assert (answer.standing, answer.lines[0].quantity) == (Standing.CANCELLED, 2)


def test_line_without_a_sku_is_known_by_its_ean():
    raw = order()
    raw["lines"][0]["productSize"] = {"SKU": None, "EAN": "5012345678917"}
    assert read(raw).lines[0].sku == "5012345678917"


def test_article_that_left_the_catalogue_parks_with_everything_else_that_is_wrong():
    raw = order(grandTotal={"value": 1, "currency": {"code": "GBP"}})
    raw["lines"][0]["productSize"] = None
    raw["lines"][1]["__typename"] = "MysteryOrderLine"
    assert refuse(raw) == ["E-TOTAL-MISMATCH", "E-SKU-UNKNOWN", "E-UNREADABLE"]


def test_cancelled_line_may_have_left_the_catalogue():
    raw = order()
    raw["lines"].append(line(3, "", "0", quantity=0, cancelledQuantity=1, productSize=None))
    assert read(raw).lines[2].sku == ""


@pytest.mark.parametrize(
    "name",
    ["Imogen " * 12, "Иван Сергеевич", "Zoë 🧥 Łódź", "عائشة"],
    ids=["long", "cyrillic", "emoji", "rtl"],
)
def test_names_arrive_whole(name):
    raw = order(shippingAddress={**ADDRESS, "firstName": name, "lastName": ""})
    assert read(raw).delivery.name == name.strip()


def test_address_is_taken_over_as_given():
    assert read(order()).delivery == Address(
        name="Imogen Ashdown",
        lines=("14 Quay Street", "Flat 3"),
        city="Bristol",
        postcode="BS1 4DE",
        country="GB",
        email="imogen@example.com",
        phone="+441170000000",
    )


def test_attention_is_kept_beside_a_name_and_stands_in_for_a_missing_one():
    beside = read(order(shippingAddress={**ADDRESS, "attention": "Goods in"})).delivery
    instead = read(
        order(shippingAddress={**ADDRESS, "attention": "Goods in", "firstName": None, "lastName": None})
    ).delivery
    assert (beside.name, beside.lines[0]) == ("Imogen Ashdown", "Goods in")
    assert (instead.name, instead.lines[0]) == ("Goods in", "14 Quay Street")


def test_customer_fills_what_the_address_lacks():
    bare = {**ADDRESS, "firstName": None, "lastName": None, "email": None, "phoneNumber": None}
    answer = read(order(shippingAddress={**bare, "cellPhoneNumber": "+447000"}))
    assert (answer.delivery.name, answer.delivery.email, answer.delivery.phone) == (
        "Imogen Ashdown",
        "imogen@example.com",
        "+447000",
    )


def test_order_without_a_billing_address_is_invoiced_where_it_is_delivered():
    answer = read(order(billingAddress=None))
    assert answer.invoice == answer.delivery


def test_text_that_jsonb_refuses_is_made_storable():
    raw = order(shippingAddress={**ADDRESS, "city": "Bri\x00stol\ud800"})
    assert read(raw).delivery.city == "Bri\ufffdstol\ufffd"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("grandTotal", None),
        ("grandTotal", {"value": "NaN", "currency": {"code": "GBP"}}),
        ("grandTotal", {"value": Decimal("1e40"), "currency": {"code": "GBP"}}),
        ("grandTotal", {"value": 1, "currency": {"code": "pounds"}}),
        ("totals", {}),
        ("lines", None),
        ("lines", [{}]),
        ("lines", [{**line(1, "A", "1"), "quantity": -1}]),
        ("lines", [{**line(1, "A", "1"), "taxPercent": 1000}]),
        ("lines", [{**line(1, "A", "1"), "lineValue": {"value": -1}}]),
        ("shippingAddress", None),
        ("orderDate", "yesterday"),
        ("updatedAt", "2026-13-01"),
        ("isOnHold", None),
    ],
)
def test_order_out_of_shape_is_unreadable_and_shows_no_personal_data(name, value):
    answer = map_order("20417", {**as_sent(order()), name: value}, READING)
    assert {one.code for one in answer.violations} == {"E-UNREADABLE"}
    assert "Ashdown" not in repr(answer)
