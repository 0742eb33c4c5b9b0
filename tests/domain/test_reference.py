import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.reference import probe_key

KEY = re.compile(r"[A-Z0-9]{1,7}-[A-Z0-9-]+")


def test_plain_number_stays_readable():
    assert probe_key("CEN", "10045") == "CEN-10045"


def test_same_number_of_two_connections_makes_two_keys():
    assert probe_key("CEN", "10045") != probe_key("VS", "10045")


def test_long_reference_becomes_twelve_characters_of_its_hash():
    assert probe_key("CEN", "9" * 100) == "CEN-HWJMIBSAFUQR"


def test_reference_that_just_fits_is_kept():
    assert probe_key("CEN", "1" * 16) == f"CEN-{'1' * 16}"
    assert len(probe_key("CEN", "1" * 17)) == 16


def test_letters_of_another_case_are_another_order():
    assert probe_key("CEN", "ab1") != probe_key("CEN", "AB1") == "CEN-AB1"


@pytest.mark.parametrize("prefix", ["", "cen", "CEN-", "TOOLONGX", "Ä"])
def test_prefix_that_could_not_be_searched_for_is_refused(prefix):
    with pytest.raises(ValueError, match="prefix"):
        probe_key(prefix, "1")


def test_empty_reference_is_refused():
    with pytest.raises(ValueError, match="reference"):
        probe_key("CEN", "")


@given(
    st.from_regex(r"[A-Z0-9]{1,7}", fullmatch=True),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
)
def test_every_key_fits_the_erp(prefix, ref):
    key = probe_key(prefix, ref)
    assert len(key) <= 20
    assert KEY.fullmatch(key)
