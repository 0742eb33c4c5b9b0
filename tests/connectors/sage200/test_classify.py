import pytest

from app.connectors.sage200.classify import Cause, cause, message, redact

CORPUS = [
    (Cause.LOCKED, "Sales order 0000001579 is locked by user 'jsmith' and cannot be amended."),
    (Cause.LOCKED, "The record is currently in use by another user."),
    (Cause.LOCKED, "Unable to obtain a lock on customer WEB001."),
    (Cause.LOCKED, "Stock item DRESS-S is being edited by ADMIN on SAGE01."),
    (Cause.LOCKED, "The customer account is already in use."),
    (Cause.LOCKED, "Lock request time out period exceeded."),
    (Cause.LOCKED, "This order has been opened by JSMITH."),
    (Cause.ACCOUNT, "Customer WEB001 is on hold."),
    (Cause.ACCOUNT, "The credit limit for this account would be exceeded."),
    (Cause.PRODUCT, "The stock item with code DRESS-S is inactive."),
    (Cause.PRODUCT, "Product DRESS-S is not allowed on sales orders."),
    (Cause.STOCK, "There is insufficient free stock of DRESS-S in HOME."),
    (Cause.PERIOD, "The accounting period for 01/01/2020 is closed."),
    (Cause.PERMISSION, "You do not have permission to override the selling price."),
    (Cause.PERMISSION, "Access is denied."),
    (Cause.PASSING, "Transaction (Process ID 61) was deadlocked on lock resources with another process."),
    (Cause.PASSING, "Timeout expired. The timeout period elapsed prior to completion of the operation."),
    (Cause.MISSING, "The product with id 999999 could not be found."),
    (Cause.MISSING, "Tax code 77 does not exist."),
    (Cause.INVALID, "The field postcode must be a string with a maximum length of 10."),
    (Cause.INVALID, "Sage.Common.Exceptions.SageNullFieldException"),
    (Cause.INVALID, "Analysis code 1 is mandatory."),
    (Cause.UNKNOWN, "Object reference not set to an instance of an object."),
    (Cause.UNKNOWN, "An error has occurred."),
    (Cause.UNKNOWN, "Document number 0000000007 is already in use."),
    (Cause.UNKNOWN, ""),
]


@pytest.mark.parametrize(("expected", "text"), CORPUS)
def test_a_refusal_is_understood(expected, text):
    assert cause(400, text) is expected


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
