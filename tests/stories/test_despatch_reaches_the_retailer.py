"""Sage despatches: the retailer hears of it once, with data it accepts; what is wrong waits for Sage to be corrected."""

import pytest

from tests.stories.test_portal_dispatch_reaches_sage import dispatch
from tests.stories.test_retailers_order_is_acknowledged import acknowledged, key_of
from tests.stories.town import parked, until

TRACKING = "01550123456789"
GOOD = {"courier": "DPD Local Next Day", "consignment_no": TRACKING}


async def sell(town, retailer="ARG", quantity=1, skus=1) -> dict:
    lines = [{"sku": sku, "quantity": quantity} for sku in town.skus[:skus]]
    body = {"account": "northgate", "retailer": retailer, "lines": lines}
    order = await town.people("virtualstock/orders", **body)
    await acknowledged(town, order)
    return order


async def despatch(town, order, retailer="ARG", **note) -> dict:
    return await town.people("sage200/despatch", order=key_of(retailer, order), **{**GOOD, **note})


async def told(town, order) -> list[dict]:
    """What the retailer was told of each line, in order."""
    lines = (await town.at_edge(order))["lines"]
    return [one for line in lines for one in line["sent"] if one["action"] == "dispatch"]


async def accepted(town) -> None:
    """A person told the retailer in the portal."""
    case = await town.pool.fetchval("SELECT id FROM exception_case WHERE closed_at IS NULL")
    path, headers = f"/api/v1/exceptions/{case}", await town.headers()
    etag = (await town.api.get(path, headers=headers)).headers["etag"]
    body = {"reason": "the retailer's page shows it", "apply": True}
    answer = await town.api.post(f"{path}/accept", json=body, headers={**headers, "If-Match": etag})
    assert answer.is_success, answer.text
    assert await town.cases() == []


async def dispatched(town, *orders) -> None:
    async def done() -> bool:
        held = [await town.at_edge(order) for order in orders]
        return all(line["status"] == "DISPATCH" for order in held for line in order["lines"])

    await until(done)


@pytest.mark.requirement("R-44")
@pytest.mark.requirement("R-46")
async def test_a_despatch_in_sage_is_told_to_the_retailer_once(edge_town):
    town = edge_town
    order = await sell(town, skus=2)
    await despatch(town, order)
    await dispatched(town, order)
    sent = await told(town, order)
    assert {(one["carrier"], one["tracking_number"], len(one["supplier_dispatch_date"])) for one in sent} == {
        ("dpd", TRACKING, 10)
    }
    assert sent[0]["tracking_url"].endswith(TRACKING)
    assert len(await town.calls("POST", "/dispatch/")) == 1


@pytest.mark.requirement("R-48")
async def test_a_note_that_is_corrected_in_sage_goes_by_itself(edge_town):
    town = edge_town
    order = await sell(town)
    note = await despatch(town, order, consignment_no="")
    await parked(town, "E-TRACKING-MISSING")
    await town.people("sage200/correct_despatch", despatch=note["despatch_no"], consignment_no=TRACKING)
    await dispatched(town, order)
    assert (await told(town, order))[0]["tracking_number"] == TRACKING
    assert await town.cases() == []


@pytest.mark.requirement("RC-23")
@pytest.mark.parametrize("fault", ["part_then_500", "commit_then_drop", "drop"])
async def test_a_dispatch_without_an_answer_is_neither_lost_nor_doubled(edge_town, fault):
    town = edge_town
    order = await sell(town, "JLW", skus=3)
    await town.sandbox.faults({"kind": fault, "system": "virtualstock", "path": "/dispatch/", "times": 1})
    await despatch(town, order, "JLW")
    await dispatched(town, order)
    assert len(await told(town, order)) == 3
    assert await town.cases() == []


async def test_a_part_without_an_answer_waits_for_a_person(edge_town):
    town = edge_town
    order = await sell(town, "JLW", quantity=4)
    await town.sandbox.faults(
        {"kind": "commit_then_drop", "system": "virtualstock", "path": "/dispatch/", "times": 1}
    )
    await despatch(town, order, "JLW", lines=[{"sku": town.skus[0], "quantity": 1}])
    await parked(town, "E-SHIP-UNSURE")
    await accepted(town)
    await despatch(town, order, "JLW", lines=[{"sku": town.skus[0], "quantity": 3}])
    await dispatched(town, order)
    assert [one["quantity"] for one in await told(town, order)] == [1, 3]


async def test_what_a_person_told_is_not_what_the_next_note_tells(edge_town):
    """Two lines of one article: the first was dispatched by hand, so the next note is of the second."""
    town = edge_town
    lines = [{"sku": town.skus[0], "quantity": 1}] * 2
    order = await town.order_at("JLW", lines=lines)
    await acknowledged(town, order)
    await despatch(town, order, "JLW", lines=lines[:1], consignment_no="")
    await parked(town, "E-TRACKING-MISSING")
    await dispatch(town, order, 0)
    await accepted(town)
    await despatch(town, order, "JLW")
    await dispatched(town, order)
    assert len(await told(town, order)) == 2


@pytest.mark.requirement("RC-22")
async def test_a_despatch_before_the_acknowledgement_waits_without_troubling_anybody(edge_town):
    town = edge_town
    await town.sandbox.faults(
        {"kind": "status_503", "system": "virtualstock", "path": "/acknowledge/", "times": 2}
    )
    order = await town.order_at("ARG", town.skus[0])

    async def posted() -> bool:
        return key_of("ARG", order) in {one["customer_document_no"] for one in await town.documents()}

    await until(posted)
    await despatch(town, order)
    await dispatched(town, order)
    assert await town.pool.fetchval("SELECT count(*) FROM exception_case") == 0


@pytest.mark.requirement("RC-15")
async def test_goods_that_left_before_a_cancellation_are_told_as_dispatched(edge_town):
    town = edge_town
    order = await sell(town)
    await town.people("sage200/tunnel", up=False)
    await town.people(f"virtualstock/orders/{order['id']}/cancel-request")
    await town.people("sage200/tunnel", up=True)
    await despatch(town, order)
    await dispatched(town, order)
    assert await town.calls("POST", "/cancel_acknowledge/") == []


@pytest.mark.requirement("R-48")
async def test_a_correction_that_is_still_wrong_stays_parked_and_tells_what_is_wrong_now(depot):
    town = depot
    order = await sell(town)
    note = await despatch(town, order, consignment_no="")
    await parked(town, "E-TRACKING-MISSING")
    await town.people("sage200/correct_despatch", despatch=note["despatch_no"], consignment_no="155")
    await parked(town, "E-TRACKING-FORMAT")
    assert await town.calls("POST", "/dispatch/") == []
    await town.people("sage200/correct_despatch", despatch=note["despatch_no"], consignment_no=TRACKING)
    await dispatched(town, order)
    assert [one["tracking_number"] for one in await told(town, order)] == [TRACKING]
    assert (len(await town.calls("POST", "/dispatch/")), await town.cases()) == (1, [])
