"""A retailer's order is found by polling, reaches Sage once under the retailer's account, and only then is acknowledged."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.stories.town import EDGE, gross, until


async def acknowledged(town, *orders) -> None:
    async def done() -> bool:
        held = [await town.at_edge(order) for order in orders]
        return all(line["status"] == "ORDER_ACK" for order in held for line in order["lines"])

    await until(done)


async def books(town) -> dict[str, list[dict]]:
    """The sales orders of Virtualstock, by their key."""
    found: dict[str, list[dict]] = {}
    for document in await town.documents():
        found.setdefault(document["customer_document_no"], []).append(document)
    return found


def key_of(retailer: str, order: dict) -> str:
    return f"VS-{retailer}-{order['order_reference']}"


@pytest.mark.requirement("R-31")
@pytest.mark.requirement("R-36")
@pytest.mark.requirement("R-38")
async def test_each_retailers_order_reaches_its_own_account_and_is_acknowledged_with_sages_number(edge_town):
    town = edge_town
    argos = await town.order_at("ARG", *town.skus[:2])
    lewis = await town.order_at("JLW", town.skus[0])
    await acknowledged(town, argos, lewis)
    found = await books(town)
    accounts = {}
    for code, order in (("ARG", argos), ("JLW", lewis)):
        (document,) = found[key_of(code, order)]
        accounts[code] = document["customer_id"]
        lines = (await town.at_edge(order))["lines"]
        assert gross(document) == sum(Decimal(line["total"]) for line in lines)
        assert {line["sent"][-1]["comment"] for line in lines} == {document["document_no"]}
    assert accounts["ARG"] != accounts["JLW"]


@pytest.mark.requirement("R-38")
async def test_while_sage_is_down_nothing_is_acknowledged(edge_town):
    town = edge_town
    await town.people("sage200/tunnel", up=False)
    order = await town.order_at("ARG")
    walks = await walked(town)

    async def often() -> bool:
        return await walked(town) >= walks + 3

    await until(often)
    assert (await town.at_edge(order))["lines"][0]["status"] == "ORDER"
    await town.people("sage200/tunnel", up=True)
    await acknowledged(town, order)
    assert len((await books(town))[key_of("ARG", order)]) == 1


async def walked(town) -> int:
    return await town.pool.fetchval(
        "SELECT coalesce(max((cursor ->> 'number')::int), 0) FROM poll_cursor WHERE poll = 'open_orders'"
    )


@pytest.mark.requirement("R-17")
async def test_an_order_with_an_unknown_article_waits_unacknowledged_until_there_is_an_alias(edge_town):
    town = edge_town
    orders = [await town.order_at("ARG", town.skus[0], "NOT-OURS") for _ in range(3)]
    cost = orders[0]["lines"][1]["unit_cost_price"]
    await town.people("sage200/set_price", product=town.skus[1], customer="ARGOSY", price=cost)

    async def parked() -> bool:
        return (await town.cases()).count("E-SKU-UNKNOWN") == 3

    await until(parked)
    assert {line["status"] for order in orders for line in (await town.at_edge(order))["lines"]} == {"ORDER"}
    assert await books(town) == {}
    await town.map("sku_aliases", {"connection": "edge", "alias": "NOT-OURS", "code": town.skus[1]})
    await acknowledged(town, *orders)
    assert {key: len(found) for key, found in (await books(town)).items()} == {
        key_of("ARG", order): 1 for order in orders
    }
    assert await town.cases() == []


@pytest.mark.requirement("R-42")
@pytest.mark.requirement("RC-19")
async def test_orders_that_move_between_pages_are_all_found(build_town):
    settings = {
        "VIRTUALSTOCK__edge__PAGE_SIZE": "2",
        "LANE_PATIENCE_SECONDS": "1",
    }
    async with build_town(edge=True, POLL_SECONDS="0.2", **settings) as town:
        await town.sandbox.faults({"kind": "list_shrinks", "probability": 0.3, "seconds": 0.3})
        orders = [await town.order_at("ARG", town.skus[place % 3]) for place in range(12)]
        await acknowledged(town, *orders)
        assert {key: len(found) for key, found in (await books(town)).items()} == {
            key_of("ARG", order): 1 for order in orders
        }


@pytest.mark.requirement("R-42")
@pytest.mark.requirement("RC-20")
async def test_after_a_long_outage_every_open_order_is_found(build_town):
    async with build_town(edge=True, POLL_SECONDS="0.2") as town:
        placed = "2026-01-05T10:00:00+00:00"
        old = await town.order_at("ARG", placed_at=placed)
        await acknowledged(town, old)


@pytest.mark.requirement("R-42")
@pytest.mark.requirement("RC-20")
async def test_after_six_days_away_a_list_of_73_hours_is_read_back_to_where_it_ended(build_town):
    async with build_town(edge=True, VIRTUALSTOCK__edge__CHANGE_WINDOW="true") as town:
        await town.sandbox.switch(virtualstock__window_hours=73)

        async def rests() -> bool:
            """The first walk, over many windows, has ended."""
            cursor = await town.pool.fetchval("SELECT cursor FROM poll_cursor WHERE poll = 'open_orders'")
            return "through" in cursor and "days" not in cursor

        await until(rests)
        away = datetime.now(UTC) - timedelta(days=6)
        await town.pool.execute(
            "UPDATE poll_cursor SET cursor = cursor || $1 WHERE poll = 'open_orders'",
            {"through": away.isoformat()},
        )
        orders = [
            await town.order_at("ARG", placed_at=(away + timedelta(hours=hours)).isoformat())
            for hours in range(1, 144, 13)
        ]
        hint = {"event_id": "1", "event": "we are back", "order_reference": "x"}
        known = ("virtualstock", "a secret between shop and gateway")
        answer = await town.api.post("/webhooks/virtualstock/edge", json=hint, auth=known)
        assert answer.status_code == 202, answer.text
        await acknowledged(town, *orders)
        assert {key: len(found) for key, found in (await books(town)).items()} == {
            key_of("ARG", order): 1 for order in orders
        }


@pytest.mark.requirement("R-38")
async def test_an_acknowledgement_whose_answer_is_lost_is_not_repeated(edge_town):
    town = edge_town
    await town.sandbox.faults({"kind": "commit_then_drop", "path": "acknowledge", "times": 1})
    order = await town.order_at("ARG")
    await acknowledged(town, order)
    await town.heard()
    sent = [one["action"] for one in (await town.at_edge(order))["lines"][0]["sent"]]
    assert sent == ["acknowledge"]
    assert len(await town.calls("POST", "/acknowledge/")) == 1


@pytest.mark.requirement("R-42")
async def test_a_push_brings_the_poll_forward_and_nothing_more(build_town):
    async with build_town(edge=True) as town:
        order = await town.order_at("ARG")
        hint = {
            "event_id": "1",
            "event": "order.created",
            "order_url": "https://evil.test/1/",
            "order_reference": "x",
        }
        answer = await town.api.post("/webhooks/virtualstock/edge", json=hint, auth=("virtualstock", "guess"))
        assert answer.status_code == 401
        answer = await town.api.post(
            "/webhooks/virtualstock/edge",
            json=hint,
            auth=("virtualstock", "a secret between shop and gateway"),
        )
        assert answer.status_code == 202, answer.text
        await acknowledged(town, order)


@pytest.mark.requirement("R-42")
async def test_a_day_in_which_the_account_is_refused_loses_nothing(edge_town):
    town = edge_town
    await town.people(f"virtualstock/logins/{EDGE['username']}/disable")
    order = await town.order_at("ARG")
    login = "SELECT error FROM destination WHERE name = 'virtualstock:edge'"

    async def refused() -> bool:
        return "E-VS-LOGIN" in (await town.pool.fetchval(login) or "")

    await until(refused)
    await town.people(f"virtualstock/logins/{EDGE['username']}/enable")
    await acknowledged(town, order)


@pytest.mark.requirement("R-32")
async def test_a_test_order_is_seen_and_goes_nowhere(edge_town):
    town = edge_town
    trial, real = await town.order_at("ARG", test_flag=True), await town.order_at("ARG")
    await acknowledged(town, real)
    assert (await town.at_edge(trial))["lines"][0]["status"] == "ORDER"
    assert key_of("ARG", trial) not in await books(town)
