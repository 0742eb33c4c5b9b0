import pytest

from app.connectors.centra.preflight import find_problems
from tests.connectors.centra.wire import order

QUEUE = {"eventListeners": [{"objectType": "Order", "changeTypes": []}]}


def refusal(permission: str):
    message = f"You need {permission} permission to access it."
    return {"errors": [{"message": message, "extensions": {"category": "authorization"}}]}


async def test_connection_in_order_has_no_problems(make_source, centra):
    centra.data(orders=[{"number": 1}]).data(orders=[order()]).data(stores=[{"id": 1, "name": "Retail"}])
    centra.data(**QUEUE).data(events=[])
    assert await find_problems(source=make_source(store=1)) == ()


async def test_expired_token_is_the_one_problem(make_source, centra):
    centra.reply(401)
    (problem,) = await find_problems(source=make_source(store=1))
    assert "expired" in problem


@pytest.mark.parametrize("place", [1, 2, 3, 4])
async def test_missing_permission_is_named(make_source, centra, place):
    replies = [{"data": {"orders": []}}, {"data": {"orders": []}}, {"data": {"stores": [{"id": 1}]}}]
    replies += [{"data": QUEUE}, {"data": {"events": []}}]
    replies[place] = refusal("Thing:read")
    centra.reply(*replies)
    (problem,) = await find_problems(source=make_source(store=1))
    assert "You need Thing:read permission" in problem


async def test_unknown_store_is_told_with_the_known_ones(make_source, centra):
    centra.data(orders=[]).data(orders=[]).data(stores=[{"id": 2}, {"id": 1}]).data(**QUEUE).data(events=[])
    (problem,) = await find_problems(source=make_source(store=9))
    assert problem == "Store 9 is none of those that the token sees: 1, 2."


async def test_queue_without_a_subscription_is_no_problem_yet(make_source, centra):
    centra.data(orders=[]).data(orders=[]).data(eventListeners=[]).data(events=[])
    assert await find_problems(source=make_source()) == ()


async def test_queue_is_not_looked_at_where_it_is_not_used(make_source, centra):
    centra.data(orders=[]).data(orders=[])
    assert await find_problems(source=make_source(events_enabled=False)) == ()


async def test_missing_secret_is_told(make_source, centra):
    centra.data(orders=[]).data(orders=[])
    (problem,) = await find_problems(source=make_source(events_enabled=False, webhook_secrets=[]))
    assert problem == "No webhook secret is set: orders arrive by polls only."
