"""A value that nobody mapped parks the order at once; the row that was missing lets go all that waited for it."""

import pytest

from app.domain.rules import Mappings
from app.ledger import outstanding


async def forget(town, sku: str) -> str:
    """Sage calls this article something else now; the shop does not know."""
    await town.people("sage200/change_product", product=sku, code=f"OLD-{sku[:12]}", barcode="")
    return sku


@pytest.mark.requirement("R-17")
async def test_an_unknown_sku_parks_and_an_alias_lets_all_go_in_order(town):
    known, new, odd = town.skus[0], await forget(town, town.skus[1]), await forget(town, town.skus[2])
    orders = [await town.place(new) for _ in range(5)]
    other = await town.place(odd)
    await town.heard(6)
    assert (await town.documents(), await town.cases()) == ([], ["E-SKU-UNKNOWN"] * 6)
    opened = await town.pool.fetchval(
        "SELECT max(opened_at - m.received_at) FROM exception_case JOIN message AS m ON m.id = message_id"
    )
    assert opened.total_seconds() < 60
    await town.map("sku_aliases", {"connection": "uk", "alias": new, "code": known})
    await town.posted(orders[-1])
    assert [document["customer_document_no"] for document in await town.documents()] == [
        f"CEN-{order['number']}" for order in orders
    ]
    assert (await town.documents(other), await town.cases()) == ([], ["E-SKU-UNKNOWN"])


@pytest.mark.requirement("R-30")
async def test_all_problems_of_an_order_are_one_case(town):
    await town.plug(store=5)
    skus = [await forget(town, sku) for sku in town.skus[:2]]
    await town.place(*skus, store=5, tax="added", country="US")
    await town.heard()
    (case,) = (await town.api.get("/api/v1/exceptions", headers=await town.headers())).json()["items"]
    codes = [violation["code"] for violation in case["violations"]]
    assert codes.count("E-SKU-UNKNOWN") == 2
    assert "E-CUST-UNMAPPED" in codes or "E-CCY-UNMAPPED" in codes


@pytest.mark.requirement("R-31")
async def test_an_order_in_an_unmapped_currency_lands_on_no_other_account(town):
    await town.plug(store=5)
    order = await town.place(store=5, tax="added", country="US")
    await town.heard()
    assert (await town.documents(), (await town.cases())[0]) == ([], "E-CCY-UNMAPPED")
    assert await town.states(order) == ["parked"]


@pytest.mark.requirement("R-17")
async def test_a_parked_order_holds_no_other_back_and_stays_reserved(town):
    sku, new = town.skus[0], await forget(town, town.skus[1])
    parked = await town.place(sku, new)
    passing = await town.place(sku)
    await town.posted(passing)
    assert (await town.documents(parked), await town.states(parked)) == ([], ["parked"])
    (row,) = await outstanding.read(town.pool, sku, Mappings())
    assert (row.connection, row.ref, row.units) == ("uk", str(parked["number"]), 1)


@pytest.mark.requirement("R-61")
async def test_a_rate_without_a_tax_code_is_never_posted_under_another(town):
    order = await town.place(lines=[{"sku": town.skus[0], "quantity": 1, "tax_percent": "5"}])
    await town.heard()
    assert (await town.documents(), "E-VAT-MISMATCH" in await town.cases()) == ([], True)
    row = {"ship_from": "GB", "ship_to": "UK", "rate": "5", "code": "3"}
    done = await town.map("tax_codes", row)
    assert done
    await town.heard()
    assert len(await town.states(order)) == 1
