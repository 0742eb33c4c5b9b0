"""A clerk enters in Sage what cannot be posted, and says so: from then on it is an order like any other."""

import pytest

from tests.stories.test_despatch_reaches_the_retailer import GOOD, dispatched
from tests.stories.test_retailers_order_is_acknowledged import acknowledged
from tests.stories.town import parked


async def entered(town, sku: str) -> dict:
    """Typed in at a desk, under the code that the clerk knows."""
    lines = [{"sku": sku, "quantity": 1}]
    return await town.people("sage200/phone_order", customer="ARGOSY", lines=lines)


async def said(town, number: str) -> dict:
    """The case is accepted as posted by hand."""
    case = await town.pool.fetchval("SELECT id FROM exception_case WHERE closed_at IS NULL")
    url, headers = f"/api/v1/exceptions/{case}", await town.headers()
    etag = (await town.api.get(url, headers=headers)).headers["etag"]
    body = {"reason": "entered at the desk", "document": number}
    answer = await town.api.post(f"{url}/accept", json=body, headers={**headers, "If-Match": etag})
    assert answer.is_success, answer.text
    return answer.json()


@pytest.mark.requirement("R-56")
@pytest.mark.requirement("R-38")
async def test_an_order_posted_by_hand_is_proven_acknowledged_and_dispatched(edge_town):
    town = edge_town
    order = await town.order_at("ARG", "GONE-0001")
    await parked(town, "E-SKU-UNKNOWN")
    document = await entered(town, town.skus[0])
    await town.people("sage200/despatch", order=document["document_no"], **GOOD)
    await said(town, document["document_no"])
    await dispatched(town, order)
    (line,) = (await town.at_edge(order))["lines"]
    assert [one["action"] for one in line["sent"]] == ["acknowledge", "dispatch"]
    assert len(await town.documents()) == 1


@pytest.mark.requirement("R-56")
async def test_a_number_that_sage_does_not_have_proves_nothing(edge_town):
    town = edge_town
    order = await town.order_at("ARG", "GONE-0001")
    await parked(town, "E-SKU-UNKNOWN")
    await said(town, "0000009999")
    await parked(town, "E-DOCUMENT-UNKNOWN")
    assert [line["status"] for line in (await town.at_edge(order))["lines"]] == ["ORDER"]
    await said(town, (await entered(town, town.skus[0]))["document_no"])
    await acknowledged(town, order)
    assert await town.cases() == ["E-TOTAL-MISMATCH"]  # a flag: Sage's own price
