"""The shop's own warehouse ships: Sage has the despatch, once, with courier and tracking, whatever happens on the way."""

from decimal import Decimal

import pytest

from tests.stories.town import parked, retry, until

TRACKING = "01550123456789"
SENT = {"carrier": "dpd", "tracking": TRACKING}
CONFIRM = {"system": "sage200", "path": "/sop_confirm_despatch", "method": "POST", "times": 1}


@pytest.fixture
async def shop(build_town):
    """Despatches begin in Centra."""
    pace = {"POLL_SECONDS": "0.3", "SWEEP_SECONDS": "0.5", "LOCK_SECONDS": "0.2", "LOCK_MOST_SECONDS": "0.5"}
    async with build_town(**pace, CENTRA__uk__DISPATCH_ORIGIN="channel") as town:
        yield town


async def ship(town, order, *, units: int | None = None, **wish) -> dict:
    """All that is left, or so many of the first article."""
    some = {} if units is None else {"lines": [{"sku": town.skus[0], "quantity": units}]}
    return await town.people(f"centra/orders/{order['number']}/ship", **{**SENT, **some, **wish})


async def many(town, units: int = 6) -> dict:
    """Several of one article, in Sage already."""
    order = await town.place(lines=[{"sku": town.skus[0], "quantity": units}])
    await town.posted(order)
    return order


async def at_desk(town, order, deed: str, **wish) -> dict:
    return await town.people(f"sage200/{deed}", order=f"CEN-{order['number']}", user="jsmith", **wish)


async def notes(town, order) -> list[dict]:
    """Sage's despatch notes of the order, in the order of their numbers."""
    document = (await town.documents(order))[0]
    newest = {}
    for row in await town.sandbox.history():
        for changed in row["changed"]:
            if changed["entity"] == "sage200.sop_despatch":
                newest[changed["id"]] = changed["after"]
    found = [note for note in newest.values() if note["sop_order_id"] == document["id"]]
    return sorted(found, key=lambda note: note["despatch_no"])


async def despatched(town, order) -> Decimal:
    """Units that Sage holds for gone."""
    lines = (await town.documents(order))[0]["lines"]
    return sum((Decimal(line.get("despatch_receipt_quantity", 0)) for line in lines), Decimal(0))


async def unconfirmed(town) -> int:
    return await town.pool.fetchval("SELECT count(*) FROM shipped WHERE confirmed_at IS NULL")


async def confirmed(town, order, units: int) -> None:
    async def done() -> bool:
        known = await town.pool.fetchval("SELECT count(*) FROM shipped WHERE ref = $1", str(order["number"]))
        return bool(known) and not await unconfirmed(town) and not await town.busy()

    await until(done)
    assert await despatched(town, order) == units


@pytest.mark.requirement("R-51")
async def test_a_shipment_becomes_a_despatch_in_sage(shop):
    order = await shop.place(*shop.skus[:2])
    await shop.posted(order)
    await ship(shop, order)
    await confirmed(shop, order, 2)
    (note,) = await notes(shop, order)
    assert (note["courier_name"], note["consignment_no"]) == ("DPD Local Next Day", TRACKING)
    assert note["notes"] == f"SLUICE uk {order['number']}-1"
    assert await shop.cases() == []


@pytest.mark.requirement("R-51")
@pytest.mark.requirement("RC-24")
@pytest.mark.parametrize("tracked", [True, False])
@pytest.mark.parametrize("fault", ["commit_then_drop", "drop_then_commit", "drop", "status_500_html"])
async def test_a_despatch_without_an_answer_is_made_once(shop, fault, tracked):
    """Half of the order, so that a repeat would find the other half to despatch; told over and over meanwhile."""
    await shop.sandbox.switch(sage200__record_tracking_on_despatch=tracked)
    order = await many(shop)
    await shop.sandbox.faults({**CONFIRM, "kind": fault, "seconds": 0.8})
    await ship(shop, order, units=3)
    for comment in ("one", "two", "three"):
        await shop.people(f"centra/orders/{order['number']}/edit", comment=comment)
    await confirmed(shop, order, 3)
    assert len(await notes(shop, order)) == 1
    assert await shop.cases() == []


