import json
from pathlib import Path

import pytest

from tests.sandbox.centra.conftest import Shop, furnish
from tests.sandbox.centra.shipping import (
    capture,
    capture_order,
    complete,
    create,
    delete,
    entries,
    made,
    read,
    update,
    why,
)
from tests.sandbox.conftest import running_sandbox

LINES = ({"sku": "X", "price": "10.00", "quantity": 3}, {"sku": "Y", "price": "7.99"})


async def place(shop: Shop, **wish: object) -> dict:
    """42.94: three at 10, one at 7.99, shipping 4.95."""
    return await shop.place(*LINES, **{"shipping": "4.95", **wish})


async def test_capture_takes_the_shipments_part_and_pays_it(shop: Shop):
    order = await place(shop)
    answer = await capture(shop, await made(shop, order))
    taken = {"entryType": "CAPTURE", "status": "SUCCESS", "value": {"value": 42.94}}
    assert (answer["userErrors"], answer["paymentHistoryEntries"]) == ([], [taken])
    assert (answer["shipment"]["isCaptured"], answer["shipment"]["isPaid"]) == (True, True)
    assert entries(await read(shop, order["number"])) == [("CAPTURE", "SUCCESS", 42.94)]


async def test_captured_shipment_is_not_captured_again(shop: Shop):
    shipment = await made(shop, await place(shop), capture=True)
    answer = await capture(shop, shipment)
    assert ("already captured" in why(answer), answer["paymentHistoryEntries"]) == (True, [])


