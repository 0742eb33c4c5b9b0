"""Orders that were posted before the gateway kept what it told Sage of them: their edits write over nobody."""

import pytest

from tests.stories.test_edit_after_posting import document, first_line, goods, key_of, settled, sold
from tests.stories.town import retry


async def sold_long_ago(town, *skus: str) -> dict:
    """Two of each; nothing says any more what Sage was told."""
    order = await sold(town, *skus, quantity=2)
    await town.pool.execute("UPDATE binding SET applied = NULL")
    return order


async def told(town) -> list[tuple[str, str]]:
    """What the open case says."""
    rows = await town.pool.fetch("SELECT violations FROM exception_case WHERE closed_at IS NULL")
    return [(one["code"], one["field"]) for row in rows for one in row["violations"]]


@pytest.mark.requirement("RC-17")
@pytest.mark.requirement("R-33")
async def test_an_address_that_people_changed_in_sage_is_not_written_over(town):
    one = town.skus[0]
    order = await sold_long_ago(town, one)
    await town.people("sage200/change_address", order=key_of(order), address={"contact": "the porter"})
    await town.amend(order, "edit", lines=[{"line": first_line(order), "quantity": 3}])
    await settled(town)
    found = await document(town, order)
    assert await told(town) == [("E-EDIT-CONFLICT", "delivery_address.contact")]
    assert (goods(found), found["delivery_address"]["contact"]) == ({one: 2}, "the porter")
    await town.people("sage200/change_address", order=key_of(order), address={"contact": "Ada Marsh"})
    await retry(town)
    await settled(town)
    assert goods(await document(town, order)) == {one: 3}


@pytest.mark.requirement("R-33")
async def test_what_nobody_touched_is_edited_as_ever(town):
    one, two = town.skus[:2]
    order = await sold_long_ago(town, one, two)
    lines = [{"line": first_line(order), "quantity": 3}]
    await town.amend(order, "edit", lines=lines, add=[{"sku": town.skus[2], "quantity": 1}])
    await settled(town)
    assert goods(await document(town, order)) == {one: 3, two: 2, town.skus[2]: 1}
    assert set(await town.cases()) <= {"E-TOTAL-MISMATCH"}


@pytest.mark.requirement("R-33")
async def test_a_notice_that_changes_nothing_troubles_nobody(town):
    order = await sold_long_ago(town)
    await town.people("sage200/change_address", order=key_of(order), address={"contact": "the porter"})
    before = await document(town, order)
    await town.amend(order, "edit", internal_comment="patience")
    await town.amend(order, "hold")
    await town.amend(order, "release")
    await settled(town)
    assert (await document(town, order), await town.cases()) == (before, [])
