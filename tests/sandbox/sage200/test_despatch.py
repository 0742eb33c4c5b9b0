"""POST sop_confirm_despatch: what leaves, what moves with it, and what is refused."""

import asyncio
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from app.sandbox.faults import Rule
from tests.sandbox.sage200.conftest import BASE, Sage, confirm, updated

CONFIRM = "sop_confirm_despatch"


async def locked_by_a_person(sage: Sage, order: dict) -> None:
    await sage.deed("lock", order=order["document_no"], user="mary")


async def locked_by_a_caller(sage: Sage, order: dict) -> None:
    await sage.get(f"sop_orders/{order['id']}", expand="is_to_lock")


async def notes_of(sage: Sage, order: dict) -> list[dict]:
    return await sage.get("sop_order_despatch_views", filter=f"sop_order_id eq {order['id']}")


async def test_what_left_is_counted_on_line_order_and_stock(sage: Sage):
    order = await sage.allocated(3, 1)
    await sage.despatch(order, 2)
    after = await sage.read(order)
    line, holding = after["lines"][0], await sage.holding()
    counts = ("despatch_receipt_quantity", "available_for_despatch", "allocated_quantity")
    assert [line[name] for name in counts] == [2, 1, 1]
    assert (line["despatch_receipt_status"], after["despatch_receipt_status"]) == ("Partially", "Partially")
    assert (holding["quantity_in_stock"], holding["quantity_allocated_sop"]) == (998, 1)
    assert updated(line) > updated(order["lines"][0])
    assert after["lines"][1] == order["lines"][1]


async def test_order_is_complete_when_it_is_invoiced_too(sage: Sage):
    order = await sage.allocated(2)
    await sage.despatch(order, 2)
    gone = await sage.read(order)
    assert (gone["document_status"], gone["despatch_receipt_status"]) == ("EnumDocumentStatusLive", "Fully")
    assert (gone["lines"][0]["is_complete"], gone["lines"][0]["is_line_deletable"]) == (False, False)
    await sage.deed("invoice", order=order["id"], only_despatched=True)
    billed = await sage.read(order)
    assert (billed["document_status"], billed["invoice_credit_status"]) == (
        "EnumDocumentStatusComplete",
        "Fully",
    )


async def test_order_half_despatched_and_invoiced_stays_live(sage: Sage):
    order = await sage.allocated(4)
    await sage.despatch(order, 1)
    await sage.deed("invoice", order=order["id"], only_despatched=True)
    after, holding = await sage.read(order), await sage.holding()
    assert (after["document_status"], after["invoice_credit_status"]) == (
        "EnumDocumentStatusLive",
        "Partially",
    )
    assert (after["lines"][0]["available_for_despatch"], holding["quantity_allocated_sop"]) == (3, 3)
    assert holding["quantity_in_stock"] == 999


async def test_repeat_despatches_again_what_is_left(sage: Sage):
    order = await sage.allocated(4)
    body = confirm(order, 2)
    await sage.write("POST", CONFIRM, body)
    await sage.write("POST", CONFIRM, body)
    refused = await sage.write("POST", CONFIRM, body, 400)
    assert "Only 0" in refused["Message"]
    assert len(await notes_of(sage, order)) == 2
    assert (await sage.holding())["quantity_in_stock"] == 996


async def test_only_what_is_allocated_may_go(sage: Sage):
    order = await sage.enter(sage.order(sage.line(0, 5, 10, to_allocate_quantity=3)))
    refused = await sage.despatch(await sage.read(order), 4, status=400)
    assert "Only 3" in refused["Message"]
    await sage.despatch(await sage.read(order), 3)
    await sage.deed("allocate", order=order["id"])
    await sage.despatch(await sage.read(order), 2)
    assert (await sage.read(order))["despatch_receipt_status"] == "Fully"


async def test_answer_is_the_body_without_a_despatch_number(sage: Sage):
    order = await sage.allocated(2)
    tracking = {"courier_id": sage.id("courier", "Evri"), "consignment_no": "H0001", "pieces": 2}
    body = confirm(order, 1, tracking_items=[tracking], despatch_receipt_date="2026-03-03T00:00:00Z")
    answer = await sage.write("POST", CONFIRM, body)
    assert set(answer) == {
        "sop_order_return_id",
        "despatch_receipt_date",
        "confirmation_intent_type",
        "items",
        "tracking_items",
    }
    assert (answer["despatch_receipt_date"], answer["confirmation_intent_type"]) == (
        "2026-03-03T00:00:00",
        "ConfirmOnDespatch",
    )
    item = answer["items"][0]
    assert (item["id"], item["quantity"], item["outstanding_quantity"]) == (order["lines"][0]["id"], 1, 1)
    assert answer["tracking_items"][0]["consignment_no"] == "H0001"


