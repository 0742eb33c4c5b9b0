import json
from datetime import date, timedelta

import httpx
import pytest

from app.domain.channel import Shipment
from app.domain.despatch import Parcel
from app.domain.errors import DestinationError, InDoubtError, PermanentError, SnoozeError, TransientError
from tests.connectors.virtualstock.conftest import NOW, opened
from tests.connectors.virtualstock.wire import item, order

PARCEL = Parcel("42", (("01", 2),), "dpd", "", "01550123456789", "https://track.example/1", date(2026, 11, 5))
TOLD = Shipment("ARG-A1", "700101", PARCEL, {"01": 2}, {}, NOW)
CARRIERS = [{"id": 1, "slug": "dpd", "name": "DPD"}]


def shown(*statuses: str) -> dict:
    return order(items=[item(f"0{place}", status=status) for place, status in enumerate(statuses, start=1)])


async def tell(vendor, clock, told=TOLD) -> tuple[bool, int]:
    begun = []

    async def begin() -> None:
        begun.append(len(vendor.asked))

    async with opened(vendor, clock) as channel:
        return await channel.ship(told, begin), len(begun)


async def test_a_parcel_is_told_as_text_and_days(vendor, clock):
    vendor.reply(shown("ORDER_ACK"), CARRIERS, 200)
    assert await tell(vendor, clock) == (True, 1)
    assert json.loads(vendor.asked[-1].content)["items"] == [
        {
            "part_number": "61203344",
            "line_ref": "01",
            "quantity": 2,
            "supplier_dispatch_date": "2026-11-05",
            "carrier": "dpd",
            "tracking_number": "01550123456789",
            "tracking_url": "https://track.example/1",
        }
    ]


@pytest.mark.requirement("RC-23")
async def test_what_is_dispatched_already_is_not_told_again(vendor, clock):
    both = Shipment(
        "A1",
        "700101",
        Parcel("42", (("01", 2), ("02", 2)), "dpd", "", "1", "", date(2026, 11, 5)),
        {"01": 2, "02": 2},
        {},
        NOW,
        again=True,
    )
    vendor.reply(shown("DISPATCH", "ORDER_ACK"), CARRIERS, 200)
    assert await tell(vendor, clock, both) == (True, 1)
    assert [one["line_ref"] for one in json.loads(vendor.asked[-1].content)["items"]] == ["02"]
    vendor.reply(shown("DISPATCH", "DISPATCH"))
    assert await tell(vendor, clock, both) == (False, 0)


async def test_a_part_that_may_have_been_told_is_never_repeated_blindly(vendor, clock):
    part = Shipment("A1", "700101", PARCEL, {"01": 5}, {}, NOW, again=True)
    vendor.reply(shown("ORDER_ACK"))
    with pytest.raises(InDoubtError):
        await tell(vendor, clock, part)
    assert [request.method for request in vendor.asked] == ["GET"]


@pytest.mark.requirement("RC-22")
async def test_an_order_that_is_not_acknowledged_yet_waits(vendor, clock):
    vendor.reply(shown("ORDER"))
    with pytest.raises(SnoozeError):
        await tell(vendor, clock)


async def test_the_warehouse_wins_over_a_cancellation_that_comes_too_late(vendor, clock):
    vendor.reply(shown("CANCEL"), CARRIERS, 200)
    assert await tell(vendor, clock) == (True, 1)


@pytest.mark.parametrize("status", ["CANCEL_ACK", "RMA", "AWAITING_ORACLE"])
async def test_a_line_that_cannot_be_dispatched_parks(vendor, clock, status):
    vendor.reply(shown(status))
    with pytest.raises(PermanentError, match="E-VS-REFUSED"):
        await tell(vendor, clock)


async def test_a_line_that_is_not_there_parks(vendor, clock):
    vendor.reply(order(items=[item("9", status="ORDER_ACK")]))
    with pytest.raises(PermanentError, match="E-LINE-UNKNOWN"):
        await tell(vendor, clock)


@pytest.mark.requirement("R-46")
async def test_a_slug_that_left_the_list_parks_before_any_call_and_the_list_is_kept_for_a_while(
    vendor, clock
):
    vendor.reply(shown("ORDER_ACK"), [])
    with pytest.raises(PermanentError, match="E-CARRIER-GONE"):
        await tell(vendor, clock)
    assert {request.method for request in vendor.asked} == {"GET"}
    vendor.reply(
        shown("ORDER_ACK"), CARRIERS, 200, shown("ORDER_ACK"), 200, shown("ORDER_ACK"), CARRIERS, 200
    )

    async def begin() -> None:
        pass

    before = len(vendor.asked)
    async with opened(vendor, clock) as channel:
        await channel.ship(TOLD, begin)
        await channel.ship(TOLD, begin)
        clock.at += timedelta(minutes=61)
        await channel.ship(TOLD, begin)
    paths = [request.url.path for request in vendor.asked[before:]]
    assert sum("carriers" in path for path in paths) == 2


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (httpx.ReadTimeout("no"), TransientError),
        (500, TransientError),
        (504, TransientError),
        (503, DestinationError),
        (429, DestinationError),
        (httpx.ConnectError("no"), DestinationError),
        (httpx.Response(400, json=["Validation error"]), PermanentError),
    ],
)
async def test_what_an_answer_means(vendor, clock, reply, error):
    vendor.reply(shown("ORDER_ACK"), CARRIERS, reply)
    with pytest.raises(error) as caught:
        await tell(vendor, clock)
    assert type(caught.value) is error
