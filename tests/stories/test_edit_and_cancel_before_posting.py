"""The shopper changes their mind while the order waits: Sage gets the last word, or nothing."""

from decimal import Decimal

import pytest

from tests.stories.town import gross, until


async def waiting(town, order) -> None:
    """Its effect is stored, and Sage is away."""

    async def there() -> bool:
        return bool(await town.states(order))

    await until(there)


async def come_back(town) -> None:
    await town.people("sage200/tunnel", up=True)


@pytest.fixture
async def away(town):
    await town.people("sage200/tunnel", up=False)
    return town


@pytest.mark.requirement("R-28")
@pytest.mark.requirement("R-33")
async def test_an_order_edited_three_times_before_it_is_posted_is_posted_once_as_it_is(away):
    town = away
    order = await town.place(town.skus[0])
    await waiting(town, order)
    for sku in town.skus[1:4]:
        edited = await town.amend(order, "edit", add=[{"sku": sku, "quantity": 1}])
    await come_back(town)
    (document,) = await town.posted(order)
    assert gross(document) == Decimal(edited["figures"]["grand_total"])
    assert len(document["lines"]) >= 4
    assert await town.cases() == []


@pytest.mark.requirement("R-34")
async def test_an_order_cancelled_before_it_is_posted_never_reaches_sage(away):
    town = away
    order = await town.place()
    await waiting(town, order)
    await town.amend(order, "cancel")
    await come_back(town)
    later = await town.place()
    await town.posted(later)
    assert (await town.documents(order), set(await town.states(order)) <= {"cancelled", "no_effect"}) == (
        [],
        True,
    )


@pytest.mark.requirement("R-34")
async def test_a_line_cancelled_before_it_is_posted_is_not_in_sage(away):
    town = away
    order = await town.place(*town.skus[:2])
    await waiting(town, order)
    edited = await town.amend(order, "cancel-lines", lines=[{"sku": town.skus[1]}])
    await come_back(town)
    (document,) = await town.posted(order)
    assert gross(document) == Decimal(edited["figures"]["grand_total"])