async def test_date_is_the_sandboxs_day_unless_given(sage: Sage):
    order = await sage.allocated(2)
    await sage.sandbox.client.post("/_sandbox/clock", json={"at": "2025-05-06T23:30:00+00:00"})
    await sage.despatch(order, 1)
    await sage.despatch(order, 1, despatch_receipt_date="2026-03-03T00:00:00Z")
    assert [note["sop_despatch_date"] for note in await notes_of(sage, order)] == [
        "2026-03-03T00:00:00",
        "2025-05-06T00:00:00",
    ]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"sop_order_return_id": None}, "sop_order_return_id"),
        ({"sop_order_return_id": 5}, "sales order"),
        ({"sop_order_return_id": "5"}, "sop_order_return_id"),
        ({"items": []}, "items"),
        ({"items": None}, "items"),
        ({"items": {}}, "items"),
        ({"items": [5]}, "JSON object"),
        ({"items": [{"quantity": 1}]}, "'id'"),
        ({"items": [{"id": 5}]}, "quantity"),
        ({"items": [{"id": 5, "quantity": 1}]}, "does not belong"),
        ({"despatch_receipt_date": "2026-03-03"}, "despatch_receipt_date"),
        ({"despatch_receipt_date": None}, "despatch_receipt_date"),
        ({"confirmation_intent_type": "Confirm"}, "Confirm"),
        ({"confirmation_intent_type": "confirm"}, "confirmation_intent_type"),
        ({"tracking_items": {}}, "tracking_items"),
        ({"tracking_items": [{}, {}]}, "tracking_items"),
        ({"tracking_items": [{"courier_id": 5}]}, "courier"),
        ({"tracking_items": [{"courier_id": "Evri"}]}, "courier_id"),
        ({"tracking_items": [{"consignment_no": "1" * 61}]}, "consignment_no"),
        ({"tracking_items": [{"consignment_no": None}]}, "consignment_no"),
        ({"tracking_items": [{"notes": "n" * 257}]}, "notes"),
        ({"tracking_items": [{"weight": Decimal("0.00001")}]}, "weight"),
        ({"tracking_items": [{"weight": "1"}]}, "weight"),
        ({"tracking_items": [{"weight": -1}]}, "weight"),
        ({"tracking_items": [{"pieces": Decimal("1.5")}]}, "pieces"),
        ({"tracking_items": [{"pieces": -1}]}, "pieces"),
        ({"tracking_items": [{"pieces": 2**31}]}, "pieces"),
        ({"tracking_items": [{"sop_incoterm_id": 1}]}, "sop_incoterm_id"),
        ({"tracking_items": [{"sop_order_return_id": 5}]}, "another order"),
    ],
)
async def test_wrong_body_is_refused_and_nothing_leaves(sage: Sage, more: dict, said: str):
    order = await sage.allocated(2)
    refused = await sage.write("POST", CONFIRM, confirm(order, 1) | more, 400)
    assert said in refused["Message"]
    assert (await sage.read(order), await notes_of(sage, order)) == (order, [])
    assert (await sage.holding())["quantity_in_stock"] == 1000


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"quantity": 0}, "above zero"),
        ({"quantity": -1}, "above zero"),
        ({"quantity": Decimal("0.000001")}, "decimal places"),
        ({"quantity": "1"}, "number"),
        ({"quantity": None}, "null"),
        ({"bin_items": [{"id": 1, "quantity": 1}]}, "bin_items"),
        ({"traceable_adjustment_items": [{"id": 1}]}, "traceable_adjustment_items"),
    ],
)
async def test_wrong_item_is_refused(sage: Sage, more: dict, said: str):
    order = await sage.allocated(2)
    item = {"id": order["lines"][0]["id"], "quantity": 1} | more
    refused = await sage.despatch(order, items=[item], status=400)
    assert said in refused["Message"]


async def test_line_of_another_order_is_refused(sage: Sage):
    order, other = await sage.allocated(2), await sage.allocated(2)
    body = confirm(other, 1) | {"sop_order_return_id": order["id"]}
    assert "does not belong" in (await sage.write("POST", CONFIRM, body, 400))["Message"]


