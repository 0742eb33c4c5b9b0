"""What may be confirmed as despatched: never more than is owed, spread over the lines that owe it, found again by its mark."""

from dataclasses import replace
from decimal import Decimal

import pytest

from app.domain.despatch import Note
from app.domain.progress import Item, LineProgress, Progress, add, allot, covers, imprint
from app.domain.rows import CarrierRow
from app.domain.rules import index


def line(number: int, code: str, ordered: int, gone: int = 0, ready: int | None = None) -> LineProgress:
    left = ordered - gone if ready is None else ready
    return LineProgress(number, code, Decimal(ordered), Decimal(gone), Decimal(left))


ORDER = Progress("SO1", live=True, lines=(line(1, "A", 2), line(2, "B", 1), line(3, "A", 4, 1)), notes=())


def goods(**units: int) -> dict[str, Decimal]:
    return {code: Decimal(count) for code, count in units.items()}


def item(number: int, units: int, gone: int = 0) -> Item:
    return Item(number, Decimal(units), Decimal(gone))


def test_goods_fill_the_lines_of_their_article_one_after_the_other():
    assert allot(ORDER, goods(A=3, B=1)) == (item(1, 2), item(3, 1, 1), item(2, 1))


DEFECTS = {
    "more than is owed": (ORDER, goods(A=6), ["E-QTY"]),
    "more than is allocated": (replace(ORDER, lines=(line(1, "A", 5, ready=2),)), goods(A=3), ["E-QTY"]),
    "despatched already": (replace(ORDER, lines=(line(1, "A", 5, 5),)), goods(A=1), ["E-QTY"]),
    "cut back below what left": (
        replace(ORDER, lines=(line(1, "A", 1, 3), line(2, "A", 2))),
        goods(A=3),
        ["E-QTY"],
    ),
    "an article that is gone": (ORDER, goods(A=1, Z=1), ["E-LINE-UNKNOWN"]),
    "nothing": (ORDER, {}, ["E-QTY"]),
    "not live": (replace(ORDER, live=False), goods(A=1), ["E-SAGE-REJECTED"]),
    "all at once": (ORDER, goods(A=9, Z=1), ["E-QTY", "E-LINE-UNKNOWN"]),
}


@pytest.mark.requirement("R-51")
@pytest.mark.parametrize(("progress", "wanted", "codes"), DEFECTS.values(), ids=DEFECTS)
def test_what_stands_in_the_way_is_told_and_nothing_goes(progress, wanted, codes):
    assert [one.code for one in allot(progress, wanted)] == codes


@pytest.mark.parametrize(
    ("remark", "ours"),
    [
        ("SLUICE uk 7-1", True),
        ("left at the gate\nSLUICE uk 7-1 (checked)", True),
        ("SLUICE uk 7-10", False),
        ("XSLUICE uk 7-1", False),
        ("", False),
    ],
)
def test_our_mark_is_found_whole_whatever_is_written_beside_it(remark, ours):
    note = Note("1", 1, "", "", "", (), remark)
    assert (replace(ORDER, notes=(note,)).marked("SLUICE uk 7-1") is not None) is ours


def test_a_digest_tells_what_was_despatched_before():
    gone = ORDER.despatched
    assert imprint(add(gone, goods(A=2)), goods(A=2)) == imprint(gone)
    assert imprint(add(gone, goods(A=2))) != imprint(gone)
    assert imprint({"A": Decimal("1.00000")}) == imprint({"A": Decimal(1), "B": Decimal(0)})


def test_what_was_despatched_by_hand_must_cover_all_of_it():
    assert covers(ORDER, goods(A=1))
    assert not covers(ORDER, goods(A=2))
    assert not covers(ORDER, {})


def row(courier: str, carrier: str, **more: str) -> CarrierRow:
    return CarrierRow(**{"connection": "*", "courier": courier, "carrier": carrier, **more})


COURIERS = index(
    [
        row("DPD", "dpd"),
        row("DPD Next Day", "dpd", service="Next Day"),
        row("RM24", "royal-mail"),
        row("RM48", "royal-mail"),
        row("House DPD", "dpd", connection="uk"),
        row("Evri Next", "evri", service="next"),
    ]
)


@pytest.mark.parametrize(
    ("connection", "carrier", "service", "courier"),
    [
        ("de", "DPD ", "", "DPD"),
        ("de", "dpd", "next day", "DPD Next Day"),
        ("de", "dpd", "Saturday", "DPD"),
        ("uk", "dpd", "", "House DPD"),
        ("de", "royal-mail", "", None),
        ("de", "evri", "", None),
        ("de", "owl", "", None),
    ],
)
def test_a_channels_carrier_is_one_courier_or_none(connection, carrier, service, courier):
    """Two couriers with one carrier: nobody knows which, unless the service tells."""
    assert COURIERS.find_courier(connection, "1", carrier, service) == courier
