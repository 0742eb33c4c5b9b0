"""What history rows tell; rows as the sandbox writes them, shortened to what is read."""

from itertools import count

from app.demo.sight import Sight, asked, entered
from app.demo.verdict import Span

SEQ = count(1)


def row(entity, id_, after, before=None, **told):
    changed = [{"entity": entity, "id": str(id_), "before": before, "after": after}]
    plain = {"seq": next(SEQ), "system": "", "status": 200, "key": "", "fault": ""}
    return {**plain, "changed": changed, **told}


def delivery(number, began, ended, status=202, fault="", date="d1"):
    events = [{"number": number, "action": "update", "date": date, "releasable": True}]
    doc = {"plugin": 1, "started_at": began, "answered_at": ended, "status": status, "events": events}
    return row("centra.delivery", 1, doc, status=status, fault=fault)


def answer(number, began, ended, *, key="GatewayOrders", releasable=True, updated_at="u1"):
    orders = [{"number": number, "releasable": releasable, "updated_at": updated_at}]
    doc = {"started_at": began, "answered_at": ended, "orders": orders}
    return row("centra.answer", 1, doc, key=key, system="centra")


def confirmed(number, at):
    return row("centra.event", number, None, before={"reference": number}, key="GatewayConfirm", at=at)


def seen(*rows) -> Sight:
    sight = Sight()
    sight.add(rows)
    return sight


def test_events_are_counted_not_calls():
    sight = seen(
        delivery(1, "01", "02"),
        delivery(1, "03", "04"),
        delivery(2, "05", "06", status=503),
        delivery(3, "07", "08", status=0),
    )
    assert dict(sight.events) == {"accepted": 1, "duplicates": 1, "rejected": 1}


def test_span_is_of_the_first_accepted_webhook():
    sight = seen(delivery(1, "01", "02"), delivery(1, "05", "06", date="d2"), answer(1, "07", "08"))
    assert sight.span(1) == Span("01", "02")


def test_span_is_of_the_page_when_the_webhook_was_lost():
    sight = seen(
        delivery(1, "01", "02", status=0, fault="lose"),
        answer(1, "05", "06", key="GatewayEvents"),
        confirmed(1, "07"),
        answer(1, "08", "09"),
    )
    assert sight.span(1) == Span("05", "07")


def test_page_that_was_never_confirmed_says_nothing_for_sure():
    sight = seen(
        answer(1, "01", "02", key="GatewayEvents"),
        answer(1, "05", "06", key="GatewayEvents"),
        confirmed(1, "07"),
        answer(1, "08", "09"),
    )
    assert sight.span(1) == Span("01", "07")


def test_span_reaches_back_to_a_call_without_an_answer():
    sight = seen(
        delivery(1, "01", "02", status=0),
        answer(1, "05", "06", key="GatewayEvents"),
        confirmed(1, "07"),
        answer(1, "08", "09"),
    )
    assert sight.span(1) == Span("01", "07")


def test_span_of_a_held_order_is_of_the_notice_of_its_release():
    sight = seen(
        delivery(1, "01", "02"),
        answer(1, "03", "04", releasable=False),
        delivery(1, "05", "06", date="d2"),
        answer(1, "07", "08"),
    )
    assert sight.span(1) == Span("05", "06")


def test_pages_that_show_a_known_change_again_tell_nothing():
    sight = seen(
        answer(1, "01", "02", key="GatewayChangedOrders", releasable=False),
        answer(1, "03", "04", releasable=False),
        answer(1, "05", "06", key="GatewayChangedOrders", releasable=False),
        delivery(1, "08", "09"),
        answer(1, "10", "11", updated_at="u2"),
    )
    assert sight.span(1) == Span("08", "09")


def test_an_order_that_was_never_read_has_no_span():
    assert seen(delivery(1, "01", "02")).span(1) is None


def sales_order(**differs):
    lines = [
        {"line_type": "EnumLineTypeStandard", "code": "A-1", "line_quantity": "2.00000"},
        {"line_type": "EnumLineTypeCharge", "code": "CARRIAGE"},
    ]
    plain = {
        "document_no": "0000000001",
        "customer_document_no": "CEN-1",
        "spare_text_1": "CEN-1",
        "document_status": "EnumDocumentStatusLive",
        "is_draft": False,
        "currency_id": 9,
        "total_gross_value": "12.50",
        "lines": lines,
    }
    return plain | differs


def test_entered_reads_units_of_goods_only():
    sight = seen(row("sage200.sop_order", 27001, sales_order()))
    (found,) = entered(sight.documents, sight.created, {9: "GBP"})
    assert (found.units, found.currency, found.created) == ({"A-1": 2}, "GBP", sight.seq)


def test_entered_leaves_out_what_was_cancelled_or_deleted():
    cancelled = sales_order(document_status="EnumDocumentStatusCancelled")
    sight = seen(
        row("sage200.sop_order", 1, cancelled),
        row("sage200.sop_order", 3, sales_order(lines=[])),
        row("sage200.sop_order", 2, sales_order()),
        row("sage200.sop_order", 2, None, before=sales_order()),
    )
    assert entered(sight.documents, sight.created, {9: "GBP"}) == []


def test_creation_is_the_first_row_of_a_document():
    first = row("sage200.sop_order", 1, sales_order())
    sight = seen(first, row("sage200.sop_order", 1, sales_order(), before=sales_order()))
    assert sight.created == {"1": first["seq"]}


def test_drafts_are_known_by_key():
    sight = seen(
        row("sage200.sop_order", 1, sales_order(is_draft=True)), row("sage200.sop_order", 2, sales_order())
    )
    assert sight.drafts("CEN-1") == ["1"]
    assert sight.live() == 1


def centra_order(**differs):
    lines = [
        {"type": "BundleOrderLine", "sku": "SET", "quantity": 1},
        {"type": "BundleItemOrderLine", "sku": "A-1", "quantity": 1},
        {"type": "ProductOrderLine", "sku": "OLD", "quantity": 2},
        {"type": "ProductOrderLine", "sku": "B-1", "quantity": 0},
    ]
    plain = {"number": 1, "status": "CONFIRMED", "hold": None, "currency": "GBP", "lines": lines, "store": 1}
    return plain | {"figures": {"grand_total": "12.50"}} | differs


def test_asked_counts_a_bundles_items_and_follows_aliases():
    assert asked(centra_order(), "uk", "CEN", {"OLD": "A-1"}).units == {"A-1": 3}


def test_asked_wants_no_held_order_in_sage():
    assert not asked(centra_order(hold="WAITING_FOR_PAYMENT"), "uk", "CEN", {}).live


def test_unplaced_counts_orders_without_a_live_document():
    sight = seen(
        row("centra.order", 1, centra_order()),
        row("centra.order", 2, centra_order(number=2)),
        row("centra.order", 3, centra_order(number=3, status="CANCELLED")),
        row("sage200.sop_order", 1, sales_order()),
        row("sage200.sop_order", 2, sales_order(customer_document_no="CEN-2", is_draft=True)),
    )
    assert sight.unplaced({1: "CEN"}) == 1