async def test_one_wrong_item_keeps_the_others_in(sage: Sage):
    order = await sage.allocated(2, 2)
    await sage.despatch(order, 2, 3, status=400)
    assert (await sage.read(order), await notes_of(sage, order)) == (order, [])
    assert (await sage.sandbox.history())[-3]["changed"] == []


async def test_line_named_twice_is_counted_twice(sage: Sage):
    order = await sage.allocated(3)
    item = {"id": order["lines"][0]["id"], "quantity": 2}
    assert "Only 1" in (await sage.despatch(order, items=[item, item], status=400))["Message"]


@pytest.mark.parametrize("status", ["OnHold", "Complete", "Dispute", "Cancelled"])
async def test_order_that_is_not_live_is_refused(sage: Sage, status: str):
    order = await sage.allocated(2)
    await sage.deed("set_status", order=order["id"], status=status)
    assert "not live" in (await sage.despatch(order, 1, status=400))["Message"]


async def test_draft_is_refused(sage: Sage):
    order = await sage.allocated(2, is_editing=True)
    assert "not live" in (await sage.despatch(order, 1, status=400))["Message"]


@pytest.mark.parametrize(("way", "status"), [("accept", 200), ("refuse", 400)])
async def test_customer_on_hold(sage: Sage, way: str, status: int):
    order = await sage.allocated(2)
    await sage.deed("hold_customer", customer="WEBGBP")
    await sage.sandbox.switch(sage200__despatch_to_customer_on_hold=way)
    await sage.despatch(order, 1, status=status)


@pytest.mark.parametrize("status", [400, 409, 423])
@pytest.mark.parametrize("lock", [locked_by_a_person, locked_by_a_caller])
async def test_locked_order_is_refused(sage: Sage, lock: Any, status: int):
    order = await sage.allocated(2)
    await sage.sandbox.switch(sage200__locked_status=status)
    await lock(sage, order)
    assert "is locked by user" in (await sage.despatch(order, 1, status=status))["Message"]
    assert (await sage.call("DELETE", f"sop_orders/{order['id']}")).status_code == status
    await sage.deed("unlock", order=order["id"])
    await sage.despatch(order, 1)


@pytest.mark.parametrize("lock", [locked_by_a_person, locked_by_a_caller])
async def test_despatch_may_wait_until_the_lock_goes(listening_sage: Sage, lock: Any):
    sage = listening_sage
    order = await sage.allocated(2)
    await sage.sandbox.switch(sage200__despatch_of_locked="wait")
    await lock(sage, order)
    waiting = asyncio.create_task(sage.despatch(order, 1))
    for _ in range(5):
        assert await notes_of(sage, order) == []
    assert not waiting.done()
    await sage.deed("unlock", order=order["id"])
    await waiting
    assert len(await notes_of(sage, order)) == 1


async def test_despatch_that_waited_finds_what_was_changed_meanwhile(listening_sage: Sage):
    sage = listening_sage
    order = await sage.allocated(2)
    await sage.sandbox.switch(sage200__despatch_of_locked="wait")
    await locked_by_a_person(sage, order)
    waiting = asyncio.create_task(sage.despatch(order, 2, status=400))
    for _ in range(5):
        await notes_of(sage, order)
    await sage.deed("change_quantity", order=order["id"], sku=sage.skus[0], quantity=1, user="mary")
    await sage.deed("unlock", order=order["id"])
    assert "Only 1" in (await waiting)["Message"]


async def test_despatch_waits_no_longer_than_the_server(sage: Sage):
    order = await sage.allocated(2)
    await sage.sandbox.switch(sage200__despatch_of_locked="wait", server_timeout_seconds=5)
    await locked_by_a_person(sage, order)
    await sage.sandbox.client.post("/_sandbox/clock", json={"scale": 100})
    answer = await sage.call("POST", CONFIRM, confirm(order, 1))
    assert (answer.status_code, answer.content) == (504, b"")
    await sage.deed("unlock", order=order["id"])
    assert await notes_of(sage, order) == []


async def test_order_that_does_not_exist_is_not_waited_for(sage: Sage):
    await sage.sandbox.switch(sage200__despatch_of_locked="wait")
    await sage.write("POST", CONFIRM, {"sop_order_return_id": 5, "items": [{"id": 1, "quantity": 1}]}, 400)


async def test_stock_may_fall_only_at_the_invoice(sage: Sage):
    await sage.sandbox.switch(sage200__update_stock_on_despatch=False)
    order = await sage.allocated(3)
    await sage.despatch(order, 2)
    before = await sage.holding()
    assert (before["quantity_in_stock"], before["free_stock_available"]) == (1000, 997)
    await sage.deed("invoice", order=order["id"], only_despatched=True)
    after = await sage.holding()
    assert (after["quantity_in_stock"], after["quantity_allocated_sop"]) == (998, 1)
    await sage.deed("invoice", order=order["id"])
    last = await sage.holding()
    assert (last["quantity_in_stock"], last["quantity_allocated_sop"]) == (997, 0)


