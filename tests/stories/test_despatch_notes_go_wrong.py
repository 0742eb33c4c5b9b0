"""Despatch notes with something wrong in them: no call is made of them, nobody waits behind them, and one fix lets all go."""

import asyncio

import pytest

from app.flows.preflight import check_carriers
from tests.stories.test_despatch_reaches_the_retailer import TRACKING, despatch, dispatched, sell, told
from tests.stories.test_orders_that_lack_something import clear
from tests.stories.test_retailers_order_is_acknowledged import acknowledged, key_of
from tests.stories.town import EDGE, parked, until

COURIER, NUMBER, DAY = "E-CARRIER-MISSING", "E-TRACKING-FORMAT", "E-DISPATCH-DATE"
DEFECTS = (
    ({"courier": ""}, COURIER),
    ({"courier": "Parcelforce 48"}, "E-CARRIER-UNMAPPED"),
    ({"consignment_no": ""}, "E-TRACKING-MISSING"),
    ({"consignment_no": "   "}, "E-TRACKING-MISSING"),
    ({"consignment_no": "155"}, NUMBER),
    ({"consignment_no": "0155012345678X"}, NUMBER),
    ({"consignment_no": f"{TRACKING}0"}, NUMBER),
    ({"date": ""}, DAY),
    ({"date": "2030-01-01"}, DAY),
    ({"date": "2020-01-01"}, DAY),
    ({"lines": "half"}, "E-QTY"),
    ({"lines": "more"}, "E-QTY"),
)


async def sell_many(town, count: int) -> list[dict]:
    """An order each of one article each."""
    one = {"account": EDGE["username"], "retailer": "JLW"}
    wishes = [{**one, "lines": [{"sku": town.articles[place]["sku"]}]} for place in range(count)]
    orders = (await town.people("virtualstock/orders", orders=wishes))["orders"]
    await acknowledged(town, *orders)
    return orders


async def spoil(town, order, defect: dict) -> dict:
    """A note with one defect; more than was ordered leaves only if somebody raised the sales order."""
    sku = order["lines"][0]["supplier_sku_reference"]
    if defect.get("lines") == "half":
        defect = {"lines": [{"sku": sku, "quantity": "0.5"}]}
    elif defect.get("lines") == "more":
        key = key_of("JLW", order)
        await town.people("sage200/change_quantity", order=key, sku=sku, quantity=2)
        await town.people("sage200/allocate", order=key)
        defect = {"lines": [{"sku": sku, "quantity": 2}]}
    return await despatch(town, order, "JLW", **defect)


@pytest.mark.requirement("R-45")
async def test_twelve_notes_with_one_defect_each_are_twelve_exceptions_and_no_call(depot):
    town = depot
    orders = await sell_many(town, len(DEFECTS))
    for order, (defect, _) in zip(orders, DEFECTS, strict=True):
        await spoil(town, order, defect)
    await parked(town, *(code for _, code in DEFECTS))
    assert await town.calls("POST", "/dispatch/") == []
    cases = (await town.api.get("/api/v1/exceptions", headers=await town.headers())).json()["items"]
    violations = [case["violations"][0] for case in cases]
    in_sage = [one["fix"] for one in violations if one["code"] != "E-CARRIER-UNMAPPED"]
    assert all(fix.startswith("despatch note ") and fix.endswith(" in the ERP") for fix in in_sage)
    assert all(one["field"] for one in violations)


@pytest.mark.requirement("R-47")
async def test_forty_notes_with_a_new_courier_are_one_cause_and_one_mapping_lets_them_go(depot):
    town = depot
    orders = await sell_many(town, 40)
    for order in orders:
        await despatch(town, order, "JLW", courier="Parcelforce 48")
    await parked(town, *["E-CARRIER-UNMAPPED"] * 40)
    assert await town.calls("POST", "/dispatch/") == []
    headers = await town.headers()
    (group,) = (await town.api.get("/api/v1/exceptions/groups", headers=headers)).json()["items"]
    assert (group["value"], group["holding"]) == ("Parcelforce 48", 40)
    row = {"connection": "edge", "courier": "parcelforce  48", "carrier": "parcel-force"}
    await town.map("carriers", row)
    await dispatched(town, *orders)
    assert [[one["carrier"] for one in await told(town, order)] for order in orders] == [
        ["parcel-force"]
    ] * 40
    assert (len(await town.calls("POST", "/dispatch/")), await town.cases()) == (40, [])


