"""The shopper changes their mind after the order is in the books: Sage follows, under its lock, merged with what people did
there; what has left the warehouse is a person's.
"""

from decimal import Decimal

import pytest

from tests.stories.town import gross, retry, until


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


def key_of(order: dict) -> str:
    return f"CEN-{order['number']}"


async def sold(town, *skus: str, quantity: int = 1) -> dict:
    """Posted, with so many of each."""
    order = await town.place(lines=[{"sku": sku, "quantity": quantity} for sku in skus or town.skus[:2]])
    await town.posted(order)
    return order


async def despatch(town, order, sku: str) -> None:
    """The gateway does not hear of it by itself for a while."""
    await town.people("sage200/despatch", order=key_of(order), lines=[{"sku": sku, "quantity": 1}])


async def case(town) -> dict:
    return await town.pool.fetchrow(
        "SELECT id, code, violations -> 0 ->> 'field' AS field, violations -> 0 ->> 'value' AS value"
        " FROM exception_case WHERE closed_at IS NULL"
    )


@pytest.mark.requirement("RC-17")
async def test_an_address_that_changes_while_nobody_knows_whether_sage_has_the_order_changes_in_sage(
    build_town,
):
    """What Sage was told is known from when it was sent."""
    async with build_town(PROBE_SECONDS="2", QUARANTINE_SECONDS="8") as town:
        create = {"system": "sage200", "method": "POST", "path": "/sop_orders"}
        await town.sandbox.faults({**create, "kind": "commit_then_drop", "times": 1})
        order = await town.place(town.skus[0])

        async def doubtful() -> bool:
            return "in_doubt" in await town.states(order)

        await until(doubtful)
        await town.amend(order, "edit", address={"city": "York"})
        assert "in_doubt" in await town.states(order)
        await settled(town)
        found = await document(town, order)
        assert (found["delivery_address"]["city"], await town.cases()) == ("York", [])


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


@pytest.mark.requirement("R-33")
@pytest.mark.parametrize(("before", "after"), [(1, 3), (3, 1), (2, 0)])
async def test_a_quantity_that_changes_changes_in_sage_with_its_allocation(town, before, after):
    one, two = town.skus[:2]
    order = await sold(town, one, two, quantity=before)
    line = first_line(order)
    edited = await town.amend(order, "edit", lines=[{"line": line, "quantity": after}])
    await settled(town)
    found = await document(town, order)
    assert goods(found) == {sku: units for sku, units in ((one, after), (two, before)) if units}
    assert gross(found) == Decimal(edited["figures"]["grand_total"])
    held = [Decimal(line.get("allocated_quantity", 0)) for line in found["lines"]]
    assert (sum(held), await town.cases()) == (after + before, [])


@pytest.mark.requirement("R-33")
async def test_an_address_that_changes_changes_in_sage(town):
    order = await sold(town)
    address = {"address1": "9 Castle Street", "address2": "", "city": "York", "zipCode": "YO1 7EP"}
    await town.amend(order, "edit", address=address)
    await settled(town)
    found = (await document(town, order))["delivery_address"]
    assert (found["address_1"], found["city"], found["postcode"]) == ("9 Castle Street", "York", "YO1 7EP")
    assert await town.cases() == []


@pytest.mark.requirement("R-33")
async def test_after_a_despatch_a_line_is_added_and_what_left_stays(town):
    one, two, three = town.skus[:3]
    order = await sold(town, one, two)
    await despatch(town, order, one)
    await town.amend(order, "edit", add=[{"sku": three, "quantity": 1}])
    await settled(town)
    found = await document(town, order)
    assert (goods(found), await town.cases()) == ({one: 1, two: 1, three: 1}, [])
    assert Decimal(found["lines"][0]["despatch_receipt_quantity"]) == 1


