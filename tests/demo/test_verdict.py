"""Each defect that the day may show is planted here, and seen."""

from dataclasses import replace
from decimal import Decimal

from app.demo.verdict import Asked, Entered, Span, judge

FIRST = Asked("CEN-1", "uk", 1, True, False, {"A": 2, "B": 1}, Decimal("30.00"), "GBP")
SECOND = Asked("CEN-2", "uk", 2, True, False, {"B": 1}, Decimal("10.00"), "GBP")
ASKED = (FIRST, SECOND)
SPANS = {"CEN-1": Span("10:00", "10:01"), "CEN-2": Span("10:02", "10:03")}


def document(order: Asked, created: int, **differs) -> Entered:
    plain = Entered(
        id=str(27000 + created),
        number=f"{created:010d}",
        key=order.key,
        spare=order.key,
        live=True,
        units=order.units,
        gross=order.gross,
        currency=order.currency,
        created=created,
    )
    return replace(plain, **differs)


ENTERED = (document(FIRST, 5), document(SECOND, 6))


def test_judge_finds_nothing_wrong_with_a_good_day():
    verdict = judge(ASKED, ENTERED, SPANS)
    assert verdict.complaints() == []
    assert verdict.violations == ()


def test_judge_names_an_order_that_is_missing():
    assert judge(ASKED, ENTERED[:1], SPANS).missing == ("CEN-2",)


def test_judge_misses_no_order_that_is_held_or_cancelled():
    held = replace(SECOND, live=False)
    assert judge((FIRST, held), ENTERED[:1], SPANS).complaints() == []


def test_judge_names_an_order_in_sage_that_is_still_held():
    held = replace(SECOND, live=False)
    assert judge((FIRST, held), ENTERED, SPANS).too_early == ("CEN-2",)


def test_judge_names_a_cancelled_order_that_is_live():
    cancelled = replace(SECOND, live=False, cancelled=True)
    assert judge((FIRST, cancelled), ENTERED, SPANS).cancelled_live == ("CEN-2",)


def test_judge_compares_the_gross_to_the_penny():
    wrong = document(SECOND, 6, gross=Decimal("10.01"))
    verdict = judge(ASKED, (ENTERED[0], wrong), SPANS)
    assert verdict.wrong_gross == ("CEN-2: 10.00 ordered, 10.01 entered",)


def test_judge_takes_ten_pounds_for_ten_pounds():
    assert judge(ASKED, (ENTERED[0], document(SECOND, 6, gross=Decimal(10))), SPANS).complaints() == []


def test_judge_compares_quantities_by_sku():
    wrong = document(FIRST, 5, units={"A": 1, "B": 2})
    assert len(judge(ASKED, (wrong, ENTERED[1]), SPANS).wrong_units) == 1


def test_judge_names_a_draft_that_was_left():
    assert judge(ASKED, (*ENTERED, document(FIRST, 7, live=False, key="CEN-9")), SPANS).not_live == (
        "0000000007",
    )


def test_judge_names_documents_without_an_order():
    stranger = document(FIRST, 7, key="CEN-9", spare="CEN-9")
    assert judge(ASKED, (*ENTERED, stranger), SPANS).strangers == ("0000000007",)


def test_doubles_are_counted_by_key():
    again = document(SECOND, 7, spare="", units={"C": 1})
    verdict = judge(ASKED, (*ENTERED, again), SPANS)
    assert verdict.doubled == {"customer_document_no": 1, "spare": 0, "content": 0}
    assert verdict.sales_orders_doubled == 1


def test_doubles_are_counted_by_spare_field_when_the_key_was_retyped():
    again = document(SECOND, 7, key="retyped", units={"C": 1})
    assert judge(ASKED, (*ENTERED, again), SPANS).doubled["spare"] == 1


def test_doubles_are_counted_by_content_when_both_names_are_gone():
    again = document(SECOND, 7, key="retyped", spare="")
    assert judge(ASKED, (*ENTERED, again), SPANS).doubled == {
        "customer_document_no": 0,
        "spare": 0,
        "content": 1,
    }


def test_two_orders_of_equal_content_are_no_double():
    twin = replace(SECOND, key="CEN-3", number=3)
    verdict = judge((*ASKED, twin), (*ENTERED, document(twin, 7)), SPANS)
    assert verdict.sales_orders_doubled == 0


def test_a_later_order_that_was_created_first_is_a_violation():
    turned = (document(FIRST, 8), document(SECOND, 6))
    assert judge(ASKED, turned, SPANS).violations == (("CEN-1", "CEN-2"),)


def test_orders_that_share_no_sku_have_no_order():
    alone = replace(SECOND, units={"C": 1})
    turned = (document(FIRST, 8), document(alone, 6))
    assert judge((FIRST, alone), turned, SPANS).violations == ()


def test_acceptances_that_overlap_have_no_order():
    turned = (document(FIRST, 8), document(SECOND, 6))
    spans = SPANS | {"CEN-2": Span("10:00", "10:03")}
    assert judge(ASKED, turned, spans).violations == ()


def test_a_pair_with_one_that_stepped_aside_is_exempt():
    turned = (document(FIRST, 8), document(SECOND, 6))
    assert judge(ASKED, turned, SPANS, frozenset({"CEN-1"})).violations == ()