async def test_rest_of_a_line_gives_back_only_its_own_stock(sage: Sage):
    await sage.sandbox.switch(sage200__update_stock_on_despatch=False)
    order = await sage.allocated(3)
    await sage.despatch(order, 2)
    line = {"id": order["lines"][0]["id"], "line_quantity": 2}
    await sage.write("PUT", f"sop_orders/{order['id']}", {"lines": [line]})
    assert (await sage.holding())["quantity_allocated_sop"] == 2


async def test_stock_cannot_go_below_nothing(sage: Sage):
    order = await sage.allocated(3)
    await sage.deed("change_stock", product=sage.skus[0], by=-998)
    assert "not enough stock" in (await sage.despatch(order, 3, status=400))["Message"]
    await sage.despatch(order, 2)


@pytest.mark.parametrize("moves", [True, False])
async def test_header_stamp_moves_at_despatch_or_not(sage: Sage, moves: bool):  # noqa: FBT001 - a table's column
    order = await sage.allocated(2)
    await sage.sandbox.switch(sage200__header_stamp_moves_at_despatch=moves)
    await sage.sandbox.client.post("/_sandbox/clock", json={"advance_seconds": 60})
    await sage.despatch(order, 1)
    after = await sage.read(order)
    assert (updated(after) > updated(order)) is moves
    assert updated(after["lines"][0]) > updated(order["lines"][0])


@pytest.mark.parametrize(("way", "shown"), [("falls", 1), ("stays", 3)])
async def test_allocated_quantity_after_despatch(sage: Sage, way: str, shown: int):
    await sage.sandbox.switch(sage200__allocated_after_despatch=way)
    order = await sage.allocated(3)
    await sage.despatch(order, 2)
    line = (await sage.read(order))["lines"][0]
    assert (line["allocated_quantity"], line["available_for_despatch"]) == (shown, 1)
    assert (await sage.holding())["quantity_allocated_sop"] == 1
    await sage.despatch(order, 2, status=400)


@pytest.mark.parametrize(("way", "status"), [("ignore", 200), ("refuse", 400)])
async def test_tracking_where_it_is_not_recorded(sage: Sage, way: str, status: int):
    order = await sage.allocated(2)
    await sage.sandbox.switch(sage200__record_tracking_on_despatch=False, sage200__tracking_when_off=way)
    assert (await sage.get("sop_settings"))[0]["record_tracking_on_despatch"] is False
    await sage.despatch(order, 1, tracking_items=[{"consignment_no": "X1"}], status=status)
    assert [note["sop_despatch_consignment_no"] for note in await notes_of(sage, order)] == [None] * (
        status == 200
    )


def free_text(**more: Any) -> dict:
    return {
        "line_type": "EnumLineTypeFreeText",
        "description": "Gift wrap",
        "line_quantity": 1,
        "selling_unit_price": 2,
        "selling_unit_price_overridden": True,
    } | more


@pytest.mark.parametrize(
    ("default", "used", "done"),
    [
        ("ConfirmOnDespatch", "ConfirmOnDespatch", "Partially"),
        ("Confirm", "Confirm", "Partially"),
        ("NoConfirmation", "", "Fully"),
    ],
)
async def test_free_text_is_despatched_as_the_company_wants(sage: Sage, default: str, used: str, done: str):
    await sage.sandbox.switch(sage200__default_free_text_confirm_intent_type=default)
    order = await sage.read(
        await sage.enter(sage.order(sage.line(0, 1, 10, to_allocate_quantity=1), free_text()))
    )
    await sage.despatch(order, 1)
    assert (await sage.read(order))["despatch_receipt_status"] == done
    text = [{"id": order["lines"][1]["id"], "quantity": 1}]
    for intent in ("Confirm", "ConfirmOnDespatch"):
        status = 200 if intent == used else 400
        await sage.despatch(order, items=text, confirmation_intent_type=intent, status=status)
    assert (await sage.read(order))["despatch_receipt_status"] == "Fully"


