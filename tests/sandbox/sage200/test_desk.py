"""What people do to orders at their desks."""

from typing import Any

import pytest

from tests.sandbox.sage200.conftest import Sage, updated


async def refused(sage: Sage, deed: str, **wish: Any) -> tuple[int, str]:
    answer = await sage.sandbox.client.post(f"/_sandbox/people/sage200/{deed}", json=wish)
    return answer.status_code, answer.json()["error"]


async def note_of(sage: Sage) -> dict[str, Any]:
    return (await sage.get("sop_order_despatch_views"))[0]


async def test_all_that_is_ready_is_despatched(sage: Sage):
    order = await sage.allocated(2, 1)
    typed = {"courier": "DPD Local Next Day", "consignment_no": "155 0123", "date": "2026-03-03"}
    await sage.deed("despatch", order=order["document_no"], user="mary", weight=1.5, pieces=1, **typed)
    note, after = await note_of(sage), await sage.read(order)
    assert (note["sop_despatch_courier_name"], note["sop_despatch_consignment_no"]) == (
        "DPD Local Next Day",
        "155 0123",
    )
    assert (note["sop_despatch_date"], note["sop_despatch_user_name"]) == ("2026-03-03T00:00:00", "mary")
    assert (after["despatch_receipt_status"], (await sage.holding())["quantity_in_stock"]) == ("Fully", 998)


async def test_part_of_a_line_is_despatched(sage: Sage):
    order = await sage.allocated(5, 1)
    await sage.deed("despatch", order=order["id"], lines=[{"sku": sage.skus[0], "quantity": 3}])
    await sage.deed("despatch", order=order["id"], lines=[{"line": order["lines"][0]["id"], "quantity": 2}])
    assert [line["despatch_receipt_quantity"] for line in (await sage.read(order))["lines"]] == [5, 0]
    assert len(await sage.get("sop_order_despatch_views")) == 2


async def test_fields_may_be_left_blank(sage: Sage):
    order = await sage.allocated(1)
    await sage.deed("despatch", order=order["id"], courier="", consignment_no="", date="")
    note = await note_of(sage)
    names = ("courier_id", "courier_name", "consignment_no", "date")
    assert [note[f"sop_despatch_{name}"] for name in names] == [None, None, "", None]
    assert (await sage.get("sop_order_despatch_line_views"))[0]["sop_despatch_date"] is None
    assert (await sage.get("sop_despatch_receipts"))[0]["despatch_date"] is None


async def test_fields_may_be_wrong(sage: Sage):
    order = await sage.allocated(1)
    await sage.deed("despatch", order=order["id"], consignment_no=" see email!", date="2062-03-03")
    note = await note_of(sage)
    assert (note["sop_despatch_consignment_no"], note["sop_despatch_date"]) == (
        " see email!",
        "2062-03-03T00:00:00",
    )


@pytest.mark.parametrize(
    ("wish", "status"),
    [
        ({"lines": [{"sku": "NOTHING", "quantity": 1}]}, 404),
        ({"lines": []}, 400),
        ({"lines": [{"line": 5, "quantity": 1}]}, 404),
        ({"courier": "Nobody"}, 404),
        ({"consignment_no": "1" * 61}, 400),
        ({"date": "3/3/2026"}, 400),
        ({"order": "NOWHERE"}, 404),
    ],
)
async def test_despatch_that_cannot_be_is_refused(sage: Sage, wish: dict, status: int):
    order = await sage.allocated(1)
    assert (await refused(sage, "despatch", **({"order": order["id"]} | wish)))[0] == status
    assert await sage.get("sop_despatch_receipts") == []


async def test_only_what_is_allocated_leaves_the_desk_too(sage: Sage):
    order = await sage.enter(sage.order(sage.line(0, 2, 10)))
    assert await refused(sage, "despatch", order=order["id"]) == (
        400,
        "Nothing of the order can be despatched.",
    )
    await sage.deed("allocate", order=order["id"])
    await sage.deed("despatch", order=order["id"])
    assert (await sage.read(order))["despatch_receipt_status"] == "Fully"


async def test_note_is_corrected(sage: Sage):
    await sage.deed("despatch", order=(await sage.allocated(1))["id"])
    before = (await sage.get("sop_despatch_receipts"))[0]
    await sage.sandbox.client.post("/_sandbox/clock", json={"advance_seconds": 60})
    typed = {"courier": "Yodel", "consignment_no": "JJD1", "notes": "resent", "date": "2026-03-04"}
    await sage.deed("correct_despatch", despatch=before["despatch_no"], **typed)
    after, note = (await sage.get("sop_despatch_receipts"))[0], await note_of(sage)
    assert (after["courier_name"], after["consignment_no"], after["notes"]) == ("Yodel", "JJD1", "resent")
    assert note["sop_despatch_date"] == "2026-03-04T00:00:00"
    assert updated(after) > updated(before)
    await sage.deed("correct_despatch", despatch=before["id"], courier="")
    assert (await note_of(sage))["sop_despatch_courier_name"] is None


