import pytest

from tests.sandbox.virtualstock.conftest import item, whole

SENTENCE = "Validation Not allowed to change state of item 1 from DISPATCH to ORDER_ACK"


async def test_an_order_goes_from_new_to_dispatched(edge):
    order = await edge.place(quantities=(2, 1))
    assert (await edge.act(order, "acknowledge")).content == b""
    assert await edge.statuses(order) == ["ORDER_ACK"] * 2
    assert (await edge.act(order, "dispatch")).status_code == 200
    assert (await edge.order(order["id"]))["status"] == "DISPATCH"


async def test_a_new_line_cannot_be_dispatched_unless_switched(edge):
    order = await edge.place()
    assert (await edge.act(order, "dispatch")).status_code == 400
    await edge.sandbox.switch(virtualstock__dispatch_unacknowledged=True)
    assert (await edge.act(order, "dispatch")).status_code == 200


async def test_backorders_follow_an_acknowledgement(edge):
    order = await edge.place()
    assert (await edge.act(order, "backorder")).status_code == 400
    await edge.sandbox.switch(virtualstock__backorder_from_new=True)
    assert (await edge.act(order, "backorder")).status_code == 200
    assert (await edge.act(order, "backorder")).status_code == 200
    assert (await edge.act(order, "dispatch")).status_code == 200


async def test_a_cancellation_is_asked_for_and_answered(edge):
    order = await edge.place(quantities=(2,))
    await edge.people(f"/orders/{order['id']}/cancel-request")
    assert await edge.statuses(order) == ["CANCEL"]
    assert (await edge.act(order, "cancel_acknowledge")).status_code == 200
    assert await edge.statuses(order) == ["CANCEL_ACK"]
    assert (await edge.act(order, "dispatch")).status_code == 400


async def test_a_cancellation_that_comes_too_late_is_answered_by_the_dispatch(edge):
    order = await edge.place()
    await edge.act(order, "acknowledge")
    await edge.people(f"/orders/{order['id']}/cancel-request")
    assert (await edge.act(order, "dispatch")).status_code == 200
    assert await edge.statuses(order) == ["DISPATCH"]


async def test_how_much_of_a_line_was_asked_to_be_cancelled_is_not_told(edge):
    order = await edge.place("JLW", quantities=(3,))
    await edge.people(f"/orders/{order['id']}/cancel-request", quantity=1)
    (shown,) = (await edge.order(order["id"]))["items"]
    assert (shown["status"], shown["quantity"], "1" in {str(v) for v in shown.values()}) == (
        "CANCEL",
        3,
        True,
    )
    assert (await edge.act(order, "cancel_acknowledge")).status_code == 400
    assert (
        await edge.act(order, "cancel_acknowledge", item(order["lines"][0], quantity=1))
    ).status_code == 200
    assert await edge.statuses(order) == ["ORDER_ACK"]


async def test_a_retailer_may_forbid_to_cancel_in_part(edge):
    order = await edge.place("ARG", quantities=(3,))
    await edge.people(f"/orders/{order['id']}/cancel-request")
    answer = await edge.act(order, "cancel_acknowledge", item(order["lines"][0], quantity=1))
    assert (answer.status_code, "Partial cancellation not allowed item 1" in answer.text) == (400, True)


async def test_a_return_is_asked_for_listed_and_acknowledged(edge):
    order = await edge.place()
    await edge.act(order, "acknowledge")
    await edge.act(order, "dispatch")
    await edge.people(f"/orders/{order['id']}/return-request", reason="225")
    listed = (await edge.ask("GET", "/returns/", return_status="RMA")).json()["results"]
    assert (listed[0]["return_reason_code"], listed[0]["order"]["status"]) == ("225", "RMA")
    assert listed[0]["return_date"][10] == " "
    assert (await edge.act(order, "return_acknowledge")).status_code == 200
    assert await edge.statuses(order) == ["RMA_AUTHORISED"]


async def test_a_return_may_be_listed_before_its_order_shows_it(edge):
    order = await edge.place(quantities=(1, 1))
    await edge.act(order, "acknowledge")
    await edge.act(order, "dispatch")
    await edge.sandbox.switch(virtualstock__returns_run_ahead=True)
    await edge.people(f"/orders/{order['id']}/return-request", line="2")
    (listed,) = (await edge.ask("GET", "/returns/", return_status="RMA")).json()["results"]
    assert (listed["order_item"]["line_reference"], listed["status"]["code"]) == ("2", "RMA")
    assert await edge.statuses(order) == ["DISPATCH", "DISPATCH"]
    await edge.sandbox.switch(virtualstock__returns_run_ahead=False)
    assert await edge.statuses(order) == ["DISPATCH", "RMA"]


