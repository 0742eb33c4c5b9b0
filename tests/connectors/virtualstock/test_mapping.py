from datetime import UTC, datetime
from decimal import Decimal

import pytest

from app.connectors.virtualstock.mapping import Reading, map_order, ref_of
from app.domain.message import Owner
from app.domain.order import Shipped, Standing, Unreadable
from tests.connectors.virtualstock.conftest import NOW, make_settings
from tests.connectors.virtualstock.wire import item, order


def read(raw, **changes):
    settings = make_settings(**changes)
    return map_order(ref_of(raw, settings), raw, Reading("edge", settings, NOW))


def codes(unreadable):
    assert isinstance(unreadable, Unreadable)
    return [violation.code for violation in unreadable.violations]


def test_an_order_in_our_words():
    mapped = read(
        order(
            items=[
                item(),
                item(
                    "02",
                    part_number="7",
                    supplier_sku_reference=None,
                    quantity=1,
                    subtotal="62.50",
                    tax="12.50",
                    total="75.00",
                ),
            ]
        )
    )
    assert (mapped.ref, mapped.channel_id) == ("ARG-A700101", "700101")
    assert (mapped.store, mapped.account, mapped.wholesale, mapped.tax_included) == (
        "ARG",
        "ARG",
        True,
        False,
    )
    assert (mapped.totals.gross, mapped.totals.tax) == (Decimal("225.00"), Decimal("37.50"))
    assert [(line.ref, line.sku, line.ean) for line in mapped.lines] == [
        ("1", "NG-LAMP-BRS", "5012345678900"),
        ("02", "7", "5012345678900"),
    ]
    assert mapped.lines[0].tax_rate == 20
    assert mapped.delivery.country == "GB"


def test_a_naive_time_is_londons():
    assert read(order()).placed_at == datetime(2026, 7, 3, 8, 14, 27, tzinfo=UTC)
    assert read(order(order_date="2026-01-03T09:14:27")).placed_at == datetime(
        2026, 1, 3, 9, 14, 27, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("statuses", "standing"),
    [
        (("ORDER",), Standing.RELEASABLE),
        (("ORDER_ACK", "DISPATCH"), Standing.RELEASABLE),
        (("CANCEL", "BACKORDER"), Standing.RELEASABLE),
        (("CANCEL", "CANCEL_ACK"), Standing.CANCELLED),
        (("DISPATCH", "RMA"), Standing.HELD),
        (("ORDER", "AWAITING_ORACLE"), Standing.UNKNOWN),
    ],
)
def test_the_lines_decide_and_not_the_order(statuses, standing):
    items = [item(str(place), status=status) for place, status in enumerate(statuses)]
    assert read(order(status="DISPATCH", items=items)).standing is standing


def test_cancelled_lines_want_nothing_and_cost_nothing():
    mapped = read(order(items=[item(), item("2", status="CANCEL")]))
    assert [(line.quantity, line.cancelled, line.gross) for line in mapped.lines] == [
        (2, 0, Decimal("125.00")),
        (0, 2, Decimal(0)),
    ]
    assert mapped.totals.gross == Decimal("150.00")


def test_test_orders_are_held_unless_they_are_wanted():
    assert read(order(test_flag=True)).hold_reason == "TEST_ORDER"
    assert read(order(test_flag=True), test_orders="post").standing is Standing.RELEASABLE


def test_references_belong_to_one_retailer():
    other = order(retailer="https://elsewhere.test/restapi/v4/customers/47/")
    assert {read(order()).ref, read(other).ref} == {"ARG-A700101", "JLW-A700101"}


def test_an_unknown_retailer_parks_and_names_the_setting():
    unreadable = read(order(retailer="https://edge.test/restapi/v4/customers/99/"))
    assert (unreadable.ref, codes(unreadable)) == ("R99-A700101", ["E-RETAILER-UNKNOWN"])


def test_a_line_without_any_figure_is_left_to_the_erps_price():
    nothing = dict.fromkeys(("unit_cost_price", "subtotal", "tax", "tax_rate", "total"))
    found = read(order(items=[item(), item("2", **nothing)], subtotal=None, tax=None, total=None))
    assert found.unpriced == ("2",)
    assert (found.lines[1].gross, found.totals.gross) == (0, Decimal("150.00"))


@pytest.mark.parametrize("name", ["unit_cost_price", "subtotal", "tax", "tax_rate", "total"])
def test_a_line_without_one_of_its_figures_is_finances(name):
    unreadable = read(order(items=[item(**{name: None})]))
    assert codes(unreadable) == ["E-PRICE-MISSING"]
    assert unreadable.violations[0].field == f"items/1/{name}"
    assert unreadable.violations[0].owner is Owner.FINANCE


def test_everything_wrong_is_told_at_once():
    items = [item(total="150.01"), item(quantity=0), item("3", part_number="", supplier_sku_reference=None)]
    assert codes(read(order(items=items))) == [
        "E-UNREADABLE",
        "E-TOTAL-MISMATCH",
        "E-UNREADABLE",
        "E-TOTAL-MISMATCH",
        "E-SKU-UNKNOWN",
    ]


@pytest.mark.parametrize(
    "changes",
    [{"items": []}, {"order_date": "soon"}, {"currency_code": "pounds"}, {"items": [{"quantity": 1}]}],
)
def test_what_cannot_be_read_parks(changes):
    assert codes(read(order(**changes)))[0] == "E-UNREADABLE"


def test_new_fields_and_text_that_cannot_be_stored_do_no_harm():
    raw = order(surprise={"a": 1})
    raw["shipping_address"] |= {"full_name": "A\u0000B"}
    assert "\u0000" not in read(raw).delivery.name


def test_a_row_without_a_name_has_no_ref():
    with pytest.raises(ValueError, match="retailer or reference"):
        ref_of({"order_reference": "A1"}, make_settings())
    with pytest.raises(ValueError, match="number"):
        ref_of({"order_reference": "A1", "retailer": "https://edge.test/"}, make_settings())


@pytest.mark.requirement("R-51")
def test_a_dispatched_line_counts_once_and_whole_where_despatches_begin_in_virtualstock():
    """Returned goods had left, too; a cancelled line never did."""
    statuses = ("ORDER_ACK", "DISPATCH", "RMA", "CANCEL_ACK")
    raw = order(items=[item(str(place), status=status) for place, status in enumerate(statuses)])
    units = raw["items"][0]["quantity"]
    ours = read(raw, dispatch_origin="channel")
    assert ours.shipped == (Shipped("1", (("1", units),)), Shipped("2", (("2", units),)))
    assert not ours.has_left()
    assert read(raw).shipped == ()


def test_an_order_has_left_when_all_that_is_wanted_of_it_has():
    raw = order(items=[item("1", status="DISPATCH"), item("2", status="CANCEL_ACK")])
    assert read(raw, dispatch_origin="channel").has_left()
    assert not read(raw).has_left()