@pytest.mark.requirement("RC-22")
async def test_a_shipment_before_the_sales_order_waits_without_troubling_anybody(shop):
    await shop.people("sage200/tunnel", up=False)
    order = await shop.place(*shop.skus[:2])
    await ship(shop, order)

    async def waits() -> bool:
        return await unconfirmed(shop) == 1

    await until(waits)
    await shop.people("sage200/tunnel", up=True)
    await confirmed(shop, order, 2)
    assert await shop.pool.fetchval("SELECT count(*) FROM exception_case") == 0


@pytest.mark.requirement("R-51")
async def test_a_part_whose_notices_are_all_lost_is_found_by_looking(shop):
    """Neither webhook nor queue tell, and the order's own stamp does not move."""
    await shop.sandbox.switch(centra__shipment_moves_order=False, centra__events_enabled=False)
    order = await many(shop)
    await shop.sandbox.faults({"kind": "lose", "system": "centra", "path": "webhook"})
    await ship(shop, order, units=2)
    await confirmed(shop, order, 2)


@pytest.mark.requirement("R-51")
@pytest.mark.parametrize("names", ["shipment", "order"])
async def test_a_notice_of_a_shipment_leads_to_its_order(build_town, names):
    async with build_town(CENTRA__uk__DISPATCH_ORIGIN="channel") as town:
        await town.sandbox.switch(centra__shipment_moves_order=False, centra__shipment_webhook_id=names)
        order = await many(town)
        (plugin,) = [row["changed"][0]["after"] for row in await town.calls("POST", "/centra/plugins")]
        answer = await town.sandbox.client.patch(
            f"/_sandbox/people/centra/plugins/{plugin['id']}", json={"triggers": ["shipment"]}
        )
        assert answer.is_success, answer.text
        await ship(town, order, units=2)
        await confirmed(town, order, 2)


@pytest.mark.requirement("RC-26")
async def test_a_line_that_is_cancelled_behind_a_lock_is_not_despatched(shop):
    order = await shop.place(*shop.skus[:2])
    await shop.posted(order)
    await at_desk(shop, order, "lock")
    await ship(shop, order)

    async def waits() -> bool:
        return bool(
            await shop.pool.fetchval("SELECT count(*) FROM message_state WHERE locked_since IS NOT NULL")
        )

    await until(waits)
    await at_desk(shop, order, "cancel_line", sku=shop.skus[1])
    await at_desk(shop, order, "unlock")
    await parked(shop, "E-LINE-UNKNOWN")
    assert (await despatched(shop, order), await unconfirmed(shop)) == (0, 1)


@pytest.mark.requirement("R-55")
@pytest.mark.requirement("RC-28")
async def test_shipments_behind_a_lock_go_once_and_in_their_order_when_it_is_gone(shop):
    order, other = await many(shop), await many(shop)
    await at_desk(shop, order, "lock")
    for units in (1, 2, 3):
        await ship(shop, order, units=units)

    async def waits() -> bool:
        return await unconfirmed(shop) == 3

    await until(waits)
    await ship(shop, other, units=1)
    await until(lambda: _has(shop, other))
    assert await despatched(shop, order) == 0
    await at_desk(shop, order, "unlock")
    await confirmed(shop, order, 6)
    numbers = [f"SLUICE uk {order['number']}-{place}" for place in (1, 2, 3)]
    assert [note["notes"] for note in await notes(shop, order)] == numbers
    assert await shop.pool.fetchval("SELECT count(*) FROM exception_case") == 0


@pytest.mark.requirement("RC-28")
async def test_an_edit_and_a_shipment_behind_a_lock_are_made_in_the_order_in_which_they_came(shop):
    """The other way round, the address of goods that left would be a person's."""
    order = await many(shop)
    await at_desk(shop, order, "lock")
    await shop.amend(order, "edit", address={"city": "York"})
    await ship(shop, order)

    async def both_wait() -> bool:
        waiting = "SELECT count(*) FROM message_state WHERE kind LIKE 'sage200.%' AND order_ref = $1"
        return await shop.pool.fetchval(waiting, str(order["number"])) == 2

    await until(both_wait)
    assert await despatched(shop, order) == 0
    await at_desk(shop, order, "unlock")
    await confirmed(shop, order, 6)
    (document,) = await shop.documents(order)
    assert document["delivery_address"]["city"] == "York"
    assert await shop.pool.fetchval("SELECT count(*) FROM exception_case") == 0