async def test_a_return_may_be_processed_under_another_word(edge):
    await edge.sandbox.switch(virtualstock__return_acknowledged="RMA_ACK")
    order = await edge.place()
    await edge.act(order, "acknowledge")
    await edge.act(order, "dispatch")
    await edge.people(f"/orders/{order['id']}/return-request")
    await edge.act(order, "return_acknowledge")
    assert await edge.statuses(order) == ["RMA_ACK"]


@pytest.mark.parametrize(("mode", "status"), [(400, 400), (200, 200)])
async def test_a_repeated_acknowledgement_is_refused_or_waved_through(edge, mode, status):
    await edge.sandbox.switch(virtualstock__repeat_action=mode)
    order = await edge.place()
    await edge.act(order, "acknowledge")
    assert (await edge.act(order, "acknowledge")).status_code == status
    assert await edge.statuses(order) == ["ORDER_ACK"]


@pytest.mark.parametrize(
    ("family", "shape"),
    [
        ("text", lambda answer: answer.text),
        ("json_string", lambda answer: answer.json()),
        ("list", lambda answer: answer.json()[0]),
        ("detail", lambda answer: answer.json()["detail"]),
    ],
)
async def test_refusals_come_in_every_wrapping(edge, family, shape):
    await edge.sandbox.switch(virtualstock__error_body=family)
    order = await edge.place()
    await edge.act(order, "acknowledge")
    await edge.act(order, "dispatch")
    answer = await edge.act(order, "acknowledge")
    assert (answer.status_code, shape(answer)) == (400, SENTENCE)


@pytest.mark.parametrize(
    ("success", "status", "empty"), [("200_empty", 200, True), ("200_json", 200, False), ("201", 201, True)]
)
async def test_success_comes_in_every_form(edge, success, status, empty):
    await edge.sandbox.switch(virtualstock__success=success)
    answer = await edge.act(await edge.place(), "acknowledge")
    assert (answer.status_code, not answer.content) == (status, empty)


async def test_a_failing_line_takes_the_others_with_it_or_not(edge):
    order = await edge.place(quantities=(1, 1))
    items = whole(order, "acknowledge")
    items[1]["part_number"] = "nothing of ours"
    assert (await edge.act(order, "acknowledge", *items)).status_code == 400
    assert await edge.statuses(order) == ["ORDER", "ORDER"]
    await edge.sandbox.switch(virtualstock__atomic_actions=False)
    assert (await edge.act(order, "acknowledge", *items)).status_code == 400
    assert await edge.statuses(order) == ["ORDER_ACK", "ORDER"]


async def test_a_call_may_break_off_in_the_middle(edge):
    order = await edge.place("JLW", quantities=(1, 1, 1))
    items = whole(order, "acknowledge")
    for one in items:
        one.update(fulfillment_route="Direct to customer", supplier_delivery_date="2026-11-08T12:00:00")
    await edge.sandbox.faults({"kind": "part_then_500", "times": 1})
    answer = await edge.act(order, "acknowledge", *items)
    assert (answer.status_code, "html" in answer.text) == (500, True)
    assert await edge.statuses(order) == ["ORDER_ACK", "ORDER", "ORDER"]


async def test_a_part_may_be_dispatched_where_the_retailer_allows_it(edge):
    order = await edge.place("AWK", quantities=(5,))
    await edge.act(order, "acknowledge")
    sent = whole(order, "dispatch")[0]
    for quantity in (3, 2):
        assert (await edge.act(order, "dispatch", {**sent, "quantity": quantity})).status_code == 200
    assert await edge.statuses(order) == ["DISPATCH"]
    assert (await edge.act(order, "dispatch", {**sent, "quantity": 1})).status_code == 400


async def test_a_part_dispatched_line_may_show_as_dispatched(edge):
    await edge.sandbox.switch(virtualstock__part_dispatch="dispatch")
    order = await edge.place("AWK", quantities=(5,))
    await edge.act(order, "acknowledge")
    sent = whole(order, "dispatch")[0]
    await edge.act(order, "dispatch", {**sent, "quantity": 3})
    assert await edge.statuses(order) == ["DISPATCH"]
    assert (await edge.act(order, "dispatch", {**sent, "quantity": 3})).status_code == 400
    assert (await edge.act(order, "dispatch", {**sent, "quantity": 2})).status_code == 200


async def test_a_retailer_may_want_everything_in_one_dispatch(edge):
    order = await edge.place("ARG", quantities=(2, 1))
    await edge.act(order, "acknowledge")
    answer = await edge.act(order, "dispatch", whole(order, "dispatch")[0])
    assert (answer.status_code, "Partial dispatch not allowed" in answer.text) == (400, True)
    assert (await edge.act(order, "dispatch")).status_code == 200


