"""The shop answers from a replica that lags behind: what was read after a newer state, but is older, undoes nothing."""

import json

import pytest

from tests.stories.test_edit_after_posting import document, first_line, goods, settled, sold
from tests.stories.test_strange_orders import deliver
from tests.stories.town import until

STALE = {"kind": "stale_read", "system": "centra", "path": "graphql", "times": 1}


async def told_late(town, order) -> None:
    """One more notice of a change that is known; its re-read is the one that the replica answers."""
    came, _ = await town.notices()
    await town.sandbox.faults(STALE)
    date = "2026-03-02 09:14:07.118204"
    event = {"type": "order", "action": "update", "id": order["number"], "date": date}
    answer = await town.api.post("/webhooks/centra/uk", **deliver(json.dumps({"events": [event]})))
    assert answer.status_code == 202

    async def read() -> bool:
        told, open_ = await town.notices()
        return told > came and not open_

    await until(read)
    await settled(town)
    shown = (await town.sandbox.client.get("/_sandbox/faults")).json()
    assert shown["counts"]["stale_read"] == 1


async def clock(town, **wish) -> None:
    (await town.sandbox.client.post("/_sandbox/clock", json=wish)).raise_for_status()


async def units_known(town) -> list[int]:
    """In the ledger: ordered of each line."""
    return [
        row["ordered"] for row in await town.pool.fetch("SELECT ordered FROM order_line ORDER BY line_ref")
    ]


@pytest.mark.requirement("RC-16")
async def test_an_edit_is_not_undone_by_an_older_read(town):
    one = town.skus[0]
    order = await sold(town, one)
    await clock(town, advance_seconds=2)
    await town.amend(order, "edit", lines=[{"line": first_line(order), "quantity": 3}])
    await settled(town)
    await told_late(town, order)
    assert (goods(await document(town, order)), await units_known(town)) == ({one: 3}, [3])
    assert await town.cases() == []


@pytest.mark.requirement("RC-16")
async def test_an_edit_of_the_same_second_is_not_undone_by_an_older_read(town):
    """Centra tells moments in whole seconds: nothing says which of two states is the older one, so the order is read again."""
    one = town.skus[0]
    await clock(town, scale=0.001)
    order = await sold(town, one)
    await town.amend(order, "edit", lines=[{"line": first_line(order), "quantity": 3}])
    await settled(town)
    assert goods(await document(town, order)) == {one: 3}
    await told_late(town, order)
    assert (goods(await document(town, order)), await units_known(town)) == ({one: 3}, [3])
    assert await town.cases() == []


@pytest.mark.requirement("RC-16")
async def test_a_cancelled_order_does_not_come_back_by_an_older_read(town):
    order = await sold(town)
    await clock(town, advance_seconds=2)
    await town.amend(order, "cancel")
    await settled(town)
    before = await document(town, order)
    await told_late(town, order)
    assert (await town.documents(), await town.cases()) == ([before], [])
    assert (before["lines"], before["cancelled_status"]) == ([], "Fully")
