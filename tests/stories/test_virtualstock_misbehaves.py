"""Virtualstock answers in every way that its documents allow, or not at all: nothing is lost, nothing is done twice."""

import json
from datetime import timedelta

import pytest

from tests.sandbox.virtualstock.conftest import RETAILERS
from tests.stories.test_despatch_reaches_the_retailer import despatch, dispatched, sell, told
from tests.stories.test_retailers_order_is_acknowledged import acknowledged, books, key_of
from tests.stories.town import EDGE, parked, until

FAMILIES = ("text", "json_string", "list", "detail")
SENTENCE = "Carrier parcel-force is not recognised"


async def courier(town, retailer: str) -> None:
    """Mapped to a carrier that the platform knows and this retailer does not take."""
    row = {"connection": "edge", "store": retailer, "courier": "Parcelforce 48", "carrier": "parcel-force"}
    await town.map("carriers", row)


async def violations(town) -> list[dict]:
    cases = (await town.api.get("/api/v1/exceptions", headers=await town.headers())).json()["items"]
    return [violation for case in cases for violation in case["violations"]]


async def once_each(town, retailer: str, *orders: dict) -> None:
    """One sales order, one acknowledgement of each line."""
    found = await books(town)
    assert {key: len(documents) for key, documents in found.items()} == {
        key_of(retailer, order): 1 for order in orders
    }
    for order in orders:
        for line in (await town.at_edge(order))["lines"]:
            assert [one["action"] for one in line["sent"]] == ["acknowledge"]


@pytest.mark.requirement("R-45")
async def test_a_refusal_is_understood_in_every_shape_and_parks_with_the_vendors_sentence(depot):
    town = depot
    await courier(town, "JLW")
    await town.people("virtualstock/retailers/JLW", carriers=["dpd"])
    orders = [await town.order_at("JLW", sku) for sku in town.skus[: len(FAMILIES)]]
    await acknowledged(town, *orders)
    for count, (order, family) in enumerate(zip(orders, FAMILIES, strict=True), start=1):
        await town.sandbox.switch(virtualstock__error_body=family)
        await despatch(town, order, "JLW", courier="Parcelforce 48")
        await parked(town, *["E-VS-REFUSED"] * count)
    assert [one["value"] for one in await violations(town) if SENTENCE not in one["value"]] == []
    assert [await told(town, order) for order in orders] == [[]] * len(orders)
    await town.people("virtualstock/retailers/JLW", carriers=["dpd", "parcel-force"])
    headers = await town.headers()
    for case in (await town.api.get("/api/v1/exceptions", headers=headers)).json()["items"]:
        body = {"reason": "the retailer takes it now"}
        await town.api.post(f"/api/v1/exceptions/{case['id']}/retry", json=body, headers=headers)
    await dispatched(town, *orders)
    assert [len(await told(town, order)) for order in orders] == [1] * len(orders)


@pytest.mark.requirement("R-38")
@pytest.mark.parametrize("kind", ["status_500_html", "status_503", "part_then_500", "reset", "status_429"])
async def test_an_acknowledgement_that_fails_in_whatever_way_is_made_once(depot, kind):
    town = depot
    await town.sandbox.faults({"kind": kind, "system": "virtualstock", "path": "/acknowledge/", "times": 1})
    order = await town.order_at("ARG", *town.skus[:3])
    await acknowledged(town, order)
    await once_each(town, "ARG", order)
    assert await town.cases() == []


@pytest.mark.requirement("R-38")
@pytest.mark.parametrize("repeat", [400, 200])
async def test_an_order_that_somebody_acknowledged_by_hand_is_not_acknowledged_again(depot, repeat):
    town = depot
    await town.sandbox.switch(virtualstock__repeat_action=repeat)
    await town.people("sage200/tunnel", up=False)
    order = await town.order_at("ARG")

    async def known() -> bool:
        return await town.pool.fetchval("SELECT count(*) FROM order_snapshot WHERE connection = 'edge'") == 1

    await until(known)
    line = order["lines"][0]
    item = {"part_number": line["part_number"], "line_ref": line["line_reference"], "quantity": 1}
    await town.people(f"virtualstock/orders/{order['id']}/act", action="acknowledge", items=[item])
    await town.people("sage200/tunnel", up=True)

    async def answered() -> bool:
        kind = "SELECT count(*) FROM receipt WHERE kind = 'virtualstock.acknowledge'"
        return await town.pool.fetchval(kind) == 1

    await until(answered)
    await once_each(town, "ARG", order)
    assert (await town.calls("POST", "/restapi/v4/orders/"), await town.cases()) == ([], [])


