"""A note is told complete, or not at all: each defect alone, and all of them at once."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from app.domain.despatch import Note, NoteLine, Parcel, Shipping, line_codes, pack
from app.domain.rows import AliasRow, CarrierRow
from app.domain.rules import index
from tests.domain import shop


def line(ref: str, sku: str, quantity: int = 1):
    return shop.line(sku, "1.00", ref=ref, quantity=quantity)


TODAY = date(2026, 11, 5)
DPD = CarrierRow(
    connection="edge",
    courier="DPD Local Next Day",
    carrier="dpd",
    tracking=r"\d{14}",
    tracking_url="https://track.example/{number}",
)
MAPPINGS = index([DPD])
ORDER = replace(
    shop.make_order(line("1", "A", quantity=2), line("2", "B"), line("3", "A"), gross="4.00", tax="0.67"),
    connection="edge",
    store="ARG",
    placed_at=datetime(2026, 11, 3, 9, tzinfo=UTC),
)
CODES = {"1": "A", "2": "B", "3": "A"}
NOTE = Note(
    "0000000042",
    7,
    "2026-11-05T00:00:00",
    "dpd local  next day",
    "01550123456789",
    (NoteLine("A", Decimal(3)), NoteLine("B", Decimal(1))),
)


def told(note=NOTE, before=None, mappings=MAPPINGS, order=ORDER):
    return pack(Shipping(order, note, before or {}, CODES, TODAY), mappings)


def codes(outcome):
    assert not isinstance(outcome, Parcel), outcome
    return [violation.code for violation in outcome]


def test_a_sound_note_is_told_whole():
    assert told() == Parcel(
        "0000000042",
        (("1", 2), ("3", 1), ("2", 1)),
        "dpd",
        "",
        "01550123456789",
        "https://track.example/01550123456789",
        TODAY,
    )


DEFECTS = {
    "no courier": ({"courier": " "}, "E-CARRIER-MISSING"),
    "a new courier": ({"courier": "Owl Post"}, "E-CARRIER-UNMAPPED"),
    "no tracking": ({"consignment": ""}, "E-TRACKING-MISSING"),
    "short tracking": ({"consignment": "155"}, "E-TRACKING-FORMAT"),
    "long tracking": ({"consignment": "1" * 101}, "E-TRACKING-FORMAT"),
    "a line break in it": ({"consignment": "0155012345\n789"}, "E-TRACKING-FORMAT"),
    "no date": ({"day": ""}, "E-DISPATCH-DATE"),
    "no day": ({"day": "2026-02-30"}, "E-DISPATCH-DATE"),
    "tomorrow": ({"day": "2026-11-06"}, "E-DISPATCH-DATE"),
    "before the order": ({"day": "2026-11-02"}, "E-DISPATCH-DATE"),
    "too many": ({"lines": (NoteLine("A", Decimal(4)),)}, "E-QTY"),
    "half a piece": ({"lines": (NoteLine("A", Decimal("0.5")),)}, "E-QTY"),
    "nothing": ({"lines": ()}, "E-QTY"),
    "another article": ({"lines": (NoteLine("Z", Decimal(1)),)}, "E-LINE-UNKNOWN"),
}


@pytest.mark.requirement("R-45")
@pytest.mark.parametrize(("change", "code"), DEFECTS.values(), ids=DEFECTS)
def test_each_defect_parks_under_its_own_code(change, code):
    assert codes(told(replace(NOTE, **change))) == [code]


@pytest.mark.requirement("R-30")
def test_all_defects_are_told_at_once():
    note = replace(NOTE, courier="", consignment="", day="", lines=())
    assert codes(told(note)) == ["E-CARRIER-MISSING", "E-DISPATCH-DATE", "E-TRACKING-MISSING", "E-QTY"]


@pytest.mark.requirement("R-47")
def test_an_unmapped_courier_names_the_table_that_mends_it():
    (violation,) = told(replace(NOTE, courier="Owl Post"))
    assert (violation.need, violation.value) == ("carriers", "Owl Post")


@pytest.mark.requirement("R-46")
def test_the_retailers_own_row_wins():
    own = CarrierRow(connection="edge", store="ARG", courier="DPD Local Next Day", carrier="dpd-uk")
    assert told(mappings=index([DPD, own])).carrier == "dpd-uk"
    other = replace(ORDER, store="JLW")
    assert told(mappings=index([DPD, own]), order=other).carrier == "dpd"


@pytest.mark.requirement("R-49")
def test_notes_fill_lines_of_one_article_one_after_the_other():
    part = replace(NOTE, lines=(NoteLine("A", Decimal(2)),))
    assert told(part).lines == (("1", 2),)
    assert told(part, {"1": 1}).lines == (("1", 1), ("3", 1))


@pytest.mark.requirement("R-49")
def test_what_was_told_and_this_note_never_come_to_more_than_was_ordered():
    part = replace(NOTE, lines=(NoteLine("A", Decimal(2)),))
    assert isinstance(told(part, {"1": 1}), Parcel)
    assert codes(told(part, {"1": 2})) == ["E-QTY"]
    assert codes(told(part, {"1": 6})) == ["E-QTY"]


def test_what_was_cancelled_is_not_expected():
    order = replace(
        ORDER, lines=tuple(replace(one, quantity=0) if one.ref == "1" else one for one in ORDER.lines)
    )
    assert codes(told(order=order)) == ["E-QTY"]


def test_lines_are_known_by_what_was_posted_then_by_alias_then_by_name():
    order = replace(ORDER, lines=(line("1", "x"), line("2", "old"), line("3", "c")))
    mappings = index([AliasRow(connection="edge", alias="OLD", code="new")])
    assert line_codes(order, mappings, {"1": "POSTED"}) == {"1": "POSTED", "2": "NEW", "3": "C"}


def test_a_pattern_that_is_none_is_refused_with_the_row():
    with pytest.raises(ValueError, match="regular expression"):
        CarrierRow(connection="*", courier="x", carrier="y", tracking="(")
    with pytest.raises(ValueError, match="number"):
        CarrierRow(connection="*", courier="x", carrier="y", tracking_url="https://track.example/")
