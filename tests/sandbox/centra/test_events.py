import pytest

from tests.sandbox.centra.conftest import Shop

READ = "{ events(limit: 200) { id objectType changeType objectReference store { id } object { ... on Order { number status } } } }"
CONFIRM = "mutation($ids: [Int!]!) { confirmEvents(input: {eventsIds: $ids}) { userErrors { message } } }"
LISTENERS = "{ eventListeners { objectType changeTypes } }"


async def listen(shop: Shop, token: str | None = None, types: str = "") -> dict:
    wish = f"{{objectType: Order {types}}}"
    text = (
        "{ setEventListeners(input: ["
        + wish
        + "]) { userErrors { message } eventListeners { changeTypes } } }"
    )
    return (await shop.data("mutation " + text, token))["setEventListeners"]


async def events(shop: Shop, token: str | None = None) -> list[dict]:
    return (await shop.data(READ, token))["events"]


async def test_nothing_is_queued_before_somebody_listens(shop: Shop):
    await shop.place()
    await listen(shop)
    assert await events(shop) == []


async def test_events_come_oldest_first_until_confirmed(shop: Shop):
    await listen(shop)
    placed = [(await shop.place())["number"] for _ in range(12)]
    first = await events(shop)
    assert [event["objectReference"] for event in first] == placed
    assert await events(shop) == first
    await shop.data(CONFIRM, ids=[event["id"] for event in first[:10]])
    assert [event["objectReference"] for event in await events(shop)] == placed[10:]


async def test_confirming_twice_is_no_error(shop: Shop):
    await listen(shop)
    await shop.place()
    ids = [event["id"] for event in await events(shop)]
    answers = [(await shop.data(CONFIRM, ids=ids))["confirmEvents"]["userErrors"] for _ in range(2)]
    assert answers == [[], []]


@pytest.mark.parametrize(("way", "errors", "left"), [("pass", 0, 0), ("refuse", 1, 1)])
async def test_unknown_event_is_passed_over_or_spoils_the_call(shop: Shop, way: str, errors: int, left: int):
    await shop.sandbox.switch(centra__confirm_unknown_event=way)
    await listen(shop)
    await shop.place()
    ids = [event["id"] for event in await events(shop)]
    answer = (await shop.data(CONFIRM, ids=[*ids, 999]))["confirmEvents"]
    assert (len(answer["userErrors"]), len(await events(shop))) == (errors, left)


async def test_store_token_neither_sees_nor_confirms_events_of_other_stores(shop: Shop):
    await listen(shop)
    await shop.place(store=2)
    bound = (await shop.people("/tokens", integration="gateway", store=1))["token"]
    assert await events(shop, bound) == []
    await shop.data(CONFIRM, bound, ids=[event["id"] for event in await events(shop)])
    assert len(await events(shop)) == 1


async def test_event_shows_the_state_of_now(shop: Shop):
    await listen(shop)
    number = (await shop.place())["number"]
    await shop.people(f"/orders/{number}/cancel")
    shown = [(event["changeType"], event["object"]["status"]) for event in await events(shop)]
    assert shown == [("CREATED", "CANCELLED"), ("UPDATED", "CANCELLED")]


async def test_completion_replaces_update(shop: Shop):
    await listen(shop)
    number = (await shop.place())["number"]
    await shop.people(f"/orders/{number}/advance", status="SHIPPED")
    assert [event["changeType"] for event in await events(shop)] == ["CREATED", "COMPLETED"]


async def test_listening_is_additive_and_unlistening_purges(shop: Shop):
    await listen(shop, types="changeTypes: [CREATED]")
    both = await listen(shop, types="changeTypes: UPDATED")
    assert both["eventListeners"] == [{"changeTypes": ["CREATED", "UPDATED"]}]
    number = (await shop.place())["number"]
    await shop.people(f"/orders/{number}/hold")
    stop = "mutation { unsetEventListeners(input: {objectType: Order, changeTypes: CREATED}) { userErrors { message } } }"
    await shop.data(stop)
    assert [event["changeType"] for event in await events(shop)] == ["UPDATED"]
    assert (await shop.data(LISTENERS))["eventListeners"] == [
        {"objectType": "Order", "changeTypes": ["UPDATED"]}
    ]


async def test_second_token_of_an_integration_steals_its_events(shop: Shop):
    await listen(shop)
    await shop.place()
    thief = (await shop.people("/tokens", integration="gateway"))["token"]
    await shop.data(CONFIRM, thief, ids=[event["id"] for event in await events(shop, thief)])
    assert await events(shop) == []


async def test_other_integration_has_a_queue_of_its_own(shop: Shop):
    other = (await shop.people("/tokens", integration="somebody else"))["token"]
    await listen(shop)
    await listen(shop, other)
    await shop.place()
    ids = [event["id"] for event in await events(shop)]
    await shop.data(CONFIRM, other, ids=ids)
    assert (len(await events(shop)), len(await events(shop, other))) == (1, 1)


async def test_queue_that_centra_has_not_enabled_answers_nothing(shop: Shop):
    await listen(shop)
    await shop.place()
    await shop.sandbox.switch(centra__events_enabled=False)
    assert await events(shop) == []


async def test_history_lists_the_orders_of_an_events_answer(shop: Shop):
    await listen(shop)
    number = (await shop.place())["number"]
    await shop.data("query Poll { events { objectReference } }")
    row = (await shop.rows("centra"))[-1]
    assert (row["key"], [one["number"] for one in row["changed"][0]["after"]["orders"]]) == ("Poll", [number])