@pytest.mark.requirement("R-33")
async def test_after_a_despatch_a_line_that_did_not_leave_changes(town):
    one, two = town.skus[:2]
    order = await sold(town, one, two)
    await despatch(town, order, one)
    await town.amend(order, "edit", lines=[{"line": order["lines"][1]["id"], "quantity": 2}])
    await settled(town)
    assert (goods(await document(town, order)), await town.cases()) == ({one: 1, two: 2}, [])


@pytest.mark.requirement("R-33")
async def test_after_a_despatch_what_it_touches_waits_for_a_person(town):
    one = town.skus[0]
    order = await sold(town, one)
    await despatch(town, order, one)
    before = await document(town, order)
    await town.amend(order, "edit", address={"city": "York"})
    await settled(town)
    found = await case(town)
    assert (found["code"], found["field"]) == ("E-EDIT-AFTER-DESPATCH", "delivery_address")
    await town.amend(order, "edit", lines=[{"line": first_line(order), "quantity": 2}])
    await settled(town)
    assert set(await town.cases()) == {"E-EDIT-AFTER-DESPATCH"}
    assert await document(town, order) == before


async def test_an_edit_that_is_taken_back_closes_its_case_by_itself(town):
    one = town.skus[0]
    order = await sold(town, one)
    await despatch(town, order, one)
    await town.amend(order, "edit", address={"city": "York"})
    await settled(town)
    assert await town.cases() == ["E-EDIT-AFTER-DESPATCH"]
    await town.amend(order, "edit", address={"city": "Leeds"})
    await settled(town)
    assert await town.cases() == []


@pytest.mark.requirement("RC-17")
async def test_what_people_changed_in_sage_survives_an_edit_of_something_else(town):
    one, two = town.skus[:2]
    order = await sold(town, one, two)
    await town.people("sage200/change_quantity", order=key_of(order), sku=two, quantity=5)
    await town.people("sage200/change_address", order=key_of(order), address={"contact": "the porter"})
    await town.amend(
        order, "edit", lines=[{"line": first_line(order), "quantity": 3}], address={"city": "York"}
    )
    await settled(town)
    found = await document(town, order)
    assert goods(found) == {one: 3, two: 5}
    assert (found["delivery_address"]["city"], found["delivery_address"]["contact"]) == ("York", "the porter")
    assert await town.cases() == ["E-TOTAL-MISMATCH"]  # finance sees that the two differ


@pytest.mark.requirement("RC-17")
async def test_what_both_changed_waits_for_a_person_with_both_values(town):
    one, two = town.skus[:2]
    order = await sold(town, one, two)
    await town.people("sage200/change_quantity", order=key_of(order), sku=one, quantity=5)
    await town.amend(order, "edit", lines=[{"line": first_line(order), "quantity": 3}])
    await settled(town)
    found = await case(town)
    assert (found["code"], found["value"]) == ("E-EDIT-CONFLICT", "5 in the ERP, 3 in the channel")
    assert goods(await document(town, order)) == {one: 5, two: 1}
    await town.people("sage200/change_quantity", order=key_of(order), sku=one, quantity=3)
    await retry(town, found["id"])
    await settled(town)
    assert goods(await document(town, order)) == {one: 3, two: 1}
    assert set(await town.cases()) <= {"E-TOTAL-MISMATCH"}  # three at one price may be a penny off


@pytest.mark.requirement("RC-17")
async def test_what_people_do_while_they_hold_the_order_is_read_before_it_is_written(town):
    one, two = town.skus[:2]
    order = await sold(town, one, two)
    await town.people("sage200/lock", order=key_of(order), user="mary")
    await town.amend(order, "edit", lines=[{"line": first_line(order), "quantity": 3}])

    async def met() -> bool:
        return bool([row for row in await town.calls("GET", "/sop_orders/") if row["status"] == 400])

    await until(met)
    await town.people("sage200/cancel_line", order=key_of(order), sku=two, user="mary")
    await town.people("sage200/unlock", order=key_of(order))
    await town.pool.execute("UPDATE message_state SET due_at = now() WHERE state <> 'parked'")

    async def there() -> bool:
        return goods(await document(town, order)) == {one: 3}

    await until(there)
    await settled(town)


