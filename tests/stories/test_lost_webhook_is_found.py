"""Webhooks get lost, forged and late; the queue and the sweep find what they should have told (R-23)."""

import hashlib
import hmac
import time

import pytest

from tests.stories.town import SECRET, until


@pytest.mark.requirement("R-23")
async def test_an_order_whose_webhook_was_lost_is_found(build_town):
    async with build_town(POLL_SECONDS="0.5", SWEEP_SECONDS="1") as town:
        await town.sandbox.faults({"kind": "lose", "system": "centra", "path": "webhook"})
        orders = [await town.place(town.skus[n]) for n in range(3)]

        async def found() -> bool:
            return len(await town.documents()) == 3

        await until(found)
        assert [len(await town.documents(order)) for order in orders] == [1, 1, 1]


@pytest.mark.requirement("R-23")
async def test_the_sweep_alone_finds_an_order(build_town):
    async with build_town(SWEEP_SECONDS="0.7", CENTRA__uk__EVENTS_ENABLED="false", POLL_SECONDS="1") as town:
        await town.sandbox.faults({"kind": "lose", "system": "centra", "path": "webhook"})
        order = await town.place()
        await town.posted(order)
        ways = await town.pool.fetch("SELECT key FROM message WHERE cls = 'notice'")
        assert ways
        assert not [row for row in ways if "webhook" in row["key"]]


@pytest.mark.requirement("R-23")
async def test_the_queue_alone_finds_an_order_and_is_emptied_once_it_is_stored(build_town):
    async with build_town(POLL_SECONDS="0.3") as town:
        await town.sandbox.faults({"kind": "lose", "system": "centra", "path": "webhook"})
        order = await town.place()
        await town.posted(order)
        keys = [row["key"] for row in await town.pool.fetch("SELECT key FROM message WHERE cls = 'notice'")]
        assert len(keys) == 1

        async def confirmed() -> bool:
            return await town.pool.fetchval("SELECT count(*) FROM receipt WHERE kind = 'centra.confirm'") == 1

        await until(confirmed)


@pytest.mark.requirement("R-85")
@pytest.mark.parametrize("age", [0, 400])
async def test_a_forged_or_stale_webhook_leaves_nothing(town, age):
    body = b"payload=%7B%22events%22%3A%5B%5D%7D"
    moment = str(int(time.time()) - age)
    secret = SECRET if age else "somebody else's"
    mac = hmac.new(secret.encode(), moment.encode() + b"." + body, hashlib.sha256).hexdigest()
    answer = await town.api.post(
        "/webhooks/centra/uk",
        content=body,
        headers={
            "x-centra-signature": f"t={moment},v1={mac}",
            "content-type": "application/x-www-form-urlencoded",
        },
    )
    assert answer.status_code == 401
    assert await town.pool.fetchval("SELECT count(*) FROM message WHERE cls = 'notice'") == 0
