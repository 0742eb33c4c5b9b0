import json
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import httpx
import pytest
from pydantic import ValidationError

from app.connectors.virtualstock.preflight import find_gaps
from app.domain.channel import Acknowledged, Acknowledgement
from app.domain.errors import DestinationError, PermanentError, TransientError
from tests.connectors.virtualstock.conftest import NOW, make_settings, opened
from tests.connectors.virtualstock.wire import item, order

PLACED = datetime(2026, 1, 5, 9, tzinfo=UTC)
TOLD = Acknowledgement("ARG-A1", "700101", "0000001579", PLACED, {"1": 2, "01": 2})


async def tell(vendor, clock, **profile) -> Acknowledged:
    async with opened(vendor, clock, retailers={"ARG": {"id": 31, **profile}}) as channel:
        return await channel.acknowledge(TOLD)


def sent(vendor) -> list[dict]:
    (request,) = (one for one in vendor.asked if one.method == "POST")
    assert request.url.path == "/restapi/v4/orders/700101/acknowledge/"
    return json.loads(request.content)["items"]


async def test_new_lines_are_acknowledged_with_what_was_read(vendor, clock):
    vendor.reply(order(items=[item("01"), item("2", status="CANCEL"), item("3", status="ORDER_ACK")]), 200)
    assert await tell(vendor, clock) == Acknowledged(sent=True)
    assert sent(vendor) == [{"part_number": "61203344", "line_ref": "01", "quantity": 2}]


async def test_nothing_new_is_nothing_to_tell(vendor, clock):
    vendor.reply(order(items=[item(status="ORDER_ACK")]))
    assert await tell(vendor, clock) == Acknowledged(sent=False)
    assert [request.method for request in vendor.asked] == ["GET"]


@pytest.mark.requirement("R-38")
async def test_lines_that_the_erp_lacks_are_left_alone_and_told(vendor, clock):
    vendor.reply(order(items=[item("01"), item("7"), item("1", quantity=5)]), 200)
    assert await tell(vendor, clock) == Acknowledged(sent=True, left=("7", "1"))
    assert [line["line_ref"] for line in sent(vendor)] == ["01"]


async def test_a_retailers_profile_fills_the_fields(vendor, clock):
    vendor.reply(order(), 201)
    profile = {
        "supplier_reference": "ack_comment",
        "ack_sub_status": "Pending",
        "fulfillment_route": "Direct to customer",
    }
    await tell(vendor, clock, **profile)
    (line,) = sent(vendor)
    assert (line["comment"], line["sub_status"], line["fulfillment_route"]) == (
        "0000001579",
        "Pending",
        "Direct to customer",
    )


@pytest.mark.requirement("R-41")
@pytest.mark.parametrize(
    "name", ["fulfillment_route", "sub_status", "comment", "supplier_dispatch_date", "supplier_delivery_date"]
)
async def test_what_a_retailer_requires_and_its_profile_lacks_parks_before_any_call(vendor, clock, name):
    vendor.reply(order())
    with pytest.raises(PermanentError, match="E-RETAILER-FIELD") as caught:
        await tell(vendor, clock, ack_required=[name])
    assert caught.value.detail.startswith(f"{name}: retailer 31")
    assert [request.method for request in vendor.asked] == ["GET"]


@pytest.mark.requirement("R-41")
async def test_a_retailer_that_takes_no_comments_gets_none(vendor, clock):
    vendor.reply(order(), 200)
    await tell(vendor, clock, supplier_reference="ack_comment", comments=False)
    assert "comment" not in sent(vendor)[0]


async def test_preflight_names_every_gap_of_a_profile():
    filled = {"id": 47, "fulfillment_route": "Direct", "ack_required": ["fulfillment_route"]}
    lacking = {"id": 31, "ack_required": ["sub_status", "comment"]}
    gaps = await find_gaps(settings=make_settings(retailers={"ARG": lacking, "JLW": filled}))
    assert [gap.partition(",")[0] for gap in gaps] == [
        "retailer ARG: its acknowledgements must hold comment",
        "retailer ARG: its acknowledgements must hold sub_status",
    ]


@pytest.mark.requirement("R-39")
@pytest.mark.requirement("R-40")
@pytest.mark.parametrize(
    ("placed", "dispatch"),
    [
        ("2026-11-06T16:59:00+00:00", "2026-11-06"),  # a Friday before five
        ("2026-11-06T17:01:00+00:00", "2026-11-09"),
        ("2026-11-07T10:00:00+00:00", "2026-11-09"),  # a Saturday
        ("2026-03-28T23:30:00+00:00", "2026-03-30"),  # the clock changes that night
        ("2026-10-25T00:30:00+00:00", "2026-10-26"),
        ("2028-02-29T09:00:00+00:00", "2028-02-29"),
        ("2026-12-31T18:00:00+00:00", "2027-01-04"),  # the first is a holiday
        ("2026-07-03T16:30:00+00:00", "2026-07-06"),  # half past five in London
    ],
)
async def test_dates_are_civil_and_follow_the_calendar(vendor, clock, placed, dispatch):
    clock.at = datetime.fromisoformat(placed)
    vendor.reply(order(items=[item(promised_date=None)]), 200)
    await tell(vendor, clock, tells_dates=True, cut_off=time(17), delivery_days=1, holidays=["2027-01-01"])
    (line,) = sent(vendor)
    assert line["supplier_dispatch_date"] == f"{dispatch}T12:00:00"
    assert len(line["supplier_delivery_date"]) == 19
    assert line["supplier_delivery_date"] > line["supplier_dispatch_date"]


