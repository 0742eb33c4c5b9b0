from urllib.parse import parse_qs, quote

from hypothesis import given
from hypothesis import strategies as st

from app.connectors.sage200.odata import LONGEST_FILTER, any_of, equals, query


def test_a_quote_is_doubled():
    assert equals("code", "O'NEIL''S") == "code eq 'O''NEIL''''S'"


def test_numbers_and_flags_stand_without_quotes():
    assert [equals("id", 7), equals("is_draft", True)] == ["id eq 7", "is_draft eq true"]


@given(st.lists(st.text(min_size=1, max_size=30), max_size=60), st.integers(1, 25))
def test_every_term_is_asked_for_once_within_the_limits(codes, most):
    terms = [equals("code", code) for code in codes]
    chunks = list(any_of(terms, most))
    assert sorted(" or ".join(chunks)) == sorted(" or ".join(terms))
    assert all(len(quote(chunk, safe="")) <= LONGEST_FILTER + 400 for chunk in chunks)
    assert len(chunks) >= len(terms) / most


@given(st.text(max_size=50))
def test_a_query_string_survives_the_way(text):
    assert parse_qs(query({"filter": text, "top": 5}), keep_blank_values=True) == {
        "$filter": [text],
        "$top": ["5"],
    }


def test_a_blank_travels_as_a_percent_and_never_as_a_plus():
    assert query({"filter": "a eq 'b+c'"}) == "$filter=a%20eq%20%27b%2Bc%27"