async def _has(town, order) -> bool:
    return bool(await despatched(town, order))


@pytest.mark.requirement("RC-24")
async def test_a_sage_that_waits_for_the_lock_without_a_word_despatches_once(shop):
    """Nobody is told of a lock then: each try ends without an answer, is a question, and is answered by looking."""
    await shop.sandbox.switch(sage200__despatch_of_locked="wait", server_timeout_seconds=1)
    order = await many(shop)
    await at_desk(shop, order, "lock")
    await ship(shop, order, units=3)

    async def tried() -> bool:
        return len(await shop.calls("POST", "/sop_confirm_despatch")) >= 2

    await until(tried)
    await at_desk(shop, order, "unlock")
    await confirmed(shop, order, 3)
    assert (len(await notes(shop, order)), await shop.cases()) == (1, [])


@pytest.mark.requirement("R-53")
async def test_one_bad_shipment_stops_nobody_else(shop):
    orders = [await many(shop) for _ in range(4)]
    await ship(shop, orders[0], units=1, carrier="acme")
    for order in orders[1:]:
        await ship(shop, order, units=1)

    async def the_others_left() -> bool:
        return [await despatched(shop, order) for order in orders] == [0, 1, 1, 1] and await _alone(shop)

    await until(the_others_left)
    await shop.map("carriers", {"connection": "*", "courier": "Royal Mail Tracked 48", "carrier": "acme"})
    await confirmed(shop, orders[0], 1)
    assert [note["courier_name"] for note in await notes(shop, orders[0])] == ["Royal Mail Tracked 48"]


async def _alone(town) -> bool:
    return await unconfirmed(town) == 1 and await town.cases() == ["E-CARRIER-UNMAPPED"]


@pytest.mark.requirement("R-51")
async def test_more_than_is_outstanding_is_never_despatched(shop):
    """A retry says that it was done by hand, and Sage must show so."""
    order = await many(shop)
    last = (await shop.documents(order))[0]["lines"][-1]["id"]
    await at_desk(shop, order, "despatch", lines=[{"line": last, "quantity": 4}])
    await ship(shop, order, units=3)
    await parked(shop, "E-QTY")
    assert await despatched(shop, order) == 4
    await retry(shop)
    await confirmed(shop, order, 4)
    assert len(await shop.calls("POST", "/sop_confirm_despatch")) == 0
    assert await shop.cases() == []


async def test_where_despatches_begin_in_sage_the_shops_own_are_not_confirmed(build_town):
    async with build_town(POLL_SECONDS="0.3", SWEEP_SECONDS="0.5") as town:
        order = await many(town)
        await ship(town, order)
        await town.heard(2)
        assert (await despatched(town, order), await town.calls("POST", "/sop_confirm_despatch")) == (0, [])


@pytest.mark.requirement("R-56")
async def test_a_long_lock_is_flagged_once_and_ends_by_itself(build_town):
    pace = {"LOCK_SECONDS": "0.1", "LOCK_MOST_SECONDS": "0.2", "LOCK_PATIENCE_SECONDS": "1"}
    pace |= {"LOCK_SLOW_SECONDS": "0.3", "POLL_SECONDS": "0.3"}
    async with build_town(**pace, CENTRA__uk__DISPATCH_ORIGIN="channel") as town:
        order = await many(town)
        document = (await town.documents(order))[0]["document_no"]
        await at_desk(town, order, "lock")
        await ship(town, order, units=2)
        await parked(town, "E-LOCKED")
        refused = len(await town.calls("POST", "/sop_confirm_despatch"))

        async def went_on() -> bool:
            return len(await town.calls("POST", "/sop_confirm_despatch")) >= refused + 3

        await until(went_on)
        rows = await town.pool.fetch("SELECT violations, owner FROM exception_case")
        told = rows[0]["violations"][0]["value"]
        assert (len(rows), rows[0]["owner"], document in told, "jsmith" in told) == (
            1,
            "operations",
            True,
            True,
        )
        await at_desk(town, order, "unlock")
        await confirmed(town, order, 2)
        assert await town.cases() == []
