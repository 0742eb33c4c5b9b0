"""Confirming a despatch: what is read before, what is sent, and what each answer means."""

from datetime import date
from decimal import Decimal

import httpx
import pytest
import simplejson

from app.domain.errors import DestinationError, InDoubtError, LockedError, PermanentError, TransientError
from app.domain.progress import Despatch, Item, LineProgress
from tests.connectors.sage200.stage import reply
from tests.connectors.sage200.test_contract import (
    ELSEWHERE,
    SPECS,
    filed,
    filtered,
    fits,
    operation,
    options,
    parameters,
    schema,
    with_files,
)

ORDER = {
    "id": 41207,
    "document_no": "0000001579",
    "document_status": "EnumDocumentStatusLive",
    "lines": [
        {"id": 1, "line_type": "EnumLineTypeStandard", "code": "dress-s", "line_quantity": Decimal(3)},
        {"id": 2, "line_type": "EnumLineTypeCharge", "code": "CARRIAGE"},
    ],
}
READY = {
    "sop_order_return_id": 41207,
    "document_no": "0000001579",
    "items": [{"id": 1, "quantity": Decimal(2), "available_quantity": Decimal(2)}],
}
COURIER = {"id": 3, "name": "UPS"}
DESPATCH = Despatch(
    41207, (Item(1, Decimal(2), Decimal(0)),), "SLUICE uk 20417-1", "ups", "1Z999", date(2026, 3, 3)
)
NOTE = {
    "sop_despatch_id": 9,
    "sop_despatch_document_no": "0000000911",
    "sop_order_id": 41207,
    "product_code": "dress-s",
    "sop_despatch_line_quantity": Decimal(2),
    "sop_despatch_notes": "SLUICE uk 20417-1",
    "date_time_updated": "2026-03-03T10:00:00Z",
}


def no_check() -> None:
    pass


@pytest.fixture
def books(sage):
    """A Sage with one order that may be despatched. `after`: what a confirmation is answered."""
    sage.tables["sop_orders"] = [simplejson.loads(simplejson.dumps(ORDER), use_decimal=True)]
    sage.tables["sop_confirm_despatch"] = [READY]
    sage.tables["couriers"] = [COURIER]
    sage.on_create = lambda request: reply(simplejson.loads(request.content, use_decimal=True))
    return sage


async def refused(books, erp, answer) -> Exception:
    books.on_create = lambda _: answer
    with pytest.raises(Exception) as caught:  # noqa: PT011 - which class it is, is the assertion of the caller
        await erp.confirm_despatch(DESPATCH, no_check)
    return caught.value


async def test_progress_is_lines_with_what_is_allocated_and_notes_with_their_marks(books, erp):
    books.tables["sop_order_despatch_line_views"] = [NOTE]
    found = await erp.progress(41207)
    assert (found.number, found.live) == ("0000001579", True)
    assert found.lines == (LineProgress(1, "DRESS-S", Decimal(3), Decimal(0), Decimal(2)),)
    assert found.marked(DESPATCH.mark).number == "0000000911"


async def test_an_order_that_is_not_live_has_nothing_to_go_and_one_that_is_gone_is_none(books, erp):
    books.tables["sop_orders"][0]["document_status"] = "EnumDocumentStatusOnHold"
    found = await erp.progress(41207)
    assert (found.live, found.lines[0].ready) == (False, 0)
    assert await erp.progress(7) is None


