"""Phrases say what the ERP's texts mean, and none of them can take for ever."""

import pytest
from pydantic import ValidationError

from app.domain.refusals import Cause, Kind, PhraseRow, says
from app.domain.rules import index


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("is locked", "The order IS  Locked."),
        ("wird von * bearbeitet", "Satz 9 wird von JSMITH bearbeitet"),
        ("*error 3709*", "Unexpected error 3709"),
        ("one * two * one", "one, two, one"),
        ("(0x8004*)", "failed (0x80040E14)"),
        ("a.b[c]+", "says a.b[c]+ to us"),
    ],
)
def test_a_phrase_fits_what_it_says(phrase, text):
    assert says(phrase, text)


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("is locked", "is not locked"),
        ("two * one", "one two"),
        ("one * one", "one"),
        ("a.b", "axb"),
        ("word", ""),
    ],
)
def test_a_phrase_fits_nothing_else(phrase, text):
    assert not says(phrase, text)


@pytest.mark.timeout(5)
def test_no_phrase_takes_for_ever():
    worst = PhraseRow(phrase="aaaa" + "*a" * 98, cause=Cause.LOCKED)
    for _ in range(100):
        assert not says(worst.phrase + "b", "a" * 8_000)


@pytest.mark.parametrize("phrase", ["", "*", "a*b*c", "...", "  ", "x" * 201, "line\nbreak"])
def test_a_phrase_that_fits_everything_or_nothing_is_refused(phrase):
    with pytest.raises(ValidationError):
        PhraseRow(phrase=phrase, cause=Cause.LOCKED)


def test_an_unknown_cause_is_refused():
    with pytest.raises(ValidationError, match="cause"):
        PhraseRow.model_validate({"phrase": "is locked", "cause": "lokced"})


def test_the_longest_phrase_comes_first_and_spelling_makes_no_second_row():
    rows = [PhraseRow(phrase=text, cause=Cause.LOCKED) for text in ("locked", "locked by me", "Is  Locked")]
    assert [row.phrase for row in index(rows).phrases] == ["locked by me", "Is  Locked", "locked"]
    assert PhraseRow(phrase="IS locked", cause=Cause.INVALID).key == rows[2].key


def test_every_cause_has_its_kind():
    kinds = {cause: cause.kind for cause in Cause}
    assert set(kinds.values()) == set(Kind)
    assert [cause for cause, kind in kinds.items() if kind is Kind.LOCKED] == [Cause.LOCKED]
    assert kinds[Cause.PASSING] is Kind.TRANSIENT
    assert kinds[Cause.PERMISSION] is Kind.AUTH
