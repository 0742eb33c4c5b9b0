"""Centra's staff hold an order that is in the books: people in Sage hear of it, and of its end; edits go on being followed."""

import pytest

from tests.stories.test_edit_after_posting import document, goods, settled, sold


@pytest.mark.requirement("R-32")
async def test_a_hold_after_posting_is_a_flag_that_ends_with_it(town):
    order = await sold(town)
    number = (await document(town, order))["document_no"]
    await town.amend(order, "hold", reason="WAITING_FOR_FRAUD_CHECK")
    await settled(town)
    row = await town.pool.fetchrow(
        "SELECT flag, owner, violations FROM exception_case WHERE closed_at IS NULL"
    )
    told = row["violations"][0]
    assert (row["flag"], row["owner"], told["code"]) == (True, "operations", "E-HELD-AFTER-POST")
    assert told["value"] == f"{number}: WAITING_FOR_FRAUD_CHECK"
    await town.amend(order, "edit", comment="patience")
    assert await town.cases() == ["E-HELD-AFTER-POST"]
    await town.amend(order, "release")
    await settled(town)
    assert await town.cases() == []


@pytest.mark.requirement("R-33")
async def test_an_edit_of_a_held_order_reaches_sage(town):
    one, two = town.skus[:2]
    order = await sold(town, one)
    await town.amend(order, "hold")
    await town.amend(order, "edit", add=[{"sku": two, "quantity": 1}])
    await settled(town)
    assert goods(await document(town, order)) == {one: 1, two: 1}


async def test_an_order_that_was_sent_on_its_way_is_no_held_one(town):
    order = await sold(town)
    await town.amend(order, "advance", status="SHIPPED")
    await settled(town)
    assert "E-HELD-AFTER-POST" not in await town.cases()
