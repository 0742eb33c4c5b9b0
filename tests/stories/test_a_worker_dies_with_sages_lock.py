"""A worker is killed while it holds our own lock on a sales order: the next one gives it back, and the edit is made once."""

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.chaos.crashes import REWRITE
from tests.chaos.nursery import open_nursery
from tests.chaos.premises import Premises, open_premises, until
from tests.chaos.wires import Side, Step
from tests.stories.test_edit_after_posting import goods
from tests.stories.town import ADDRESS, SAGE_ORDER

QUICK = {
    "LEASE_SECONDS": "3",
    "PROBE_SECONDS": "0.2",
    "QUARANTINE_SECONDS": "1.5",
    "SAGE200__TIMEOUT_SECONDS": "1.5",
    "SAGE200__LOCK_SECONDS": "1.5",
}


@pytest.fixture
async def premises(tmp_path: Path, database_url: str, redis_url: str) -> AsyncIterator[Premises]:
    async with (
        open_nursery() as nursery,
        open_premises(tmp_path / "premises", nursery, (database_url, redis_url)) as found,
    ):
        await found.sandbox.switch(sage200__api_lock_seconds=600)  # it does not run out by itself
        found.envs["worker"] |= {f"SLUICE_{name}": value for name, value in QUICK.items()}
        yield found


def locks(premises: Premises) -> list[dict]:
    """In Sage, now."""
    return premises.sandbox.world.store.read().all("sage200.lock")


async def remembered(premises: Premises) -> int:
    """Locks that the gateway believes to hold, with their number."""
    return await premises.pool.fetchval("SELECT count(*) FROM erp_lock WHERE lock_id IS NOT NULL")


async def writes(premises: Premises) -> int:
    """Changes of a sales order's lines since it was made."""
    orders = (
        one
        for row in await premises.sandbox.history()
        for one in row["changed"]
        if one["entity"] == SAGE_ORDER
    )
    return sum(bool(one["before"]) and one["before"]["lines"] != one["after"]["lines"] for one in orders)


@pytest.mark.requirement("R-58")
async def test_the_next_worker_gives_the_lock_back_and_makes_the_edit_once(premises: Premises) -> None:
    one, two = premises.skus[:2]
    await premises.open()
    order = await premises.person("centra/orders", lines=[{"sku": one, "quantity": 1}], address=ADDRESS)
    premises.expect(order)
    await premises.settled()
    premises.doom.arm(Step("worker-http", REWRITE), Side.BEFORE)
    edited = await premises.person(f"centra/orders/{order['number']}/edit", add=[{"sku": two, "quantity": 2}])
    await premises.fallen("worker")
    assert (len(locks(premises)), await remembered(premises), await writes(premises)) == (1, 1, 0)

    await premises.start("worker")

    async def open_again() -> bool:
        return locks(premises) == []

    await until(open_again, "the lock is given back", often=0.02)
    (document,) = premises.documents()
    assert (goods(document), await writes(premises)) == ({one: 1}, 0)
    key = document["customer_document_no"]
    await premises.person("sage200/change_address", order=key, address={"contact": "the porter"})

    async def written() -> bool:
        return goods(premises.documents()[0]) == {one: 1, two: 2}

    await until(written, "the edit is in Sage")
    await premises.settled()
    (document,) = premises.documents()
    assert Decimal(document["total_gross_value"]) == Decimal(edited["figures"]["grand_total"])
    assert (document["delivery_address"]["contact"], await writes(premises)) == ("the porter", 1)
    assert (locks(premises), await premises.pool.fetchval("SELECT count(*) FROM erp_lock")) == ([], 0)
