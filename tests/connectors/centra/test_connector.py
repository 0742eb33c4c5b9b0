from datetime import timedelta

import httpx
import pytest
from pydantic import ValidationError

from app.connectors.centra.connector import fetch_orders, open_channel
from app.domain.errors import PermanentError
from app.domain.order import Order, Standing, Unreadable
from tests.connectors.centra.conftest import NOW, make_settings
from tests.connectors.centra.wire import event, form, order, sign


async def test_opened_channel_speaks_for_its_connection(centra):
    async with open_channel(
        "uk", make_settings(), lambda: NOW, transport=httpx.MockTransport(centra)
    ) as channel:
        centra.data(orders=[order()])
        orders = await channel.fetch_orders(["20417"])
    assert (channel.destination, channel.prefix, set(channel.polls)) == (
        "centra:uk",
        "CEN",
        {"orders", "events"},
    )
    assert (orders["20417"].connection, centra.tokens) == ("uk", ["Bearer 0123456789abcdef"])


async def test_opened_channel_receives_with_the_secrets_of_its_settings():
    raw = form({"events": [event()]})
    settings = make_settings(webhook_secrets=["older", "newer"], tolerance_seconds=10)
    async with open_channel("uk", settings, lambda: NOW) as channel:
        header = {"x-centra-signature": sign(raw, int(NOW.timestamp()), "newer")}
        assert channel.content_type == "application/x-www-form-urlencoded"
        assert len(channel.receive(raw, header, NOW + timedelta(seconds=10))) == 1


async def test_channel_without_a_secret_receives_nothing():
    async with open_channel("uk", make_settings(webhook_secrets=[]), lambda: NOW) as channel:
        assert channel.receive is None


async def test_channel_without_the_queue_sweeps_only():
    async with open_channel("uk", make_settings(events_enabled=False), lambda: NOW) as channel:
        assert (set(channel.polls), channel.confirm) == ({"orders"}, None)


async def test_many_orders_are_one_request(make_source, centra):
    centra.data(orders=[order(number) for number in range(1, 201)])
    orders = await fetch_orders([str(number) for number in range(1, 201)], source=make_source())
    assert (len(orders), len(centra.asked)) == (200, 1)
    assert centra.asked[0]["variables"] == {"where": {"number": list(range(1, 201))}, "limit": 200}


async def test_more_orders_than_a_request_gives_are_refused(make_source, centra):
    with pytest.raises(ValueError, match="201 orders"):
        await fetch_orders([str(number) for number in range(1, 202)], source=make_source())
    assert centra.asked == []


async def test_order_that_is_not_there_yet_is_left_out(make_source, centra):
    centra.data(orders=[order(2)]).data(orders=[])
    assert set(await fetch_orders(["1", "2"], source=make_source())) == {"2"}


async def test_order_that_centra_hides_because_it_is_held_is_found(make_source, centra):
    centra.data(orders=[order(2)]).data(orders=[order(1, isOnHold=True)])
    orders = await fetch_orders(["1", "2"], source=make_source())
    assert centra.asked[1]["variables"] == {"where": {"number": [1], "isOnHold": True}, "limit": 1}
    assert (orders["1"].standing, orders["2"].standing) == (Standing.HELD, Standing.RELEASABLE)


async def test_ref_that_no_order_can_have_does_not_spoil_the_query(make_source, centra):
    centra.data(orders=[order(2)])
    refs = ["2", "", "x", "-1", "0", "007", "2.5", str(2**31), "9" * 5000, "\u0662"]
    assert set(await fetch_orders(refs, source=make_source())) == {"2"}
    assert centra.asked[0]["variables"]["where"] == {"number": [2]}


async def test_no_ref_at_all_asks_nothing(make_source, centra):
    assert await fetch_orders(["x"], source=make_source()) == {}
    assert centra.asked == []


async def test_unreadable_order_does_not_take_the_others_with_it(make_source, centra):
    broken = {**order(2), "grandTotal": None}
    centra.data(orders=[order(1), broken, order(3), None, {"number": "4"}])
    orders = await fetch_orders(["1", "2", "3"], source=make_source())
    assert [type(orders[ref]) for ref in ("1", "2", "3")] == [Order, Unreadable, Order]


async def test_order_that_was_not_asked_for_is_not_given(make_source, centra):
    centra.data(orders=[order(1), order(2)])
    assert set(await fetch_orders(["1"], source=make_source())) == {"1"}


async def test_connection_of_one_store_asks_for_no_other(make_source, centra):
    centra.data(orders=[order(1)])
    await fetch_orders(["1"], source=make_source(store=2))
    assert centra.asked[0]["variables"]["where"] == {"number": [1], "storeId": [2]}


async def test_answer_without_a_list_parks(make_source, centra):
    centra.data(orders=None)
    with pytest.raises(PermanentError):
        await fetch_orders(["1"], source=make_source())


@pytest.mark.parametrize(
    "changes",
    [
        {"base_url": "brand.centra.com/graphql"},
        {"base_url": "ftp://brand.centra.com/graphql"},
        {"token": ""},
        {"webhook_secrets": [""]},
        {"prefix": "cen"},
        {"prefix": "CENTRAUK"},
        {"prefix": "C-N"},
        {"instance_zone": "Mars/Olympus"},
        {"instance_zone": ""},
        {"instance_zone": "../secret"},
        {"release_statuses": []},
        {"release_statuses": ["CANCELLED"]},
        {"release_statuses": ["confirmed"]},
        {"tolerance_seconds": 0},
        {"store": -1},
        {"warehous": 1},
    ],
    ids=str,
)
def test_setting_that_cannot_be_meant_is_refused(changes):
    with pytest.raises(ValidationError):
        make_settings(**changes)


def test_settings_show_no_secret():
    assert "0123456789abcdef" not in repr(make_settings())