@pytest.mark.requirement("R-53")
async def test_one_poisoned_note_among_many_stops_nobody_else(depot):
    town = depot
    poisoned, *good = await sell_many(town, 30)
    await despatch(town, poisoned, "JLW", consignment_no="")
    for order in good:
        await despatch(town, order, "JLW")
    await dispatched(town, *good)
    await parked(town, "E-TRACKING-MISSING")
    assert (await told(town, poisoned), len(await town.calls("POST", "/dispatch/"))) == ([], 29)


@pytest.mark.requirement("R-49")
@pytest.mark.parametrize("later_first", [False, True])
async def test_parts_come_to_the_whole_however_often_and_in_whatever_order_they_are_read(depot, later_first):
    """Three of five, then two; the first note is listed again; or the second can be told before the first."""
    town = depot
    order = await sell(town, "JLW", quantity=5)
    sku = town.skus[0]
    first = await despatch(
        town,
        order,
        "JLW",
        lines=[{"sku": sku, "quantity": 3}],
        consignment_no="" if later_first else TRACKING,
    )
    rest = {"lines": [{"sku": sku, "quantity": 2}], "consignment_no": "01550123456790"}
    await despatch(town, order, "JLW", **rest)
    if later_first:
        await parked(town, "E-TRACKING-MISSING")
    await town.people("sage200/correct_despatch", despatch=first["despatch_no"], consignment_no=TRACKING)
    await dispatched(town, order)
    await until(lambda: quiet(town))
    sent = [(one["quantity"], one["tracking_number"]) for one in await told(town, order)]
    assert sorted(sent) == [(2, "01550123456790"), (3, TRACKING)]
    assert (len(await town.calls("POST", "/dispatch/")), await town.cases()) == (2, [])


async def quiet(town) -> bool:
    return not await town.busy()


@pytest.mark.requirement("RC-27")
async def test_a_note_that_is_half_corrected_while_it_is_retried_is_told_only_as_it_ends(depot):
    """The courier is set, so that the note looks whole; then its number is corrected too, while the retailer is asked."""
    town = depot
    order = await sell(town, "JLW")
    note = await despatch(town, order, "JLW", courier="", consignment_no="01550123456000")
    await parked(town, "E-CARRIER-MISSING")
    headers = await town.headers()
    case = await town.pool.fetchval("SELECT id FROM exception_case WHERE closed_at IS NULL")
    seen = {"system": "virtualstock", "method": "GET", "path": r"/orders/\d+/$"}
    await town.sandbox.faults({"kind": "slow", "seconds": 1.5, "times": 1, **seen})

    async def correct(**typed: str) -> None:
        await town.people("sage200/correct_despatch", despatch=note["despatch_no"], **typed)

    async def press() -> None:
        body = {"reason": "it is corrected"}
        await town.api.post(f"/api/v1/exceptions/{case}/retry", json=body, headers=headers)

    async def asked() -> bool:
        return town.sandbox.world.faults.counts["slow"] == 1

    await asyncio.gather(correct(courier="DPD Local Next Day"), *(press() for _ in range(10)))
    await until(asked)
    await correct(consignment_no=TRACKING)
    await dispatched(town, order)
    await until(lambda: quiet(town))
    assert [one["tracking_number"] for one in await told(town, order)] == [TRACKING]
    assert await town.cases() == []


@pytest.mark.requirement("R-46")
async def test_a_carrier_that_the_platform_renames_is_flagged_before_a_despatch_needs_it(build_town):
    async with build_town(edge=True, POLL_SECONDS="0.5", SWEEP_SECONDS="0.5") as town:
        assert await town.cases() == []
        await town.people("virtualstock/carriers", rename={"dpd": "dpd-local"})
        await parked(town, "E-CARRIER-GONE")
        order = await sell(town)
        await despatch(town, order)
        await parked(town, "E-CARRIER-GONE", "E-CARRIER-GONE")
        assert await town.calls("POST", "/dispatch/") == []
        row = {"connection": "edge", "courier": "DPD Local Next Day", "carrier": "dpd-local"}
        await town.map("carriers", row)
        await dispatched(town, order)
        assert [one["carrier"] for one in await told(town, order)] == ["dpd-local"]
        await parked(town)


@pytest.mark.requirement("R-44")
async def test_a_connection_whose_despatches_would_lack_a_field_is_not_fit_to_go_live(depot):
    edge = depot.worker.channels["virtualstock:edge"]
    assert await check_carriers(depot.pool, edge) == []
    await clear(depot, "carriers")
    (problem,) = await check_carriers(depot.pool, edge)
    assert not problem.warning
    assert "carrier" in problem.text
