"""Despatch notes: receipts, their tracking, and the views that join them with orders."""

from decimal import Decimal
from typing import Any

import pytest

from tests.sandbox.sage200.conftest import Sage, updated

RECEIPTS, NOTES, LINES = "sop_despatch_receipts", "sop_order_despatch_views", "sop_order_despatch_line_views"


async def despatched(sage: Sage, *quantities: int, **tracking: Any) -> dict[str, Any]:
    order = await sage.allocated(*(quantities or (2,)))
    items = [tracking] if tracking else []
    await sage.despatch(order, *(quantities or (1,)), tracking_items=items)
    return order


async def later(sage: Sage) -> None:
    await sage.sandbox.client.post("/_sandbox/clock", json={"advance_seconds": 60})


async def test_note_has_a_number_of_its_own_and_tells_who_and_how(sage: Sage):
    courier = sage.id("courier", "Royal Mail Tracked 24")
    tracking = {"courier_id": courier, "consignment_no": "RM1", "weight": Decimal("1.2345"), "pieces": 1}
    await sage.allocated(1)
    await despatched(sage, notes="fragile", **tracking)
    await despatched(sage)
    first, second = await sage.get(RECEIPTS)
    assert [first["despatch_no"], second["despatch_no"]] == ["0000000001", "0000000002"]
    assert (first["despatched_by"], first["courier_name"]) == ("api.user", "Royal Mail Tracked 24")
    assert {name: first[name] for name in tracking} == tracking
    assert (second["courier_id"], second["consignment_no"], second["pieces"]) == (None, None, None)
    assert first["despatch_date"].endswith("T00:00:00Z")


async def test_views_join_note_order_and_customer(sage: Sage):
    order = await despatched(sage, courier_id=sage.id("courier", "Evri"), consignment_no="H1")
    receipt = (await sage.get(RECEIPTS))[0]
    note = (await sage.get(NOTES, filter=f"sop_order_id eq {order['id']}"))[0]
    assert (note["sop_despatch_id"], note["sop_despatch_document_no"]) == (
        receipt["id"],
        receipt["despatch_no"],
    )
    assert (note["sop_order_document_no"], note["sop_order_customer_document_no"]) == (
        order["document_no"],
        "WEB-1",
    )
    assert (note["sop_order_document_status_id"], note["customer_reference"]) == (0, "WEBGBP")
    assert (note["sop_despatch_courier_name"], note["sop_despatch_consignment_no"]) == ("Evri", "H1")
    assert "date_time_updated" not in note


async def test_line_view_tells_what_left_and_how_much_so_far(sage: Sage):
    order = await sage.allocated(3, 1)
    await sage.despatch(order, 1)
    await sage.despatch(order, 1, 1)
    rows = await sage.get(LINES, filter=f"sop_order_id eq {order['id']}", orderby="sop_despatch_line_id")
    ids = [line["id"] for line in order["lines"]]
    assert [row["sop_order_line_id"] for row in rows] == [ids[0], ids[0], ids[1]]
    assert [row["sop_despatch_line_quantity"] for row in rows] == [1, 1, 1]
    assert [row["sop_order_line_despatch_quantity"] for row in rows] == [2, 2, 1]
    first = rows[0]
    assert (first["product_code"], first["warehouse_name"], first["sop_order_line_type_id"]) == (
        sage.skus[0],
        "HOME",
        0,
    )
    assert (first["sop_order_document_status_type"], first["warehouse_holding_id"]) == (
        "0",
        (await sage.holding())["id"],
    )


async def test_views_come_latest_first(sage: Sage):
    for _ in range(3):
        await despatched(sage)
    for path, name in ((NOTES, "sop_despatch_id"), (LINES, "sop_despatch_line_id")):
        ids = [row[name] for row in await sage.get(path)]
        assert ids == sorted(ids, reverse=True)
    assert [row["despatch_no"][-1] for row in await sage.get(RECEIPTS)] == ["1", "2", "3"]


async def test_weight_has_fewer_places_in_the_views(sage: Sage):
    await despatched(sage, weight=Decimal("1.2345"))
    assert (await sage.get(RECEIPTS))[0]["weight"] == Decimal("1.2345")
    assert (await sage.get(NOTES))[0]["sop_despatch_weight"] == Decimal("1.235")


async def test_free_text_has_no_product_in_the_view(sage: Sage):
    text = {"line_type": "EnumLineTypeFreeText", "description": "Gift wrap " * 9, "line_quantity": 1}
    order = await sage.read(await sage.enter(sage.order(text)))
    await sage.despatch(order, 1)
    row = (await sage.get(LINES))[0]
    assert (row["product_id"], row["warehouse_name"], row["warehouse_holding_id"]) == (None, None, None)
    assert len(row["sop_order_line_item_description"]) == 60


async def test_new_notes_are_found_by_their_time(sage: Sage):
    await despatched(sage)
    stamp = (await sage.get(RECEIPTS))[0]["date_time_updated"]
    await later(sage)
    await despatched(sage)
    for path in (RECEIPTS, LINES):
        newer = await sage.get(path, filter=f"date_time_updated gt {stamp}", orderby="date_time_updated")
        assert len(newer) == 1