@pytest.mark.requirement("R-40")
@pytest.mark.parametrize("promised", ["2026-11-06T00:00:00", "2026-11-04T00:00:00"])  # too soon; past
async def test_a_promise_that_cannot_be_kept_parks_before_any_call(vendor, clock, promised):
    vendor.reply(order(items=[item(promised_date=promised)]))
    with pytest.raises(PermanentError, match="E-DATE-WINDOW") as caught:
        await tell(vendor, clock, tells_dates=True, delivery_days=2)
    assert "2026-11-09" in caught.value.detail
    assert [request.method for request in vendor.asked] == ["GET"]


@pytest.mark.requirement("R-39")
async def test_a_date_that_is_none_parks(vendor, clock):
    vendor.reply(order(items=[item(promised_date="soon")]))
    with pytest.raises(PermanentError, match="E-DATE-FORMAT"):
        await tell(vendor, clock, tells_dates=True)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (httpx.ReadTimeout("no"), TransientError),
        (500, TransientError),
        (503, DestinationError),
        (httpx.Response(400, text="Validation Not allowed to change state of item 1"), PermanentError),
    ],
)
async def test_what_an_answer_means_for_a_write(vendor, clock, reply, error):
    vendor.reply(order(), reply)
    with pytest.raises(error) as caught:
        await tell(vendor, clock)
    assert type(caught.value) is error


async def test_an_order_that_is_gone_parks(vendor, clock):
    vendor.reply(404)
    with pytest.raises(PermanentError, match="E-VS-ORDER-GONE"):
        await tell(vendor, clock)


FILED = replace(TOLD, filed_at=NOW)


async def file(vendor, clock, folder, told=TOLD) -> Acknowledged:
    vendor.reply(order())
    profile = {"ARG": {"id": 31, "supplier_reference": "sftp_ack", "ack_sub_status": "Pending"}}
    async with opened(vendor, clock, retailers=profile, outgoing_dir=folder) as channel:
        return await channel.acknowledge(told)


async def test_a_file_is_whole_before_it_counts_and_is_not_written_again(vendor, clock, tmp_path):
    assert await file(vendor, clock, tmp_path) == Acknowledged(sent=True, waits=True)
    name = "order-20260105090000700101.ack"
    assert sorted(path.name for path in tmp_path.iterdir()) == [name, f"{name}.DONE"]
    rows = (tmp_path / name).read_text().splitlines()
    assert (rows[1], rows[3:]) == (
        '"A700101","0000001579","N"',
        ['"1","61203344","2","","Pending","","",""', '"4"'],
    )
    (tmp_path / name).unlink()
    assert await file(vendor, clock, tmp_path, FILED) == Acknowledged(sent=True, waits=True)
    assert not (tmp_path / name).exists()
    assert [request.method for request in vendor.asked] == ["GET", "GET"]


async def test_a_file_that_was_refused_says_why_and_counts_only_when_done(vendor, clock, tmp_path):
    refusal = tmp_path / "order-20260105090000700101.ack.err"
    refusal.write_text("line 4:\n part_number unknown")
    assert (await file(vendor, clock, tmp_path, FILED)).waits
    refusal.with_name(f"{refusal.name}.DONE").touch()
    with pytest.raises(PermanentError, match="E-VS-REFUSED") as caught:
        await file(vendor, clock, tmp_path, FILED)
    assert caught.value.detail == "line 4: part_number unknown"
    await file(vendor, clock, tmp_path)
    assert not refusal.exists()


async def test_a_file_that_nobody_takes_for_a_day_is_told(vendor, clock, tmp_path):
    clock.at = NOW + timedelta(hours=25)
    with pytest.raises(PermanentError, match="E-SFTP-FILE"):
        await file(vendor, clock, tmp_path, FILED)


async def test_a_folder_that_is_not_there_is_told(vendor, clock, tmp_path):
    with pytest.raises(PermanentError, match="E-SFTP-FILE") as caught:
        await file(vendor, clock, tmp_path / "nowhere")
    assert "outgoing_dir" in caught.value.detail


def test_numbers_by_file_need_a_folder():
    with pytest.raises(ValidationError, match="give outgoing_dir"):
        make_settings(retailers={"ARG": {"id": 31, "supplier_reference": "sftp_ack"}})


@pytest.mark.parametrize(
    ("sentence", "code"),
    [
        ("Validation error: Supplier order reference is already in use", "E-REF-NOTUNIQUE"),
        ("supplier_ref must be unique", "E-REF-NOTUNIQUE"),
        ("Validation Not allowed to change state of item 1", "E-VS-REFUSED"),
        ("Supplier not found for order reference A1", "E-VS-REFUSED"),
    ],
)
async def test_a_number_that_is_not_unique_there_parks_as_if_it_were_not_so_here(
    vendor, clock, sentence, code
):
    vendor.reply(order(), httpx.Response(400, text=sentence))
    with pytest.raises(PermanentError, match=code):
        await tell(vendor, clock)
