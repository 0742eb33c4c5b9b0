from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.order import Address
from app.domain.text import fit_delivery, measure, tidy, wrap

HOME = Address(name="Ada Example", lines=("1 High Street",), city="Leeds", postcode="ls1 1aa", country="GB")


def fields(address: Address, charset: str = "utf-8") -> list[tuple[str, str]]:
    return [(fault.code, fault.field) for fault in fit_delivery(address, charset)[1]]


def test_short_address_goes_in_as_it_is():
    delivery, faults = fit_delivery(HOME)
    assert (delivery.name, delivery.lines, delivery.postcode) == (
        "Ada Example",
        ("1 High Street",),
        "LS1 1AA",
    )
    assert faults == ()


def test_long_line_is_wrapped_on_words_and_nothing_is_lost():
    long = " ".join(["Lighthouse"] * 15)
    delivery, faults = fit_delivery(replace(HOME, lines=(long, "Flat 2")))
    assert " ".join(delivery.lines) == f"{long} Flat 2"
    assert all(measure(row) <= 60 for row in delivery.lines)
    assert faults == ()


def test_many_short_lines_share_rows():
    lines = tuple(f"Line number {place}" for place in range(7))
    delivery, faults = fit_delivery(replace(HOME, lines=lines))
    assert ", ".join(lines) == " ".join(delivery.lines)
    assert (len(delivery.lines), faults) == (2, ())


def test_long_name_flows_into_the_lines_and_stays_whole_as_contact():
    name = " ".join(["Maximiliana"] * 6)
    delivery, faults = fit_delivery(replace(HOME, name=name))
    assert f"{delivery.name} {delivery.lines[0]}" == name == delivery.contact
    assert faults == ()


def test_company_stands_under_the_name_and_alone_takes_its_place():
    assert fit_delivery(replace(HOME, company="Example Ltd"))[0].lines == ("Example Ltd", "1 High Street")
    delivery, _ = fit_delivery(replace(HOME, name="", company="Example Ltd"))
    assert (delivery.name, delivery.lines) == ("Example Ltd", ("1 High Street",))


def test_address_that_cannot_fit_is_named_by_its_length_alone():
    secret = "Unterlangenegg " * 20
    (fault,) = fit_delivery(replace(HOME, lines=(secret,)))[1]
    assert (fault.code, fault.field, fault.value) == ("E-ADDRESS-LENGTH", "delivery.lines", "310 characters")
    assert "Unterlangenegg" not in repr(fault)


def test_word_wider_than_a_row_is_not_broken():
    assert fields(replace(HOME, lines=("x" * 61,))) == [("E-ADDRESS-LENGTH", "delivery.lines")]
    assert fields(replace(HOME, name="x" * 61)) == [("E-ADDRESS-LENGTH", "delivery.lines")]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"city": "x" * 61}, "delivery.city"),
        ({"region": "x" * 61}, "delivery.region"),
        ({"postcode": "12345678901"}, "delivery.postcode"),
        ({"phone": "1" * 31}, "delivery.phone"),
        ({"email": "x" * 256}, "delivery.email"),
    ],
)
def test_each_field_too_long_is_told(change, field):
    assert fields(replace(HOME, **change)) == [("E-ADDRESS-LENGTH", field)]


def test_all_misfits_are_told_at_once():
    assert len(fields(replace(HOME, city="x" * 61, postcode="x" * 11, lines=("x" * 61,)))) == 3


def test_phone_gives_up_its_spaces_before_it_fails():
    delivery, faults = fit_delivery(replace(HOME, phone="+44 " + "1 " * 20))
    assert (delivery.phone, faults) == ("+44" + "1" * 20, ())


@pytest.mark.parametrize("name", ["Zoë 🦄 Müller", "مريم أحمد", "山田 太郎", "👩‍👩‍👧"])
def test_emoji_and_any_script_pass(name):
    delivery, faults = fit_delivery(replace(HOME, name=name))
    assert (delivery.name, faults) == (name, ())


def test_company_limited_to_a_charset_parks_other_letters():
    assert fields(replace(HOME, name="山田 太郎"), "cp1252") == [("E-ADDRESS-CHARSET", "delivery.lines")]
    assert fields(replace(HOME, city="Łódź"), "cp1252") == [("E-ADDRESS-CHARSET", "delivery.city")]
    assert fields(replace(HOME, name="Zoë"), "cp1252") == []


def test_emoji_count_as_the_database_counts_them():
    assert measure("🦄") == 2
    assert fields(replace(HOME, city="🦄" * 31)) == [("E-ADDRESS-LENGTH", "delivery.city")]


def test_line_breaks_and_control_characters_become_spaces():
    assert tidy(" 1\nHigh\tStreet\x00 \u2028 ") == "1 High Street"


@given(st.text(), st.integers(1, 80))
def test_wrapping_never_loses_or_widens(text, width):
    rows = wrap(text, width)
    if rows is None:
        assert any(measure(word) > width for word in tidy(text).split())
    else:
        assert " ".join(rows) == tidy(text)
        assert all(measure(row) <= width for row in rows)
