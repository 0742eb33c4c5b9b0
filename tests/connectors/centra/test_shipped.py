"""What left by Centra's own doing: read with its order, led to by its id, and found by itself."""

from datetime import date, timedelta

import httpx
import pytest

from app.connectors.centra.connector import fetch_orders, open_channel
from app.connectors.centra.poll import PAGE_SIZE, read_events
from app.connectors.centra.shipped import find_orders, read_completed
from app.domain.errors import TransientError
from app.domain.order import Shipped, Unreadable
from tests.connectors.centra.conftest import NOW, make_settings
from tests.connectors.centra.wire import order

OURS = {"dispatch_origin": "channel"}


def shipment(number: str = "20417-1", **more) -> dict:
    plain = {
        "number": number,
        "isShipped": True,
        "shippedAt": "2026-03-02T23:30:00+01:00",
        "trackingNumber": " 01550 ",
        "additionalMessage": None,
        "carrierInformation": {"carrierName": "dpd", "serviceName": None},
        "lines": [{"quantity": 2, "orderLine": {"id": 4661}}],
    }
    return {**plain, **more}


async def shipped(make_source, centra, *rows) -> object:
    centra.data(orders=[{**order(), "shipments": list(rows)}])
    return (await fetch_orders(["20417"], source=make_source(**OURS)))["20417"]


async def test_a_completed_shipment_comes_with_its_order(make_source, centra):
    """The day is London's."""
    read = await shipped(make_source, centra, shipment())
    assert read.shipped == (Shipped("20417-1", (("4661", 2),), "dpd", "", "01550", date(2026, 3, 2)),)
    assert "shipments" in centra.asked[0]["query"]


@pytest.mark.parametrize("change", [{"isShipped": False}, {"additionalMessage": "Despatch note 0000000042"}])
async def test_what_did_not_leave_or_was_told_by_us_is_none_of_it(make_source, centra, change):
    assert (await shipped(make_source, centra, shipment(**change))).shipped == ()


async def test_a_shipment_without_carrier_or_date_is_one_all_the_same(make_source, centra):
    bare = shipment(carrierInformation=None, trackingNumber=None, shippedAt=None)
    (read,) = (await shipped(make_source, centra, bare)).shipped
    assert read == Shipped("20417-1", (("4661", 2),))


@pytest.mark.parametrize(
    "change", [{"lines": [{"quantity": -1, "orderLine": {"id": 1}}]}, {"shippedAt": "soon"}]
)
async def test_a_shipment_that_cannot_be_read_makes_its_order_unreadable(make_source, centra, change):
    assert isinstance(await shipped(make_source, centra, shipment(**change)), Unreadable)


async def test_nothing_is_asked_where_despatches_begin_in_the_erp(make_source, centra):
    centra.data(orders=[order()])
    await fetch_orders(["20417"], source=make_source())
    assert "shipments" not in centra.asked[0]["query"]


@pytest.mark.requirement("R-51")
@pytest.mark.parametrize(("origin", "ships", "looks"), [("erp", True, False), ("channel", False, True)])
async def test_one_side_begins_and_the_other_is_not_told_back(origin, ships, looks):
    async with open_channel("uk", make_settings(dispatch_origin=origin), lambda: NOW) as channel:
        assert (channel.ship is not None, channel.find_orders is not None) == (ships, looks)
        assert ("shipments" in channel.polls) is looks


async def test_an_origin_is_one_of_two():
    with pytest.raises(ValueError, match="dispatch_origin"):
        make_settings(dispatch_origin="both")


def found(id_: int, number: int, at: str = "2026-03-02T09:00:00+00:00") -> dict:
    return {"id": id_, "number": f"{number}-1", "updatedAt": at, "order": {"number": number}}


async def test_ids_of_shipments_lead_to_orders_of_this_store(make_source, centra):
    centra.data(shipments=[found(3455, 20417)])
    assert await find_orders([3455, 7], source=make_source(store=1, **OURS)) == {3455: "20417"}
    assert centra.asked[0]["variables"]["where"] == {"id": [3455, 7], "storeId": [1]}


async def test_the_queue_is_asked_for_shipments_too(make_source, centra):
    centra.data(setEventListeners={"userErrors": [], "userWarnings": []}).data(events=[])
    page = await read_events({"listening": ["Order"]}, NOW, source=make_source(**OURS))
    listeners = centra.asked[0]["variables"]["input"]
    assert [one["objectType"] for one in listeners] == ["Order", "Shipment"]
    assert page.cursor == {"listening": ["Order", "Shipment"]}


async def test_what_left_is_found_by_time_of_change_from_a_little_before_the_last_look(make_source, centra):
    centra.data(shipments=[found(3455, 20417)])
    since = NOW - timedelta(hours=1)
    page = await read_completed({"since": since.isoformat()}, NOW, source=make_source(**OURS))
    where = centra.asked[0]["variables"]["where"]
    assert where == {"isShipped": True, "updatedAt": {"from": (since - timedelta(seconds=300)).isoformat()}}
    (draft,) = page.drafts
    assert (draft.kind, draft.order_ref) == ("centra.order", "20417")
    assert (page.cursor, page.more, page.horizon) == ({"since": NOW.isoformat()}, False, NOW)


async def test_a_full_page_goes_on_where_it_was(make_source, centra):
    centra.data(shipments=[found(place, place) for place in range(1, PAGE_SIZE + 1)]).data(shipments=[])
    source = make_source(**OURS)
    first = await read_completed({}, NOW, source=source)
    assert (first.more, first.cursor["page"]) == (True, 2)
    second = await read_completed(first.cursor, NOW + timedelta(seconds=9), source=source)
    asked = [one["variables"] for one in centra.asked]
    assert asked[0]["where"] == asked[1]["where"]
    assert (asked[1]["page"], second.more, second.cursor) == (2, False, {"since": NOW.isoformat()})


async def test_another_shape_is_no_answer(make_source, centra):
    centra.data(shipments=[{"id": "x"}])
    with pytest.raises(TransientError):
        await find_orders([1], source=make_source(**OURS))


async def test_the_channel_asks_with_its_own_token(centra):
    transport = httpx.MockTransport(centra)
    async with open_channel("uk", make_settings(**OURS), lambda: NOW, transport=transport) as channel:
        centra.data(shipments=[])
        assert await channel.find_orders([1]) == {}