DEFECTS = {
    "no line": {"line_ref": ""},
    "another part": {"part_number": "1"},
    "nothing": {"quantity": 0},
    "more than ordered": {"quantity": 3},
    "a fraction": {"quantity": "1.5"},
    "no carrier": {"carrier": None},
    "a carrier's name": {"carrier": "DPD"},
    "no tracking": {"tracking_number": ""},
    "long tracking": {"tracking_number": "1" * 101},
    "no date": {"supplier_dispatch_date": None},
    "a moment": {"supplier_dispatch_date": "2026-11-05T12:00:00"},
    "no day": {"supplier_dispatch_date": "2026-02-30"},
    "long url": {"tracking_url": "h" * 256},
}


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS)
async def test_a_dispatch_with_one_defect_is_refused_and_changes_nothing(edge, defect):
    order = await edge.place(quantities=(2,))
    await edge.act(order, "acknowledge")
    answer = await edge.act(order, "dispatch", {**whole(order, "dispatch")[0], **defect})
    assert answer.status_code == 400
    assert await edge.statuses(order) == ["ORDER_ACK"]


async def test_a_tracking_number_may_be_a_bare_number(edge):
    order = await edge.place()
    await edge.act(order, "acknowledge")
    sent = {**whole(order, "dispatch")[0], "tracking_number": 15501234567890, "quantity": "1"}
    assert (await edge.act(order, "dispatch", sent)).status_code == 200


async def test_the_slug_list_may_not_be_enforced_and_a_retailer_may_narrow_it(edge):
    order = await edge.place("AWK")
    await edge.act(order, "acknowledge")
    sent = {**whole(order, "dispatch")[0], "carrier": "ups"}
    assert (await edge.act(order, "dispatch", sent)).status_code == 400
    await edge.sandbox.switch(virtualstock__unknown_carrier="accept")
    assert (await edge.act(order, "dispatch", sent)).status_code == 200


async def test_a_retailers_habits_are_enforced(edge):
    order = await edge.place("JLW")
    line = order["lines"][0]
    full = {"fulfillment_route": "Direct to customer", "supplier_delivery_date": "2026-11-08T12:00:00"}
    refused = ({}, {**full, "fulfillment_route": "By owl"}, {**full, "sub_status": "Maybe"})
    for more in (*refused, {**full, "supplier_delivery_date": "2026-11-08"}):
        assert (await edge.act(order, "acknowledge", item(line, **more))).status_code == 400
    assert (await edge.act(order, "acknowledge", item(line, **full, sub_status="Pending"))).status_code == 200


async def test_comments_are_not_welcome_everywhere(edge):
    argos, awkward = await edge.place("ARG"), await edge.place("AWK")
    assert (
        await edge.act(awkward, "acknowledge", item(awkward["lines"][0], comment="SO 1"))
    ).status_code == 400
    assert (await edge.act(argos, "acknowledge", item(argos["lines"][0], comment="SO 1"))).status_code == 200
    late = {**whole(argos, "backorder")[0], "comment": "sorry"}
    assert (await edge.act(argos, "backorder", late)).status_code == 400


@pytest.mark.parametrize(("unique", "status"), [(False, 200), (True, 400)])
async def test_a_supplier_reference_may_have_to_be_unique(edge, unique, status):
    await edge.sandbox.switch(virtualstock__unique_supplier_reference=unique)
    first, second = await edge.place(), await edge.place()
    await edge.act(first, "acknowledge", item(first["lines"][0], comment="0000001579"))
    answer = await edge.act(second, "acknowledge", item(second["lines"][0], comment="0000001579"))
    assert answer.status_code == status
    assert await edge.statuses(second) == ["ORDER_ACK" if status == 200 else "ORDER"]


async def test_the_order_may_run_ahead_of_its_lines(edge):
    order = await edge.place("JLW", quantities=(1, 1))
    await edge.people(f"/orders/{order['id']}/status", line="1", status="ORDER_ACK")
    assert (await edge.order(order["id"]))["status"] == "ORDER"
    await edge.sandbox.switch(virtualstock__status_runs_ahead=True)
    assert (await edge.order(order["id"]))["status"] == "ORDER_ACK"


async def test_what_was_applied_is_there_although_the_answer_was_lost(edge):
    order = await edge.place()
    await edge.sandbox.faults({"kind": "commit_then_504", "path": "acknowledge", "times": 1})
    assert (await edge.act(order, "acknowledge")).status_code == 504
    assert await edge.statuses(order) == ["ORDER_ACK"]