async def test_free_text_line_may_say_for_itself(sage: Sage):
    lines = [sage.line(0, 1, 10), free_text(confirmation_intent_type="Confirm")]
    order = await sage.read(await sage.enter(sage.order(*lines)))
    assert [line["confirmation_intent_type"] for line in order["lines"]] == ["ConfirmOnDespatch", "Confirm"]
    assert "confirmation_intent_type" in await sage.refused(
        sage.order(free_text(confirmation_intent_type="Never"))
    )


@pytest.mark.parametrize(("way", "status"), [("ignore", 200), ("refuse", 400)])
async def test_goods_cannot_say_for_themselves(sage: Sage, way: str, status: int):
    await sage.sandbox.switch(sage200__unknown_fields=way)
    body = sage.order(sage.line(0, 1, 10, confirmation_intent_type="Confirm"))
    answer = await sage.write("POST", "sop_orders", body, status)
    if status == 200:
        assert (await sage.read(answer))["lines"][0]["confirmation_intent_type"] == "ConfirmOnDespatch"


async def test_charge_is_never_despatched(sage: Sage):
    lines = [sage.line(0, 1, 10), {"line_type": "EnumLineTypeCharge", "code": "CARRIAGE"}]
    order = await sage.read(await sage.enter(sage.order(*lines)))
    item = {"id": order["lines"][1]["id"], "quantity": 1}
    await sage.despatch(order, items=[item], status=400)


async def test_despatched_order_and_line_cannot_be_deleted(sage: Sage):
    order = await sage.allocated(2)
    await sage.despatch(order, 1)
    path, line = f"sop_orders/{order['id']}", order["lines"][0]["id"]
    assert "despatched" in (await sage.write("DELETE", path, None, 400))["Message"]
    gone = await sage.write("PUT", path, {"lines": [{"id": line, "is_to_delete": True}]}, 400)
    assert "despatched" in gone["Message"]
    other = {"id": line, "product_id": sage.id("product", sage.skus[1])}
    assert "despatched" in (await sage.write("PUT", path, {"lines": [other]}, 400))["Message"]


async def test_commit_before_a_504_despatched(sage: Sage):
    order = await sage.allocated(2)
    await sage.sandbox.faults({"kind": "commit_then_504", "path": CONFIRM, "times": 1})
    answer = await sage.call("POST", CONFIRM, confirm(order, 1))
    assert answer.status_code == 504
    assert len(await notes_of(sage, order)) == 1


async def test_503_despatched_nothing(sage: Sage):
    order = await sage.allocated(2)
    await sage.sandbox.faults({"kind": "status_503", "path": CONFIRM, "times": 1})
    assert (await sage.call("POST", CONFIRM, confirm(order, 1))).status_code == 503
    assert await notes_of(sage, order) == []


async def test_late_commit_is_seen_late_and_stamped_before(listening_sage: Sage):
    sage = listening_sage
    order = await sage.allocated(2)
    await sage.sandbox.faults({"kind": "late_commit", "path": CONFIRM, "seconds": 0.3, "times": 1})
    unseen: list[datetime] = []
    writing = asyncio.create_task(sage.despatch(order, 1))
    while not await notes_of(sage, order):
        unseen.append(sage.sandbox.world.clock.now())
    await writing
    note = (await sage.get("sop_despatch_receipts"))[0]
    assert len(unseen) > 1
    assert datetime.fromisoformat(note["date_time_updated"]) < unseen[-1]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "sop_confirm_despatch"),
        ("PUT", "sop_despatch_receipts/5"),
        ("PUT", "couriers"),
        ("POST", "customer_delivery_addresses"),
    ],
)
def test_late_commit_covers_every_write(method: str, path: str):
    assert Rule("late_commit").covers("sage200", method, f"{BASE}/{path}")


async def test_history_tells_the_note_the_order_and_the_stock(sage: Sage):
    order = await sage.allocated(2)
    await sage.despatch(order, 1)
    row = (await sage.sandbox.history())[-1]
    assert (row["method"], row["status"], row["key"]) == ("POST", 200, "WEB-1")
    assert {one["entity"] for one in row["changed"]} == {
        "sage200.sop_despatch",
        "sage200.sop_order",
        "sage200.warehouse_holding",
    }


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_other_verbs_answer_404(sage: Sage, method: str):
    assert (await sage.call(method, CONFIRM, {})).status_code == 404


async def test_unknown_fields_may_be_refused(sage: Sage):
    order = await sage.allocated(2)
    await sage.sandbox.switch(sage200__unknown_fields="refuse")
    await sage.despatch(order, 1, despatch_no="5", status=400)
    await sage.sandbox.switch(sage200__unknown_fields="ignore")
    await sage.despatch(order, 1, despatch_no="5")