@pytest.mark.parametrize(
    ("path", "options"),
    [
        (NOTES, {"filter": "date_time_updated gt 2026-01-01T00:00:00Z"}),
        (NOTES, {"orderby": "date_time_updated"}),
        (NOTES, {"filter": "id eq 5"}),
        (NOTES, {"select": "date_time_updated"}),
        (LINES, {"filter": "id eq 5"}),
        (LINES, {"filter": "date_time_updated gt 2026-01-01T00:00:00"}),
        (LINES, {"filter": "sop_order_id eq 'x'"}),
        (LINES, {"skip": 1}),
        (LINES, {"top": 5001}),
        (LINES, {"expand": "sop_order"}),
        (RECEIPTS, {"filter": "sop_order_id eq 5"}),
        (RECEIPTS, {"expand": "lines"}),
        (RECEIPTS, {"skip": 1}),
    ],
)
async def test_what_the_resource_does_not_have_is_refused(sage: Sage, path: str, options: dict):
    await despatched(sage)
    assert (await sage.call("GET", path, **options)).status_code == 400


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (NOTES, "sop_despatch_document_no eq '0000000001'"),
        (NOTES, "sop_despatch_consignment_no eq 'H1' and customer_reference eq 'WEBGBP'"),
        (NOTES, "sop_despatch_date ge 2020-01-01"),
        (NOTES, "startswith(sop_order_customer_document_no,'WEB')"),
        (LINES, "sop_despatch_line_is_invoiced eq false"),
        (LINES, "sop_order_document_no eq '0000000001' or sop_order_id eq 5"),
        (RECEIPTS, "despatch_no eq '0000000001' and consignment_no ne null"),
    ],
)
async def test_views_can_be_filtered_on_any_field(sage: Sage, path: str, text: str):
    await despatched(sage, consignment_no="H1")
    assert len(await sage.get(path, filter=text)) == 1
    assert (
        await sage.get(path, filter=f"({text}) and customer_id eq 5" if path != RECEIPTS else "id eq 5") == []
    )


async def test_pages_by_top_and_skip(sage: Sage):
    for _ in range(3):
        await despatched(sage)
    page = await sage.get(LINES, orderby="date_time_updated,sop_despatch_line_id", top=2, skip=1)
    assert [row["sop_despatch_document_no"][-1] for row in page] == ["2", "3"]


async def test_note_can_be_read_by_id_its_views_cannot(sage: Sage):
    await despatched(sage, courier_id=sage.id("courier", "Yodel"))
    id_ = (await sage.get(RECEIPTS))[0]["id"]
    receipt = await sage.get(f"{RECEIPTS}/{id_}", expand="courier")
    assert receipt["courier"]["name"] == "Yodel"
    assert (await sage.call("GET", f"{NOTES}/{id_}")).status_code == 404


async def test_tracking_can_be_written_later(sage: Sage):
    await despatched(sage)
    before = (await sage.get(RECEIPTS))[0]
    await later(sage)
    body = {
        "courier_id": sage.id("courier", "Parcelforce 48"),
        "consignment_no": "PB1",
        "despatch_no": "7",
        "notes": "left with neighbour",
    }
    answer = await sage.write("PUT", f"{RECEIPTS}/{before['id']}", body)
    note = (await sage.get(NOTES))[0]
    assert (answer["courier_name"], answer["despatch_no"]) == ("Parcelforce 48", "0000000001")
    assert (note["sop_despatch_courier_name"], note["sop_despatch_consignment_no"]) == (
        "Parcelforce 48",
        "PB1",
    )
    assert updated(answer) > updated(before)
    assert answer["date_time_created"] == before["date_time_created"]


@pytest.mark.parametrize("moves", [True, False])
async def test_line_stamp_moves_with_tracking_or_not(sage: Sage, moves: bool):  # noqa: FBT001 - a table's column
    await sage.sandbox.switch(sage200__line_stamp_moves_with_tracking=moves)
    await despatched(sage)
    before = (await sage.get(LINES))[0]
    await later(sage)
    await sage.write("PUT", f"{RECEIPTS}/{before['sop_despatch_id']}", {"consignment_no": "LATE"})
    after = (await sage.get(LINES))[0]
    assert after["sop_despatch_consignment_no"] == "LATE"
    assert (updated(after) > updated(before)) is moves


@pytest.mark.parametrize(
    "body",
    [
        {"courier_id": 5},
        {"courier_id": None},
        {"consignment_no": "1" * 61},
        {"notes": 5},
        {"pieces": -1},
        {"weight": Decimal("0.00001")},
        {"sop_export_reason_id": 1},
    ],
)
async def test_wrong_tracking_changes_nothing(sage: Sage, body: dict):
    await despatched(sage, consignment_no="H1")
    before = await sage.get(RECEIPTS)
    await sage.write("PUT", f"{RECEIPTS}/{before[0]['id']}", body, 400)
    assert await sage.get(RECEIPTS) == before


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", f"{RECEIPTS}/5"),
        ("PUT", f"{RECEIPTS}/x"),
        ("PUT", RECEIPTS),
        ("POST", RECEIPTS),
        ("DELETE", f"{RECEIPTS}/5"),
        ("POST", NOTES),
    ],
)
async def test_other_verbs_and_ids_answer_404(sage: Sage, method: str, path: str):
    assert (await sage.call(method, path, {})).status_code == 404


async def test_invoice_marks_what_was_despatched(sage: Sage):
    order = await sage.allocated(3)
    await sage.despatch(order, 1)
    await sage.deed("invoice", order=order["id"], only_despatched=True)
    await later(sage)
    await sage.despatch(order, 1)
    rows = await sage.get(LINES, orderby="sop_despatch_line_id")
    assert [row["sop_despatch_line_is_invoiced"] for row in rows] == [True, False]
    billed = rows[0]["date_time_updated"]
    await later(sage)
    await sage.deed("invoice", order=order["id"])
    rows = await sage.get(LINES, orderby="sop_despatch_line_id")
    assert [row["sop_despatch_line_is_invoiced"] for row in rows] == [True, True]
    assert rows[0]["date_time_updated"] == billed < rows[1]["date_time_updated"]
