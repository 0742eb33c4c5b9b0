"""PUT, DELETE, locks and drafts."""

from decimal import Decimal

import pytest

from tests.sandbox.sage200.conftest import Sage, updated


async def entered(sage: Sage, *lines: dict, **more) -> dict:
    order = await sage.enter(sage.order(*lines, **more))
    return await sage.get(f"sop_orders/{order['id']}", expand="lines")


async def allocated(sage: Sage, place: int = 0) -> Decimal:
    text = f"product_id eq {sage.id('product', sage.skus[place])} and warehouse_name eq 'HOME'"
    return (await sage.get("warehouse_holdings", filter=text))[0]["quantity_allocated_sop"]


async def put(sage: Sage, order: dict, body: dict, status: int = 200) -> dict:
    answer = await sage.call("PUT", f"sop_orders/{order['id']}", body)
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_put_changes_what_it_names_and_totals_follow(sage: Sage):
    order = await entered(sage, sage.line(0, 1, 10), sage.line(1, 1, 5))
    line = {"id": order["lines"][0]["id"], "line_quantity": 3}
    await put(sage, order, {"customer_document_no": "WEB-1B", "lines": [line]})
    after = await sage.get(f"sop_orders/{order['id']}", expand="lines")
    assert (after["customer_document_no"], after["total_net_value"]) == ("WEB-1B", 35)
    assert [line["line_quantity"] for line in after["lines"]] == [3, 1]


async def test_put_adds_and_deletes_lines(sage: Sage):
    order = await entered(sage, sage.line(0, 2, 10, to_allocate_quantity=2))
    assert await allocated(sage) == 2
    gone = {"id": order["lines"][0]["id"], "is_to_delete": True}
    await put(sage, order, {"lines": [gone, sage.line(1, 1, 7)]})
    after = await sage.get(f"sop_orders/{order['id']}", expand="lines")
    assert [line["code"] for line in after["lines"]] == [sage.skus[1]]
    assert (after["total_net_value"], await allocated(sage)) == (7, 0)


async def test_put_is_not_atomic_over_lines(sage: Sage):
    order = await entered(sage, *[sage.line(place, 1, 10) for place in range(3)])
    ids = [line["id"] for line in order["lines"]]
    body = {
        "lines": [
            {"id": ids[0], "line_quantity": 2},
            {"id": ids[1], "line_quantity": -1},
            {"id": ids[2], "line_quantity": 9},
        ]
    }
    assert "line_quantity" in (await put(sage, order, body, 400))["Message"]
    after = await sage.get(f"sop_orders/{order['id']}", expand="lines")
    assert [line["line_quantity"] for line in after["lines"]] == [2, 1, 1]
    assert after["total_net_value"] == 40
    row = (await sage.sandbox.history())[-2]
    assert (row["status"], row["changed"][0]["after"]["total_net_value"]) == (400, "40.00")


async def test_put_moves_allocation_with_the_quantity(sage: Sage):
    order = await entered(sage, sage.line(0, 4, 10, to_allocate_quantity=3))
    line = order["lines"][0]["id"]
    await put(sage, order, {"lines": [{"id": line, "line_quantity": 2}]})
    assert await allocated(sage) == 2
    await put(sage, order, {"lines": [{"id": line, "line_quantity": 5, "to_allocate_quantity": 2}]})
    assert await allocated(sage) == 4


@pytest.mark.parametrize(
    "body",
    [
        {"lines": [{"id": 1, "line_quantity": 2}]},
        {"customer_id": 27_999},
        {"analysis_code_1": ""},
        {"document_date": "2026-03-02"},
        {"lock_id": 5},
    ],
)
async def test_wrong_put_changes_nothing(sage: Sage, body: dict):
    order = await entered(sage)
    await put(sage, order, body, 400)
    assert await sage.get(f"sop_orders/{order['id']}", expand="lines") == order


async def test_header_stamp_may_stay_when_only_lines_change(sage: Sage):
    order = await entered(sage)
    change = {"lines": [{"id": order["lines"][0]["id"], "line_quantity": 2}]}
    await sage.sandbox.switch(sage200__header_stamp_moves=False)
    await sage.sandbox.client.post("/_sandbox/clock", json={"advance_seconds": 60})
    await put(sage, order, change)
    after = await sage.get(f"sop_orders/{order['id']}", expand="lines")
    assert after["date_time_updated"] == order["date_time_updated"]
    assert updated(after["lines"][0]) > updated(order["lines"][0])
    await sage.sandbox.switch(sage200__header_stamp_moves=True)
    await put(sage, order, change)
    assert updated(await sage.get(f"sop_orders/{order['id']}")) > updated(order)


@pytest.mark.parametrize("status", [400, 409, 423])
async def test_order_open_at_a_desk_is_locked(sage: Sage, status: int):
    order = await entered(sage)
    await sage.sandbox.switch(sage200__locked_status=status)
    await sage.deed("lock", order=order["document_no"], user="mary")
    assert "locked by user 'mary'" in (await put(sage, order, {"order_priority": "A"}, status))["Message"]
    assert (await sage.call("DELETE", f"sop_orders/{order['id']}")).status_code == status
    await sage.deed("unlock", order=order["document_no"])
    assert (await put(sage, order, {"order_priority": "A"}))["order_priority"] == "A"


@pytest.mark.parametrize("record", ["customer", "product"])
async def test_locked_customer_or_product_refuses_an_order(sage: Sage, record: str):
    code = "WEBGBP" if record == "customer" else sage.skus[0]
    await sage.deed("lock", **{record: code})
    assert "is locked by" in await sage.refused(sage.order())
    await sage.deed("unlock", **{record: code})
    assert await sage.enter(sage.order())


