import tomllib
from pathlib import Path

import pytest

from app.connectors.sage200.classify import cause, message, redact
from app.domain.refusals import Cause, Kind, PhraseRow

CORPUS = [
    (Cause(name), text)
    for name, texts in tomllib.loads((Path(__file__).parent / "corpus.toml").read_text()).items()
    for text in texts
]


@pytest.mark.requirement("R-54")
@pytest.mark.parametrize(("expected", "text"), CORPUS)
def test_a_refusal_is_understood(expected, text):
    assert cause(400, text) is expected


def test_the_corpus_knows_every_cause_and_kind():
    assert len({text for _, text in CORPUS}) == len(CORPUS) >= 60
    assert {expected for expected, _ in CORPUS} == set(Cause)
    assert {expected.kind for expected, _ in CORPUS} == set(Kind)


@pytest.mark.parametrize("status", [400, 409, 423])
def test_a_phrase_goes_before_texts_and_status(status):
    rows = [PhraseRow(phrase="is locked by the auditor", cause=Cause.PERMISSION)]
    assert cause(status, "Order 1 is locked by the auditor.", phrases=rows) is Cause.PERMISSION
    assert cause(status, "Order 1 is locked by jsmith.", phrases=rows) is Cause.LOCKED


def test_of_two_phrases_the_first_decides():
    rows = [
        PhraseRow(phrase="is locked for good", cause=Cause.INVALID),
        PhraseRow(phrase="locked", cause=Cause.LOCKED),
    ]
    assert cause(400, "The order is locked for good", phrases=rows) is Cause.INVALID


@pytest.mark.parametrize("status", [409, 423])
def test_a_status_that_says_locked_needs_no_words(status):
    assert cause(status, "") is Cause.LOCKED


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"Message": "Upper."}', "Upper."),
        (b'{"message": "lower."}', "lower."),
        (b'{"Message": "", "message": "second"}', "second"),
        (b'{"error": "invalid_grant", "error_description": "Unknown token"}', "Unknown token"),
        (b'"just text"', "just text"),
        (b"plain\r\n text", "plain text"),
        (b'{"odd": 1}', '{"odd": 1}'),
        (
            b"<html><style>p{}</style><h1>Server Error</h1><p>500 - internal</p></html>",
            "Server Error 500 - internal",
        ),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b'{"Message": "Mail ada@example.com, please."}', "Mail … please."),
        (b"", ""),
    ],
)
def test_the_words_of_an_error_are_found_in_every_shape(body, text):
    assert message(body) == text


@pytest.mark.parametrize("body", [b"x" * 32_000_000, b'{"Message": "' + b"x" * 900_000 + b'"}'])
@pytest.mark.timeout(5)
def test_a_long_error_is_cut(body):
    assert message(body) == "x" * 400


@pytest.mark.parametrize("piece", [b"<", b"<style>", b"@", b"a@", b"<!--", b"["])
@pytest.mark.timeout(5)
def test_nonsense_without_end_takes_no_time(piece):
    assert len(message(piece * 900_000)) <= 400


def test_redact_leaves_short_values_alone():
    assert redact("Ms A at 1 is wrong", ["A", "1", ""]) == "Ms A at 1 is wrong"
