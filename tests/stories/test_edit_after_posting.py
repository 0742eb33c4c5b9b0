"""The shopper changes their mind after the order is in the books: Sage follows, under its lock, merged with what people did
there; what has left the warehouse is a person's.
"""

from decimal import Decimal

import pytest

from tests.stories.town import gross, until


async def settled(town) -> None:
    async def done() -> bool:
        return not await town.busy()

    await until(done)


async def document(town, order) -> dict:
    """The one sales order, as it stands now."""
    (found,) = await town.documents(order)
    return found


def goods(document: dict) -> dict[str, Decimal]:
    units: dict[str, Decimal] = {}
    for line in document["lines"]:
        if line["line_type"] == "EnumLineTypeStandard":
            units[line["code"]] = units.get(line["code"], Decimal(0)) + Decimal(line["line_quantity"])
    return units


def first_line(order: dict) -> str:
    return order["lines"][0]["id"]


@pytest.mark.requirement("R-28")
@pytest.mark.requirement("R-33")
async def test_a_line_that_is_added_is_in_sage(town):
    one, two = town.skus[:2]
    order = await town.place(one)
    await town.posted(order)
    edited = await town.amend(order, "edit", add=[{"sku": two, "quantity": 2}])
    await settled(town)
    after = await document(town, order)
    assert goods(after) == {one: 1, two: 2}
    assert gross(after) == Decimal(edited["figures"]["grand_total"])
    assert await town.cases() == []