@pytest.mark.parametrize("turn", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
async def test_captures_of_a_split_order_bear_the_fee_once_and_come_to_its_total(shop: Shop, turn: tuple):
    order = await place(shop, vouchers=[{"code": "ONE", "amount": "1.00"}])
    shipments = [await made(shop, order, units) for units in ((0, 1), (0, 2), (1, 1))]
    for place_ in turn:
        assert (await capture(shop, shipments[place_]))["userErrors"] == []
    values = [value for _, _, value in entries(await read(shop, order["number"]))]
    goods = {0: 9.74, 1: 19.47, 2: 7.78}
    assert round(sum(values), 2) == 41.94 == float(order["figures"]["grand_total"])
    assert abs(values[0] - goods[turn[0]] - 4.95) < 0.02
    assert all(abs(values[step] - goods[turn[step]]) < 0.02 for step in (1, 2))


async def test_shipments_show_what_they_are_worth(shop: Shop):
    order = await place(shop)
    first, second = [await made(shop, order, units) for units in ((0, 3), (1, 1))]
    shown = (await read(shop, order["number"]))["shipments"]
    assert [one["grandTotal"]["value"] for one in shown] == [34.95, 7.99]
    await capture(shop, second)
    shown = (await read(shop, order["number"]))["shipments"]
    assert [one["grandTotal"]["value"] for one in shown] == [30, 12.94]
    assert [one["capturedValue"] for one in shown] == [None, {"value": 12.94}]
    assert first["isCaptured"] is False


async def test_added_tax_is_captured_with_the_goods(shop: Shop):
    order = await shop.place({"sku": "X", "price": "33.33", "quantity": 3}, store=5, tax="added")
    for _ in range(3):
        await made(shop, order, (0, 1), capture=True)
    values = [value for _, _, value in entries(await read(shop, order["number"]))]
    assert round(sum(values), 2) == float(order["figures"]["grand_total"])


async def test_failed_capture_is_an_error_with_an_entry(shop: Shop):
    order = await place(shop)
    shipment = await made(shop, order)
    await shop.people(f"/orders/{order['number']}/psp", declines=1)
    failed = await capture(shop, shipment)
    assert ("Capture failed" in why(failed), failed["shipment"]) == (True, None)
    assert [one["entryType"] for one in failed["paymentHistoryEntries"]] == ["CAPTURE_FAILED"]
    assert "not paid" in why(await complete(shop, shipment))
    assert (await capture(shop, shipment))["userErrors"] == []
    told = entries(await read(shop, order["number"]))
    assert told == [("CAPTURE_FAILED", "FAILED", 42.94), ("CAPTURE", "SUCCESS", 42.94)]


async def test_failed_capture_at_creation_is_a_warning(shop: Shop):
    order = await place(shop)
    await shop.people(f"/orders/{order['number']}/psp", declines=1)
    answer = await create(shop, order, capture=True, isPaid=True)
    assert answer["userErrors"] == []
    assert answer["userWarnings"] == [
        {"message": "Capture failed: declined by the bank", "path": ["input", "capture"]}
    ]
    assert (answer["shipment"]["isCaptured"], answer["shipment"]["isPaid"]) == (False, False)


async def test_first_captures_of_every_order_fail_by_switch(shop: Shop):
    await shop.sandbox.switch(centra__psp_failures=2)
    for _ in range(2):
        shipment = await made(shop, await place(shop))
        assert [len((await capture(shop, shipment))["userErrors"]) for _ in range(3)] == [1, 1, 0]


async def test_more_than_was_authorised_cannot_be_captured(shop: Shop):
    order = await place(shop)
    await shop.people(f"/orders/{order['number']}/edit", add=[{"sku": "Z", "price": "20.00"}])
    grown = (await shop.sandbox.client.get(f"/_sandbox/people/centra/orders/{order['number']}")).json()
    await made(shop, grown, (0, 3), (1, 1), capture=True)
    answer = await create(shop, grown, (2, 1), capture=True)
    assert "exceeds the authorisation" in answer["userWarnings"][0]["message"]
    assert entries(await read(shop, order["number"]))[-1] == ("CAPTURE_FAILED", "FAILED", 20)


async def test_gift_card_pays_before_the_bank(shop: Shop):
    order = await place(shop, gift_card="15.00")
    answer = await capture(shop, await made(shop, order, (0, 3)))
    shown = [(one["entryType"], one["value"]["value"]) for one in answer["paymentHistoryEntries"]]
    assert shown == [("CAPTURE_GIFT_CARD", 15), ("CAPTURE", 19.95)]


async def test_order_without_a_payment_is_marked_as_paid_instead(shop: Shop):
    order = await place(shop, store=3)
    shipment = await made(shop, order)
    assert "no payment" in why(await capture(shop, shipment))
    await update(shop, shipment, isPaid=True)
    shipped = (await complete(shop, shipment))["shipment"]
    assert (shipped["isShipped"], shipped["isCaptured"]) == (True, False)


async def test_order_of_nothing_is_captured_without_an_entry(shop: Shop):
    order = await shop.place(vouchers=[{"code": "PRESS", "percent": 100}])
    shipment = await made(shop, order, capture=True)
    assert (shipment["isCaptured"], entries(await read(shop, order["number"]))) == (True, [])


async def test_captured_order_pays_for_its_shipments_without_another_call(shop: Shop):
    order = await place(shop)
    early = await made(shop, order, (0, 1))
    answer = await capture_order(shop, order["number"])
    assert (answer["userErrors"], len(answer["paymentHistoryEntries"])) == ([], 1)
    assert "not paid" in why(await complete(shop, early))
    assigned = await capture(shop, early)
    assert (assigned["shipment"]["isPaid"], assigned["paymentHistoryEntries"]) == (True, [])
    await made(shop, order, (0, 2), (1, 1), capture=True)
    shown = await read(shop, order["number"])
    assert [one["capturedValue"]["value"] for one in shown["shipments"]] == [14.95, 27.99]
    assert entries(shown) == [("CAPTURE", "SUCCESS", 42.94)]
    assert "already captured" in why(await capture_order(shop, order["number"]))


async def test_captured_order_that_fell_needs_no_second_capture(shop: Shop):
    order = await place(shop)
    await capture_order(shop, order["number"])
    await shop.people(f"/orders/{order['number']}/cancel-lines", lines=[{"sku": "Y"}])
    await made(shop, order, (0, 3), capture=True)
    assert len(entries(await read(shop, order["number"]))) == 1


async def test_failed_capture_of_an_order_is_an_error_with_an_entry(shop: Shop):
    order = await place(shop)
    await shop.people(f"/orders/{order['number']}/psp", declines=1)
    failed = await capture_order(shop, order["number"])
    assert ("Capture failed" in why(failed), failed["order"]) == (True, None)
    assert entries(await read(shop, order["number"])) == [("CAPTURE_FAILED", "FAILED", 42.94)]


@pytest.mark.parametrize(
    ("wish", "reason"), [({"status": "PENDING"}, "pending"), ({"hold": "PAYMENT_MISMATCH"}, "hold")]
)
async def test_order_that_is_not_ready_is_not_captured(shop: Shop, wish: dict, reason: str):
    assert reason in why(await capture_order(shop, (await place(shop, **wish))["number"]))


@pytest.mark.parametrize(("sign", "value"), [("positive", 42.94), ("negative", -42.94)])
async def test_sign_of_a_capture_is_a_switch(shop: Shop, sign: str, value: float):
    await shop.sandbox.switch(centra__capture_sign=sign)
    order = await place(shop)
    await made(shop, order, capture=True)
    assert entries(await read(shop, order["number"])) == [("CAPTURE", "SUCCESS", value)]


@pytest.fixture
async def deferring(shop: Shop) -> Shop:
    await shop.sandbox.switch(centra__psp="deferred")
    return shop


async def test_deferred_capture_is_a_request_until_it_is_settled(deferring: Shop):
    order = await place(deferring)
    shipment = await made(deferring, order)
    asked = await capture(deferring, shipment)
    assert (asked["userErrors"], asked["shipment"]["isCaptured"], asked["shipment"]["isPaid"]) == (
        [],
        False,
        False,
    )
    assert "pending" in why(await capture(deferring, shipment))
    assert "not paid" in why(await complete(deferring, shipment))
    assert "is paid" in why(await delete(deferring, shipment))
    await deferring.people(f"/orders/{order['number']}/settle")
    shown = await read(deferring, order["number"])
    assert entries(shown) == [("CAPTURE_REQUEST", "PENDING", 42.94), ("CAPTURE", "SUCCESS", 42.94)]
    assert (await complete(deferring, shipment))["shipment"]["isShipped"]


async def test_deferred_capture_that_fails_later_can_be_tried_again(deferring: Shop):
    order = await place(deferring)
    shipment = await made(deferring, order)
    await deferring.people(f"/orders/{order['number']}/psp", declines=1)
    assert (await capture(deferring, shipment))["userErrors"] == []
    await deferring.people(f"/orders/{order['number']}/settle")
    assert entries(await read(deferring, order["number"]))[-1] == ("CAPTURE_FAILED", "FAILED", 42.94)
    assert (await capture(deferring, shipment))["userErrors"] == []
    await deferring.people(f"/orders/{order['number']}/settle", shipment=shipment["id"], succeeds=True)
    assert entries(await read(deferring, order["number"]))[-1] == ("CAPTURE", "SUCCESS", 42.94)


async def test_requests_of_two_shipments_bear_the_fee_once(deferring: Shop):
    order = await place(deferring)
    shipments = [await made(deferring, order, units, capture=True) for units in ((0, 3), (1, 1))]
    settled = await deferring.people(
        f"/orders/{order['number']}/settle", shipment=shipments[1]["id"], succeeds=True
    )
    assert len(settled["requests"]) == 1
    values = [one for one in entries(await read(deferring, order["number"])) if one[0] == "CAPTURE_REQUEST"]
    assert [value for _, _, value in values] == [34.95, 7.99]


async def test_requested_capture_may_count_as_paid(deferring: Shop):
    await deferring.sandbox.switch(centra__requested_capture="paid")
    order = await place(deferring)
    shipment = await made(deferring, order, capture=True)
    assert (shipment["isPaid"], shipment["isCaptured"]) == (True, False)
    assert (await complete(deferring, shipment))["shipment"]["isShipped"]
    await deferring.people(f"/orders/{order['number']}/settle", succeeds=False)
    (shown,) = (await read(deferring, order["number"]))["shipments"]
    assert (shown["isShipped"], shown["isPaid"], shown["isCaptured"]) == (True, False, False)


async def test_requested_capture_of_an_order_holds_its_shipments_back_until_it_settles(deferring: Shop):
    order = await place(deferring)
    await capture_order(deferring, order["number"])
    assert "pending" in why(await capture_order(deferring, order["number"]))
    shipment = await made(deferring, order)
    assert "pending" in why(await capture(deferring, shipment))
    await deferring.people(f"/orders/{order['number']}/settle")
    assert (await capture(deferring, shipment))["shipment"]["isCaptured"]
    assert len(entries(await read(deferring, order["number"]))) == 2


@pytest.mark.parametrize(
    ("method", "kind"), [("adyen_drop_in", "CAPTURE_REQUEST"), ("stripe_checkout", "CAPTURE")]
)
async def test_payment_plugin_decides_by_switch(shop: Shop, method: str, kind: str):
    await shop.sandbox.switch(centra__psp="method")
    order = await place(shop, payment=method)
    await made(shop, order, capture=True)
    assert entries(await read(shop, order["number"]))[0][0] == kind


async def test_deferred_capture_settles_by_itself_after_a_while(deferring: Shop):
    await deferring.sandbox.switch(centra__psp_settle_seconds=600)
    deferring.sandbox.world.clock.set(scale=60_000)
    order = await place(deferring)
    await made(deferring, order, capture=True)
    await deferring.sandbox.world.tasks.settle()
    assert entries(await read(deferring, order["number"]))[-1] == ("CAPTURE", "SUCCESS", 42.94)
    assert [row["key"] for row in await deferring.rows("centra.psp")] == [str(order["number"])]


async def test_deferred_capture_that_a_deed_settled_is_not_settled_again(
    deferring: Shop, caplog: pytest.LogCaptureFixture
):
    await deferring.sandbox.switch(centra__psp_settle_seconds=600)
    deferring.sandbox.world.clock.set(scale=1_000)
    order = await place(deferring)
    await made(deferring, order, capture=True)
    await deferring.people(f"/orders/{order['number']}/settle")
    await deferring.sandbox.world.tasks.settle()
    assert len(entries(await read(deferring, order["number"]))) == 2
    assert (await deferring.rows("centra.psp"), caplog.records) == ([], [])


async def test_deferred_capture_of_before_a_restart_settles_after_it(tmp_path: Path):
    async with running_sandbox(tmp_path / "again") as first:
        shop = await furnish(first)
        await first.switch(centra__psp="deferred", centra__psp_settle_seconds=600)
        order = await place(shop)
        await made(shop, order, capture=True)
        (await first.client.post("/_sandbox/clock", json={"advance_seconds": 601})).raise_for_status()
    async with running_sandbox(tmp_path / "again") as second:
        await second.world.tasks.settle()
        shown = await read(Shop(second, shop.articles), order["number"])
    assert entries(shown)[-1] == ("CAPTURE", "SUCCESS", 42.94)


HISTORY = """query($n: [Int!]) { orders(where: {number: $n}) {
  paymentHistory { entryType status externalReference paramsJSON } } }"""


async def history_of(shop: Shop, order: dict) -> list[dict]:
    (shown,) = (await shop.data(HISTORY, n=order["number"]))["orders"]
    return shown["paymentHistory"]


@pytest.mark.parametrize(
    ("psp", "rule", "kind"),
    [
        ("instant", "own_type", "CAPTURE_FAILED"),
        ("instant", "status", "CAPTURE"),
        ("deferred", "status", "CAPTURE_REQUEST"),
    ],
)
async def test_type_of_a_failed_captures_entry_is_a_switch(shop: Shop, psp: str, rule: str, kind: str):
    await shop.sandbox.switch(centra__psp=psp, centra__failed_capture=rule)
    unpaid = await place(shop)
    await shop.people(f"/orders/{unpaid['number']}/edit", add=[{"sku": "Z", "price": "20.00"}])
    assert "exceeds" in why(await capture_order(shop, unpaid["number"]))
    failed = (await history_of(shop, unpaid))[-1]
    assert (failed["entryType"], failed["status"]) == (kind, "FAILED")
    assert "exceeds" in json.loads(failed["paramsJSON"])["error"]
    await shop.people(f"/orders/{unpaid['number']}/cancel")


@pytest.mark.parametrize(("rule", "count"), [("auth", 1), ("own", 3)])
async def test_captures_bear_the_reference_of_the_authorisation_or_their_own(
    shop: Shop, rule: str, count: int
):
    await shop.sandbox.switch(centra__capture_reference=rule)
    order = await place(shop)
    for units in ((0, 3), (1, 1)):
        await made(shop, order, units, capture=True)
    shown = await history_of(shop, order)
    assert [one["entryType"] for one in shown] == ["AUTH", "CAPTURE", "CAPTURE"]
    assert len({one["externalReference"] for one in shown}) == count


CANCEL = """mutation($id: String!) { cancelDirectToConsumerOrder(id: $id, input: {cancelAuthorization: true
  emailOptions: {sendEmail: false} stockAction: {releaseItemsBackToWarehouse: true}}) {
  userErrors { message } userWarnings { message path } order { status } paymentHistoryEntry { entryType status } } }"""


async def cancel(shop: Shop, order: dict, token: str | None = None) -> dict:
    return (await shop.data(CANCEL, token, id=order["id"]))["cancelDirectToConsumerOrder"]


async def test_cancelled_authorisation_is_shown_below_zero(shop: Shop):
    order = await place(shop)
    assert await cancel(shop, order) == {
        "userErrors": [],
        "userWarnings": [],
        "order": {"status": "CANCELLED"},
        "paymentHistoryEntry": {"entryType": "CANCEL", "status": "SUCCESS"},
    }
    assert entries(await read(shop, order["number"])) == [("CANCEL", "SUCCESS", -42.94)]


async def test_authorisation_that_the_bank_keeps_is_a_warning(shop: Shop):
    order = await place(shop)
    await shop.people(f"/orders/{order['number']}/psp", declines=1)
    warned = await cancel(shop, order)
    assert (warned["order"]["status"], warned["userWarnings"][0]["path"]) == (
        "CANCELLED",
        ["input", "cancelAuthorization"],
    )
    assert warned["paymentHistoryEntry"] == {"entryType": "CANCEL", "status": "FAILED"}


async def test_captured_order_is_not_cancelled(shop: Shop):
    order = await place(shop)
    await capture_order(shop, order["number"])
    assert "captured" in why(await cancel(shop, order))


async def test_authorisation_is_cancelled_only_by_whoever_may(shop: Shop):
    order = await place(shop)
    held = ["Order:read", "Order:write", "PaymentHistory:read"]
    weak = (await shop.people("/tokens", integration="weak", permissions=held))["token"]
    error = (await shop.ask(CANCEL, weak, id=order["id"]))["errors"][0]
    assert error["message"] == "You need Payment.cancel:write permission to access cancelAuthorization."
    assert error["extensions"] == {"category": "authorization"}
    assert (await read(shop, order["number"]))["status"] == "CONFIRMED"