async def test_what_is_sent_fits_the_slice(books, erp):
    await erp.progress(41207)
    await erp.confirm_despatch(DESPATCH, no_check)
    await erp.confirm_despatch(Despatch(41207, DESPATCH.items, DESPATCH.mark), no_check)
    named = {operation(request)[0]["operationId"] for request in books.requests}
    assert named >= ELSEWHERE
    whole, bare = books.creates()
    assert whole["tracking_items"] == [
        {
            "sop_order_return_id": 41207,
            "courier_id": 3,
            "consignment_no": "1Z999",
            "notes": "SLUICE uk 20417-1",
        }
    ]
    assert bare["tracking_items"] == [{"sop_order_return_id": 41207, "notes": "SLUICE uk 20417-1"}]
    for body in (whole, bare):
        schema({"$ref": "#/components/schemas/sop_confirm_despatch_sent"}).validate(body)
    for request in books.requests:
        action = operation(request)[0]
        assert options(request).keys() <= parameters(action).keys()
        assert filtered(request) <= set(action.get("x-filters", []))


@with_files
async def test_what_is_sent_is_in_sages_own_file(books, erp):
    await erp.confirm_despatch(DESPATCH, no_check)
    (body,) = books.creates()
    record = filed("sop", "sop_confirm_despatch_adjustment")
    every = simplejson.loads((SPECS / "sop.json").read_text())["components"]["schemas"]
    parts = {
        name: every[record["properties"][name]["items"]["$ref"].rpartition("/")[2]]["properties"]
        for name in ("items", "tracking_items")
    }
    assert body.keys() <= record["properties"].keys()
    for name, kinds in parts.items():
        for row in body[name]:
            assert [field for field, value in row.items() if not fits(value, kinds[field])] == []
    assert "document_no" in simplejson.dumps(
        simplejson.loads((SPECS / "sop.json").read_text())["paths"]["/sop_confirm_despatch"]["get"]
    )


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (
            reply({"Message": "Order 0000001579 is locked by user 'jsmith'. Try again later."}, 400),
            LockedError,
        ),
        (httpx.Response(423), LockedError),
        (reply({"Message": "Only 1 of the line with id 1 can be despatched."}, 400), PermanentError),
        (reply({"Message": "Deadlock: try again"}, 400), TransientError),
        (httpx.Response(429), DestinationError),
        (httpx.Response(504), InDoubtError),
        (httpx.Response(500), InDoubtError),
        (httpx.Response(200, content=b"<html>"), InDoubtError),
    ],
)
async def test_each_answer_means_one_thing(books, erp, answer, error):
    assert type(await refused(books, erp, answer)) is error


@pytest.mark.requirement("R-55")
async def test_a_lock_says_whose_it_is(books, erp):
    answer = reply({"Message": "Order 0000001579 is locked by user 'jsmith'. Try again later."}, 400)
    assert "jsmith" in (await refused(books, erp, answer)).reason


async def test_a_refusal_that_nobody_knows_after_which_something_is_gone_is_a_doubt(books, erp):
    def half(_: httpx.Request) -> httpx.Response:
        books.tables["sop_orders"][0]["lines"][0]["despatch_receipt_quantity"] = Decimal(2)
        return reply({"Message": "Object reference not set"}, 400)

    books.on_create = half
    with pytest.raises(InDoubtError):
        await erp.confirm_despatch(DESPATCH, no_check)


@pytest.mark.parametrize("there", [[], [COURIER, {"id": 4, "name": "Ups"}]])
async def test_a_courier_that_sage_has_not_or_has_twice_is_not_guessed(books, erp, there):
    books.tables["couriers"] = there
    with pytest.raises(PermanentError, match="E-SAGE-CODE"):
        await erp.confirm_despatch(DESPATCH, no_check)
    assert books.creates() == []


async def test_what_does_not_fit_is_named_and_nothing_is_sent(books, erp):
    with pytest.raises(PermanentError, match=r"E-FIELD-LENGTH.*notes"):
        await erp.confirm_despatch(Despatch(41207, DESPATCH.items, "M" * 257), no_check)
    assert books.creates() == []


async def test_the_last_check_stops_it(books, erp):
    def stop() -> None:
        raise TransientError("not ours any more")

    with pytest.raises(TransientError):
        await erp.confirm_despatch(DESPATCH, stop)
    assert books.creates() == []
