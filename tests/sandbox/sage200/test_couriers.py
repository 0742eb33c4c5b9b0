"""Couriers, as they are typed and retyped."""

import pytest

from tests.sandbox.sage200.conftest import Sage


async def test_seeded_couriers_have_their_service_in_the_name(sage: Sage):
    names = [courier["name"] for courier in await sage.get("couriers")]
    assert {"DPD Local Next Day", "Royal Mail Tracked 24", "Parcelforce 48", "Evri", "Yodel"} <= set(names)
    assert [row["name"] for row in await sage.get("couriers", filter="is_default eq true")] == [names[0]]


async def test_courier_is_added_and_changed(sage: Sage):
    made = await sage.write("POST", "couriers", {"name": "Tuffnells", "website": "https://t.example.com"})
    assert (made["name"], made["is_default"]) == ("Tuffnells", False)
    await sage.write("PUT", f"couriers/{made['id']}", {"name": "Tuffnells Next Day", "is_default": True})
    rows = await sage.get("couriers", filter="is_default eq true")
    assert [(row["id"], row["name"], row["website"]) for row in rows] == [
        (made["id"], "Tuffnells Next Day", "https://t.example.com")
    ]


async def test_whole_list_is_put(sage: Sage):
    evri, yodel = sage.id("courier", "Evri"), sage.id("courier", "Yodel")
    before = len(await sage.get("couriers"))
    rows = [{"id": evri, "name": "Evri Next Day"}, {"id": yodel, "is_to_delete": True}, {"name": "InPost"}]
    answer = await sage.write("PUT", "couriers", rows)
    names = {row["name"] for row in answer}
    assert (len(answer), {"Evri Next Day", "InPost"} <= names, "Yodel" in names) == (before, True, False)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "couriers", {}),
        ("POST", "couriers", {"name": ""}),
        ("POST", "couriers", {"name": "n" * 61}),
        ("POST", "couriers", {"name": "X", "tracking_url": "u" * 2084}),
        ("POST", "couriers", {"name": None}),
        ("POST", "couriers", []),
        ("PUT", "couriers", {}),
        ("PUT", "couriers", [5]),
        ("PUT", "couriers", [{"name": "X"}, {"name": ""}]),
    ],
)
async def test_wrong_courier_is_refused(sage: Sage, method: str, path: str, body: object):
    before = await sage.get("couriers")
    await sage.write(method, path, body, 400)
    assert await sage.get("couriers") == before


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_unknown_courier_is_404(sage: Sage, method: str):
    assert (await sage.call(method, "couriers/5", {"name": "X"})).status_code == 404


async def test_courier_that_was_used_cannot_be_deleted(sage: Sage):
    evri, yodel = sage.id("courier", "Evri"), sage.id("courier", "Yodel")
    await sage.despatch(await sage.allocated(1), 1, tracking_items=[{"courier_id": evri}])
    await sage.write("DELETE", f"couriers/{evri}", None, 400)
    answer = await sage.call("DELETE", f"couriers/{yodel}")
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize(("follows", "name"), [(True, "Hermes"), (False, "Evri")])
async def test_notes_follow_a_new_name_or_not(sage: Sage, follows: bool, name: str):  # noqa: FBT001 - a table's column
    await sage.sandbox.switch(sage200__notes_follow_courier_name=follows)
    courier = {"courier_id": sage.id("courier", "Evri")}
    await sage.despatch(await sage.allocated(1), 1, tracking_items=[courier])
    before = (await sage.get("sop_despatch_receipts"))[0]
    await sage.deed("rename_courier", courier="Evri", name="Hermes")
    after = (await sage.get("sop_despatch_receipts"))[0]
    assert (after["courier_name"], after["date_time_updated"]) == (name, before["date_time_updated"])
    assert (await sage.get("sop_order_despatch_views"))[0]["sop_despatch_courier_name"] == name


async def test_courier_added_at_a_desk_can_be_used(sage: Sage):
    made = await sage.deed("add_courier", name="dpd next day", user="mary")
    order = await sage.allocated(1)
    await sage.despatch(order, 1, tracking_items=[{"courier_id": made["id"]}])
    assert (await sage.get("sop_despatch_receipts"))[0]["courier_name"] == "dpd next day"