async def test_picking_list_is_seen_by_nobody_but_the_sandbox(sage: Sage):
    order = await sage.allocated(2)
    printed = await sage.deed("pick", order=order["id"], user="mary")
    assert await sage.read(order) == order
    row = next(row for row in await sage.sandbox.history() if row["path"].endswith("/pick"))
    assert row["changed"][0]["after"] == printed
    assert (printed["printed_by"], printed["lines"][0]["code"]) == ("mary", sage.skus[0])
    empty = await sage.enter(sage.order(sage.line(0, 1, 10)))
    assert (await refused(sage, "pick", order=empty["id"]))[0] == 400


async def test_quantity_is_changed_with_or_without_a_record(sage: Sage):
    order = await sage.allocated(5)
    await sage.deed("change_quantity", order=order["id"], sku=sage.skus[0], quantity=4)
    assert await sage.get("sop_cancelled_lines") == []
    await sage.deed(
        "change_quantity", order=order["id"], sku=sage.skus[0], quantity=1, record=True, user="mary"
    )
    (record,) = await sage.get("sop_cancelled_lines")
    assert (record["cancelled_quantity"], record["user_name"]) == (3, "mary")
    assert (await sage.holding())["quantity_allocated_sop"] == 1


async def test_line_is_cancelled_down_to_what_left(sage: Sage):
    order = await sage.allocated(3, 2)
    await sage.despatch(order, 1)
    for sku in sage.skus[:2]:
        await sage.deed("cancel_line", order=order["id"], sku=sku)
    after = await sage.read(order)
    assert [(line["code"], line["line_quantity"]) for line in after["lines"]] == [(sage.skus[0], 1)]
    assert [row["cancelled_quantity"] for row in await sage.get("sop_cancelled_lines")] == [2, 2]


async def test_address_is_changed_field_by_field(sage: Sage):
    address = {"postal_name": "A Shopper", "address_1": "1 High Street", "postcode": "LS1 1AA"}
    order = await sage.enter(sage.order(delivery_address=address))
    await sage.deed("change_address", order=order["id"], address={"address_1": "2 High Street"})
    shown = await sage.get(f"sop_orders/{order['id']}", expand="delivery_address")
    delivery = shown["delivery_address"]
    assert (delivery["address_1"], delivery["postcode"]) == ("2 High Street", "LS1 1AA")
    assert updated(shown) > updated(order)


async def test_order_is_held_and_released(sage: Sage):
    order = await sage.allocated(1)
    await sage.deed("hold_order", order=order["id"])
    assert (await sage.read(order))["document_status"] == "EnumDocumentStatusOnHold"
    assert (await refused(sage, "despatch", order=order["id"]))[0] == 400
    await sage.deed("hold_order", order=order["id"], on_hold=False)
    await sage.despatch(order, 1)
    await sage.deed("invoice", order=order["id"])
    assert (await refused(sage, "hold_order", order=order["id"]))[0] == 400


WISHES: list[tuple[str, dict[str, Any]]] = [
    ("despatch", {}),
    ("allocate", {}),
    ("change_quantity", {"quantity": 1}),
    ("cancel_line", {}),
    ("change_address", {"address": {"city": "Leeds"}}),
    ("hold_order", {}),
]


@pytest.mark.parametrize(("deed", "wish"), WISHES, ids=[deed for deed, _ in WISHES])
async def test_whoever_has_the_order_open_works_on_it_and_nobody_else(sage: Sage, deed: str, wish: dict):
    order = await sage.allocated(2)
    wish = {"order": order["id"], "sku": sage.skus[0], **wish}
    await sage.deed("lock", order=order["id"], user="mary")
    status, said = await refused(sage, deed, user="john", **wish)
    assert (status, "locked by user 'mary'" in said) == (400, True)
    await sage.deed(deed, user="mary", **wish)
    await sage.write("PUT", f"sop_orders/{order['id']}", {"order_priority": "A"}, 400)
    await sage.deed("unlock", order=order["id"])


@pytest.mark.parametrize(("deed", "wish"), WISHES, ids=[deed for deed, _ in WISHES])
async def test_order_that_a_caller_has_open_is_closed_to_people(sage: Sage, deed: str, wish: dict):
    order = await sage.allocated(2)
    await sage.get(f"sop_orders/{order['id']}", expand="is_to_lock")
    status, said = await refused(sage, deed, **{"order": order["id"], "sku": sage.skus[0], **wish})
    assert (status, "locked by user 'api.user'" in said) == (400, True)


@pytest.mark.parametrize(("deed", "wish"), WISHES[2:5], ids=[deed for deed, _ in WISHES[2:5]])
async def test_completed_order_is_not_changed(sage: Sage, deed: str, wish: dict):
    order = await sage.allocated(2)
    await sage.deed("invoice", order=order["id"])
    status, said = await refused(sage, deed, **{"order": order["id"], "sku": sage.skus[0], **wish})
    assert (status, "cannot be amended" in said) == (400, True)
