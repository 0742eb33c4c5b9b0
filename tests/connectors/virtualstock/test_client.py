import base64
from datetime import timedelta

import httpx
import pytest

from app.connectors.virtualstock.failures import explain
from app.domain.errors import DestinationError, PermanentError, TransientError
from tests.connectors.virtualstock.conftest import NOW, opened
from tests.connectors.virtualstock.wire import order, page


def bearer(request: httpx.Request) -> str:
    return request.headers["authorization"]


async def test_one_login_serves_until_it_ends_and_is_then_refreshed(vendor, clock):
    vendor.reply(page(), page(), page(), page())
    async with opened(vendor, clock) as channel:
        for seconds in (0, 200, 100, 4 * 3600):
            clock.at += timedelta(seconds=seconds)
            await channel.fetch_orders(["ARG-A1"])
    assert [request.url.path.rpartition("/")[2] for request in vendor.logins] == ["token", "refresh", "token"]
    assert [bearer(request) for request in vendor.asked] == [
        "Bearer access-1",
        "Bearer access-1",
        "Bearer access-2",
        "Bearer access-3",
    ]


async def test_a_refused_token_is_replaced_once(vendor, clock):
    vendor.reply(401, page())
    async with opened(vendor, clock) as channel:
        assert await channel.fetch_orders(["ARG-A1"]) == {}
    assert [bearer(request) for request in vendor.asked] == ["Bearer access-1", "Bearer access-2"]


async def test_a_refresh_that_is_refused_logs_in_anew(vendor, clock):
    vendor.refuse_refresh = True
    vendor.reply(401, page())
    async with opened(vendor, clock) as channel:
        await channel.fetch_orders(["ARG-A1"])
    assert [request.url.path.rpartition("/")[2] for request in vendor.logins] == ["token", "refresh", "token"]


async def test_a_refused_account_rests_the_destination(vendor, clock):
    vendor.refuse_login = True
    async with opened(vendor, clock) as channel:
        with pytest.raises(DestinationError, match="E-VS-LOGIN"):
            await channel.fetch_orders(["ARG-A1"])
    assert vendor.asked == []


async def test_basic_needs_no_login(vendor, clock):
    vendor.reply(page())
    async with opened(vendor, clock, auth="basic") as channel:
        await channel.fetch_orders(["ARG-A1"])
    pair = base64.b64decode(bearer(vendor.asked[0]).removeprefix("Basic ")).decode()
    assert (vendor.logins, pair) == ([], "northgate:a password")


async def test_credentials_never_leave_for_a_host_of_a_payload(vendor, clock):
    rows = [order(number) for number in (1, 2)]
    vendor.reply(page(*rows, count=3), page(order(3), count=3), page(), page())
    async with opened(vendor, clock) as channel:
        cursor: dict = {}
        while True:
            told = await channel.polls["open_orders"](cursor, NOW)
            cursor = told.cursor
            if not told.more:
                break
    assert {request.url.host for request in (*vendor.asked, *vendor.logins)} == {"edge.test"}


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (httpx.ConnectError("no"), DestinationError),
        (httpx.ConnectTimeout("no"), DestinationError),
        (httpx.ReadTimeout("no"), TransientError),
        (httpx.RemoteProtocolError("no"), TransientError),
        (403, DestinationError),
        (500, DestinationError),
        (503, DestinationError),
        (302, PermanentError),
        (400, PermanentError),
        (httpx.Response(200, text="<html>maintenance</html>"), DestinationError),
    ],
)
async def test_what_an_answer_means_for_a_read(vendor, clock, reply, error):
    vendor.reply(reply)
    async with opened(vendor, clock) as channel:
        with pytest.raises(error) as caught:
            await channel.fetch_orders(["ARG-A1"])
    assert type(caught.value) is error


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({"Retry-After": "37"}, 37), ({}, 41), ({"Retry-After": "Thu, 05 Nov 2026 09:21:00 GMT"}, 60)],
)
async def test_a_throttle_says_until_when(vendor, clock, headers, seconds):
    body = {"detail": "Request was throttled. Expected available in 41.0 seconds."}
    vendor.reply(httpx.Response(429, json=body, headers=headers))
    async with opened(vendor, clock) as channel:
        with pytest.raises(DestinationError) as caught:
            await channel.fetch_orders(["ARG-A1"])
    assert caught.value.resume_at == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"Partial cancellation not allowed item 2", "Partial cancellation not allowed item 2"),
        (b'"Partial"', "Partial"),
        (b'["Partial", "whole"]', "Partial; whole"),
        (b'{"detail": "Product not found.", "code": "PRODUCT_NOT_FOUND"}', "Product not found."),
        (
            b'{"supplier_free_stock": ["This field is required."]}',
            "supplier_free_stock: This field is required.",
        ),
        (b"<html><h1>Server  Error</h1></html>", "Server Error"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"", ""),
        (b"null", ""),
    ],
)
def test_every_family_of_error_bodies_is_read(body, sentence):
    assert explain(body) == sentence
