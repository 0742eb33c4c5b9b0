"""Staff, a warehouse system and a bank that work in Centra itself."""

import pytest

from tests.sandbox.centra.conftest import PEOPLE, Shop
from tests.sandbox.centra.shipping import create, entries, mails, read, why


async def place(shop: Shop, **wish: object) -> dict:
    return await shop.place(
        {"sku": "X", "price": "10.00", "quantity": 3}, {"sku": "Y", "price": "5.00"}, **wish
    )


async def act(shop: Shop, order: dict, deed: str, **wish: object) -> dict:
    return await shop.people(f"/orders/{order['number']}/{deed}", **wish)


async def refused(shop: Shop, order: dict, deed: str, **wish: object) -> str:
    answer = await shop.sandbox.client.post(f"{PEOPLE}/orders/{order['number']}/{deed}", json=wish)
    assert answer.status_code == 400
    return answer.json()["error"]


async def test_staff_ship_everything_in_one_go(shop: Shop):
    order = await place(shop)
    await act(shop, order, "ship", carrier="DPD", service="Next Day", tracking="T-1")
    shown = await read(shop, order["number"])
    assert (shown["status"], shown["shipments"][0]["trackingNumber"]) == ("SHIPPED", "T-1")
    assert entries(shown) == [("CAPTURE", "SUCCESS", 35)]
    assert await mails(shop) == [(f"{order['number']}-1", "T-1")]


async def test_warehouse_ships_a_part_and_the_rest_later(shop: Shop):
    order = await place(shop)
    part = await act(
        shop, order, "ship", lines=[{"sku": "X", "quantity": 2}], by="wms", complete=False, mail=False
    )
    (shipment,) = part["shipments"]
    assert (part["status"], shipment["by"], shipment["shipped_at"]) == ("PROCESSING", "wms", None)
    await act(shop, order, "complete", shipment=shipment["id"], tracking="T-1")
    rest = await act(shop, order, "ship", tracking="T-2")
    assert (rest["status"], len(await mails(shop))) == ("SHIPPED", 2)
    assert "fully shipped" in await refused(shop, order, "ship")


async def test_warehouse_packs_captures_and_completes_by_turns(shop: Shop):
    order = await place(shop)
    await act(shop, order, "ship", good_to_go=False, capture=False)
    assert "not paid" in await refused(shop, order, "complete")
    shipment = (await read(shop, order["number"]))["shipments"][0]["id"]
    await act(shop, order, "capture", shipment=shipment)
    assert (await act(shop, order, "complete"))["status"] == "SHIPPED"


async def test_what_the_bank_declines_does_not_leave(shop: Shop):
    order = await place(shop)
    await act(shop, order, "psp", declines=1)
    shipped = await act(shop, order, "ship")
    assert (shipped["status"], shipped["shipments"][0]["shipped_at"]) == ("PROCESSING", None)
    assert (await act(shop, order, "capture"))["payments"][-1]["type"] == "CAPTURE"
    assert (await act(shop, order, "complete"))["status"] == "SHIPPED"


async def test_locked_order_is_for_the_warehouse_only(shop: Shop):
    order = await place(shop)
    await act(shop, order, "lock")
    assert "locked" in await refused(shop, order, "ship")
    assert (await act(shop, order, "ship", by="wms"))["status"] == "SHIPPED"


async def test_wholesale_needs_no_capture(shop: Shop):
    order = await place(shop, store=3)
    assert (await act(shop, order, "ship"))["status"] == "SHIPPED"


async def test_order_that_is_being_processed_is_cut(shop: Shop):
    order = await place(shop)
    await act(shop, order, "ship", lines=[{"sku": "X", "quantity": 1}])
    line = order["lines"][0]["id"]
    edited = await act(shop, order, "edit", lines=[{"line": line, "quantity": 2}])
    assert (edited["status"], edited["figures"]["grand_total"]) == ("PROCESSING", "25.00")
    assert "in no shipment" in await refused(shop, order, "edit", lines=[{"line": line, "quantity": 0}])
    await act(shop, order, "cancel-lines", lines=[{"sku": "X"}])
    assert (await act(shop, order, "cancel-lines", lines=[{"sku": "Y"}]))["status"] == "SHIPPED"


async def test_shipped_line_is_neither_cancelled_nor_its_order(shop: Shop):
    order = await place(shop)
    await act(shop, order, "ship", lines=[{"sku": "Y"}])
    assert "in no shipment" in await refused(shop, order, "cancel-lines", lines=[{"sku": "Y"}])
    assert "captured" in await refused(shop, order, "cancel")


async def test_warehouse_takes_a_shipment_back(shop: Shop):
    order = await place(shop)
    await act(shop, order, "ship", capture=False, complete=False)
    assert (await act(shop, order, "delete-shipment"))["status"] == "CONFIRMED"


async def test_support_case_ships_what_is_left(shop: Shop):
    order = await place(shop)
    await act(shop, order, "ship", lines=[{"sku": "Y"}], capture=False, complete=False)
    done = await act(shop, order, "advance", status="SHIPPED")
    assert (done["status"], len(done["shipments"])) == ("SHIPPED", 2)
    assert sum(value for _, _, value in entries(await read(shop, order["number"]))) == 35


@pytest.mark.parametrize(
    ("deed", "wish"),
    [
        ("ship", {"colour": "red"}),
        ("ship", {"by": "a thief"}),
        ("ship", {"lines": [{"sku": "NOPE"}]}),
        ("ship", {"lines": [{"sku": "X", "quantity": 4}]}),
        ("complete", {}),
        ("capture", {"shipment": 1}),
        ("settle", {}),
        ("psp", {"declined": 1}),
        ("vanish", {}),
    ],
)
async def test_senseless_deed_is_refused_and_leaves_nothing(shop: Shop, deed: str, wish: dict):
    order = await place(shop)
    await refused(shop, order, deed, **wish)
    assert (await read(shop, order["number"]))["status"] == "CONFIRMED"


async def test_direct_shipment_can_be_captured_and_completed(shop: Shop):
    await shop.sandbox.switch(centra__direct_to_shipment=True)
    order = await place(shop)
    assert "fully shipped" in why(await create(shop, order))
    await act(shop, order, "capture")
    assert (await act(shop, order, "complete"))["status"] == "SHIPPED"