async def test_lock_of_the_api_is_given_sent_back_and_ends(sage: Sage):
    order = await entered(sage)
    path = f"sop_orders/{order['id']}"
    lock_id = (await sage.get(path, expand="lines,is_to_lock"))["lock_id"]
    assert (await sage.call("GET", path, expand="is_to_lock")).status_code == 400
    assert "locked" in (await put(sage, order, {"order_priority": "A"}, 400))["Message"]
    await put(sage, order, {"order_priority": "A", "lock_id": lock_id, "is_editing": False})
    await put(sage, order, {"order_priority": "B"})
    await sage.get(path, expand="is_to_lock")
    await sage.sandbox.client.post("/_sandbox/clock", json={"advance_seconds": 601})
    await put(sage, order, {"order_priority": "C"})


async def test_put_without_the_lock_id_may_be_accepted(sage: Sage):
    order = await entered(sage)
    await sage.get(f"sop_orders/{order['id']}", expand="is_to_lock")
    await sage.sandbox.switch(sage200__put_without_lock_id="accept")
    await put(sage, order, {"order_priority": "A"})


async def test_draft_is_confirmed_by_a_put_and_numbered_then(sage: Sage):
    draft = await sage.enter(sage.order(is_editing=True))
    assert (draft["is_draft"], draft["document_no"][:2]) == (True, "##")
    await put(sage, draft, {"order_priority": "A", "is_editing": True})
    assert (await sage.get(f"sop_orders/{draft['id']}"))["is_draft"] is True
    live = await put(sage, draft, {"is_editing": False})
    assert (live["is_draft"], live["document_no"], live["document_status"]) == (
        False,
        "0000000001",
        "EnumDocumentStatusLive",
    )


async def ghost(sage: Sage) -> int:
    await sage.sandbox.faults({"kind": "ghost_draft", "method": "POST", "path": "/sop_orders", "times": 1})
    body = sage.order(sage.line(0, 2, 10, to_allocate_quantity=2), spare_text_1="gw:1")
    return (await sage.call("POST", "sop_orders", body)).status_code


async def test_ghost_draft_holds_stock_after_a_failed_post(sage: Sage):
    assert await ghost(sage) == 504
    assert await allocated(sage) == 2
    row = next(row for row in await sage.sandbox.history() if row["fault"])
    assert (row["fault"], row["status"], row["key"]) == ("ghost_draft", 504, "WEB-1")


@pytest.mark.parametrize(
    ("mode", "seen"),
    [
        ("by_key", {"list": 0, "customer_document_no": 1, "spare": 1, "draft": 1}),
        ("by_draft", {"list": 0, "customer_document_no": 0, "spare": 0, "draft": 1}),
        ("always", {"list": 1, "customer_document_no": 1, "spare": 1, "draft": 1}),
        ("never", {"list": 0, "customer_document_no": 0, "spare": 0, "draft": 0}),
    ],
)
async def test_ghost_is_hidden_as_the_switch_says(sage: Sage, mode: str, seen: dict):
    await sage.sandbox.switch(sage200__drafts_visible=mode)
    await ghost(sage)
    found = {
        "list": await sage.get("sop_orders"),
        "customer_document_no": await sage.get("sop_orders", filter="customer_document_no eq 'WEB-1'"),
        "spare": await sage.get("sop_orders", filter="spare_text_1 eq 'gw:1'"),
        "draft": await sage.get("sop_orders", filter="is_draft eq true"),
    }
    assert {name: len(rows) for name, rows in found.items()} == seen


async def test_ghost_can_be_deleted_and_gives_the_stock_back(sage: Sage):
    await ghost(sage)
    draft = (await sage.get("sop_orders", filter="customer_document_no eq 'WEB-1'"))[0]
    assert (draft["is_draft"], draft["document_no"][:2]) == (True, "##")
    answer = await sage.call("DELETE", f"sop_orders/{draft['id']}")
    assert (answer.status_code, answer.content) == (200, b"")
    assert await allocated(sage) == 0


@pytest.mark.parametrize(("way", "status"), [("delete", 200), ("cancel", 200), ("refuse", 400)])
async def test_live_order_deleted(sage: Sage, way: str, status: int):
    order = await entered(sage, sage.line(0, 1, 10, to_allocate_quantity=1))
    await sage.sandbox.switch(sage200__delete_live_order=way)
    assert (await sage.call("DELETE", f"sop_orders/{order['id']}")).status_code == status
    rows = await sage.get("sop_orders")
    statuses = {"delete": [], "cancel": ["EnumDocumentStatusCancelled"], "refuse": ["EnumDocumentStatusLive"]}
    assert [row["document_status"] for row in rows] == statuses[way]
    assert await allocated(sage) == (1 if way == "refuse" else 0)


async def test_invoiced_order_cannot_be_changed_or_deleted(sage: Sage):
    order = await entered(sage, sage.line(0, 2, 10, to_allocate_quantity=2))
    await sage.deed("invoice", order=order["document_no"])
    await put(sage, order, {"order_priority": "A"}, 400)
    assert (await sage.call("DELETE", f"sop_orders/{order['id']}")).status_code == 400
    text = f"product_id eq {order['lines'][0]['product_id']} and warehouse_name eq 'HOME'"
    holding = (await sage.get("warehouse_holdings", filter=text))[0]
    assert (holding["quantity_in_stock"], holding["quantity_allocated"]) == (998, 0)


async def test_missing_order_is_404(sage: Sage):
    assert (await sage.call("PUT", "sop_orders/1", {})).status_code == 404
    assert (await sage.call("DELETE", "sop_orders/1")).status_code == 404