@pytest.mark.requirement("R-33")
async def test_a_change_that_sage_saved_half_is_finished_and_not_doubled(town):
    """The second line is open at somebody's desk: the first is saved, the rest follows."""
    one, two, three = town.skus[:3]
    order = await sold(town, one, two)
    await town.people("sage200/lock", product=three, user="mary")
    lines = [{"line": first_line(order), "quantity": 3}]
    await town.amend(order, "edit", lines=lines, add=[{"sku": three, "quantity": 1}])

    async def half() -> bool:
        return goods(await document(town, order)) == {one: 3, two: 1}

    await until(half)
    await town.people("sage200/unlock", product=three)
    await town.pool.execute("UPDATE message_state SET due_at = now() WHERE state <> 'parked'")

    async def whole() -> bool:
        return goods(await document(town, order)) == {one: 3, two: 1, three: 1}

    await until(whole)
    await settled(town)
    assert (await town.cases(), await locks(town)) == ([], [])


@pytest.mark.requirement("R-33")
@pytest.mark.parametrize("fault", ["commit_then_drop", "drop_then_commit", "status_503", "status_504"])
async def test_a_change_whose_answer_is_lost_is_made_once(town, fault):
    one, two = town.skus[:2]
    order = await sold(town, one)
    change = {"system": "sage200", "method": "PUT", "path": "/sop_orders/", "times": 1}
    await town.sandbox.faults({**change, "kind": fault, "seconds": 0.5})
    await town.amend(order, "edit", add=[{"sku": two, "quantity": 2}])
    await settled(town)
    assert (goods(await document(town, order)), await town.cases()) == ({one: 1, two: 2}, [])
    assert await locks(town) == []


async def locks(town) -> list[str]:
    """On orders, in Sage, now."""
    held: dict[str, dict | None] = {}
    for row in await town.sandbox.history():
        for changed in row["changed"]:
            if changed["entity"] == "sage200.lock":
                held[changed["id"]] = changed["after"]
    return [name for name, one in held.items() if one]


@pytest.mark.requirement("R-58")
async def test_a_lock_that_a_killed_worker_left_behind_is_released(town):
    order = await sold(town)
    number = (await document(town, order))["id"]
    client = town.worker.erp.change.__self__._client
    lock = (await client.lock(f"sop_orders/{number}"))["lock_id"]
    assert await locks(town) != []
    await town.pool.execute(
        "INSERT INTO erp_lock (erp, document_id, lock_id, worker, taken_at)"
        " VALUES ($1, $2, $3, 'killed', now() - interval '1 minute')",
        town.worker.erp.destination,
        number,
        lock,
    )

    async def released() -> bool:
        return await town.pool.fetchval("SELECT count(*) FROM erp_lock") == 0

    await until(released)
    assert await locks(town) == []
    await town.people("sage200/change_quantity", order=key_of(order), sku=town.skus[0], quantity=2)


@pytest.mark.requirement("R-58")
async def test_the_next_try_at_an_order_releases_what_the_last_one_held(town):
    one = town.skus[0]
    order = await sold(town, one)
    number = (await document(town, order))["id"]
    lock = (await town.worker.erp.change.__self__._client.lock(f"sop_orders/{number}"))["lock_id"]
    await town.pool.execute(
        "INSERT INTO erp_lock (erp, document_id, lock_id, worker) VALUES ($1, $2, $3, 'killed')",
        town.worker.erp.destination,
        number,
        lock,
    )
    await town.amend(order, "edit", lines=[{"line": first_line(order), "quantity": 3}])
    await settled(town)
    assert (goods(await document(town, order)), await locks(town)) == ({one: 3}, [])
