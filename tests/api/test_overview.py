"""What stands still, who is reachable, who did what."""

from datetime import timedelta

from app.domain.message import MessageClass
from app.outbox import browse
from tests.api.conftest import NOW
from tests.api.test_messages import draft, put

EFFECT = {"cls": MessageClass.EFFECT, "kind": "sage200.sales_order.place", "destination": "sage200:main"}


async def get(shop, path, *scopes):
    headers = await shop.key(*(scopes or ["messages:read"]))
    return (await shop.client.get(f"/api/v1{path}", headers=headers)).json()["items"]


async def two_on_one_sku(pool):
    (head,) = await put(pool, draft("a", order_ref="1", skus=("A-1",), **EFFECT))
    await put(pool, draft("b", order_ref="2", skus=("A-1",), **EFFECT))
    return head


async def causes(shop):
    return [(one["lane"], one["head"], one["waiting"], one["cause"]) for one in await get(shop, "/lanes")]


async def test_a_lane_that_moves_is_listed_only_when_asked_for(shop):
    head = await two_on_one_sku(shop.pool)
    (moving,) = await get(shop, "/lanes?moving=true")
    assert await get(shop, "/lanes") == []
    assert (moving["lane"], moving["head"], moving["waiting"], moving["cause"]) == ("sku:A-1", head, 1, None)


async def test_a_head_that_retries_later_blocks_its_lane(shop):
    head = await two_on_one_sku(shop.pool)
    await shop.pool.execute("UPDATE message_state SET due_at = now() + interval '1 min' WHERE id = $1", head)
    assert await causes(shop) == [("sku:A-1", head, 1, "retry")]


async def test_who_waits_is_counted_only_so_far(shop):
    head = await two_on_one_sku(shop.pool)
    for name in ("c", "d"):
        await put(shop.pool, draft(name, order_ref=name, skus=("A-1",), **EFFECT))
    await shop.pool.execute("UPDATE message_state SET due_at = now() + interval '1 min' WHERE id = $1", head)
    assert [row.waiting for row in await browse.lanes(shop.pool)] == [3]
    assert [row.waiting for row in await browse.lanes(shop.pool, counted=2)] == [2]


async def test_a_head_that_snoozes_blocks_its_lane_as_such(shop):
    head = await two_on_one_sku(shop.pool)
    await shop.pool.execute("UPDATE message_state SET due_at = now() + interval '1 min' WHERE id = $1", head)
    await shop.pool.execute("INSERT INTO attempt (message_id, token, verdict) VALUES ($1, 1, 'snooze')", head)
    assert await causes(shop) == [("sku:A-1", head, 1, "snooze")]


async def test_a_head_in_doubt_or_parked_blocks_its_lane(shop):
    head, found = await two_on_one_sku(shop.pool), []
    for state in ("in_doubt", "parked"):
        await shop.pool.execute("UPDATE message_state SET state = $2 WHERE id = $1", head, state)
        found += await causes(shop)
    assert [cause for *_, cause in found] == ["in_doubt", "parked"]


async def test_a_resting_destination_blocks_its_lanes(shop):
    head = await two_on_one_sku(shop.pool)
    await shop.pool.execute(
        "INSERT INTO destination (name, resume_at) VALUES ('sage200:main', now() + interval '1 min')"
        " ON CONFLICT (name) DO UPDATE SET resume_at = excluded.resume_at"
    )
    assert await causes(shop) == [("sku:A-1", head, 1, "destination")]


async def test_a_head_being_worked_blocks_nobody(shop):
    head = await two_on_one_sku(shop.pool)
    await shop.pool.execute("UPDATE message_state SET state = 'leased' WHERE id = $1", head)
    assert await causes(shop) == []


async def test_connections_tell_polls_breaker_and_the_last_event(shop):
    await put(shop.pool, draft("1"))
    await shop.pool.execute(
        "INSERT INTO poll_cursor (connection, poll, cursor, horizon) VALUES ('uk', 'orders', $1, $2)",
        {"since": "x"},
        NOW,
    )
    await shop.pool.execute(
        "INSERT INTO destination (name, failures, resume_at) VALUES ('sage200:main', 5, $1)"
        " ON CONFLICT (name) DO UPDATE SET failures = 5, resume_at = $1",
        NOW + timedelta(seconds=1),
    )
    told = {one["name"]: one for one in await get(shop, "/connections")}
    assert {"sage200:main", "shop:mute", "shop:uk"} <= set(told)
    assert (told["sage200:main"]["breaker_open"], told["shop:uk"]["breaker_open"]) == (True, False)
    assert told["shop:uk"]["polls"][0]["poll"] == "orders"
    assert told["shop:uk"]["last_event_at"] is not None
    assert told["shop:mute"]["last_event_at"] is None


async def test_the_audit_trail_is_filtered_and_needs_its_scope(shop):
    await shop.pool.execute(
        "INSERT INTO audit (actor, action, object, detail, reason) VALUES ('key:a', 'x', 'o', '{}', 'r')"
    )
    found = await get(shop, "/audit?actor=key:a", "audit:read")
    answer = await shop.client.get("/api/v1/audit", headers=await shop.key("messages:read"))
    assert [(one["action"], one["reason"]) for one in found] == [("x", "r")]
    assert answer.status_code == 403