@pytest.mark.requirement("R-38")
async def test_a_status_that_nobody_knows_parks_and_its_order_goes_on_once_it_is_clear(depot):
    town = depot
    await town.people("sage200/tunnel", up=False)
    order = await town.order_at("ARG")

    async def known() -> bool:
        return await town.pool.fetchval("SELECT count(*) FROM order_snapshot WHERE connection = 'edge'") == 1

    await until(known)
    await town.people(f"virtualstock/orders/{order['id']}/status", status="AWAITING_ORACLE")
    await parked(town, "E-STATUS-UNKNOWN")
    await town.people("sage200/tunnel", up=True)
    other = await town.order_at("ARG", town.skus[1])
    await acknowledged(town, other)
    await once_each(town, "ARG", other)
    await town.people(f"virtualstock/orders/{order['id']}/status", status="ORDER")
    await acknowledged(town, order)
    await once_each(town, "ARG", order, other)


@pytest.mark.requirement("R-42")
async def test_pages_that_fail_in_the_middle_of_a_pass_lose_no_order_and_double_none(build_town):
    settings = {"VIRTUALSTOCK__edge__PAGE_SIZE": "2", "VIRTUALSTOCK__edge__REQUESTS_PER_MINUTE": "10000"}
    async with build_town(edge=True, POLL_SECONDS="0.3", LANE_PATIENCE_SECONDS="1", **settings) as town:
        await town.sandbox.switch(virtualstock__requests_per_minute=10_000)
        page = {"system": "virtualstock", "path": r"/restapi/v4/orders/$", "method": "GET"}
        await town.sandbox.faults(
            {"kind": "status_500_html", "probability": 0.3, "times": 4, **page},
            {"kind": "commit_then_drop", "probability": 0.3, "times": 4, **page},
            {"kind": "status_400_empty", "probability": 0.2, "times": 2, **page},
        )
        orders = [await town.order_at("ARG", town.skus[place]) for place in range(7)]
        await acknowledged(town, *orders)
        await once_each(town, "ARG", *orders)


@pytest.mark.requirement("R-42")
async def test_a_refused_refresh_token_is_cured_by_a_login_and_a_refused_login_is_one_cause(depot):
    town = depot
    login = f"virtualstock/logins/{EDGE['username']}"
    first = await sell(town)
    await town.people(f"{login}/revoke", kinds=["access", "refresh"])
    town.sandbox.world.clock.advance(301)
    second = await town.order_at("ARG", town.skus[1])
    await acknowledged(town, second)
    await town.people(f"{login}/password", password="changed by somebody")
    await town.people(f"{login}/revoke")
    third = await town.order_at("ARG", town.skus[2])

    async def told_of() -> bool:
        answer = await town.api.get("/api/v1/connections", headers=await town.headers())
        rows = [one for one in answer.json()["items"] if "E-VS-LOGIN" in str(one)]
        return len(rows) == 1

    await until(told_of)
    assert ((await town.at_edge(third))["lines"][0]["status"], await town.cases()) == ("ORDER", [])
    await town.people(f"{login}/password", password=EDGE["password"])
    await acknowledged(town, third)
    await once_each(town, "ARG", first, second, third)


@pytest.mark.requirement("R-38")
async def test_an_order_that_waits_for_sage_is_flagged_before_its_retailer_runs_out_of_patience(build_town):
    patient = {**RETAILERS, "ARG": {**RETAILERS["ARG"], "acknowledge_hours": 8}}
    more = {"VIRTUALSTOCK__edge__RETAILERS": json.dumps(patient)}
    async with build_town(edge=True, POLL_SECONDS="0.5", SWEEP_SECONDS="0.5", **more) as town:
        await town.people("sage200/tunnel", up=False)
        ago = (town.sandbox.world.clock.now() - timedelta(hours=5)).isoformat()
        late = await town.order_at("ARG", placed_at=ago)
        young = await town.order_at("ARG", town.skus[1])
        await parked(town, "E-ACK-LATE")
        (told_of,) = await violations(town)
        assert told_of["value"] == f"ARG-{late['order_reference']}"
        assert {line["status"] for line in (await town.at_edge(late))["lines"]} == {"ORDER"}
        await town.people("sage200/tunnel", up=True)
        await acknowledged(town, late, young)
        await parked(town)
