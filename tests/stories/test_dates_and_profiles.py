"""Acknowledgements tell each retailer the dates and fields that it wants, in its form, and nothing that it would refuse."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.sandbox.virtualstock.conftest import RETAILERS
from tests.stories.test_retailers_order_is_acknowledged import acknowledged, key_of
from tests.stories.town import parked, until


def open_with(build_town, **profiles):
    """Profiles that differ from the usual."""
    retailers = {code: {**profile, **profiles.get(code, {})} for code, profile in RETAILERS.items()}
    return build_town(edge=True, POLL_SECONDS="0.2", VIRTUALSTOCK__edge__RETAILERS=json.dumps(retailers))


async def told(town, order) -> dict:
    return (await town.at_edge(order))["lines"][0]["sent"][-1]


@pytest.mark.requirement("R-39")
@pytest.mark.requirement("R-41")
async def test_dates_are_told_in_virtualstocks_form_with_the_route(edge_town):
    town = edge_town
    order = await town.order_at("JLW", promised_days=20)
    await acknowledged(town, order)
    line = await told(town, order)
    for name in ("supplier_dispatch_date", "supplier_delivery_date"):
        at = datetime.strptime(line[name], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
        assert (len(line[name]), at.weekday() < 5) == (19, True)
    assert line["fulfillment_route"] == "Direct to customer"
    now = datetime.now(UTC)
    assert now.date() <= datetime.fromisoformat(line["supplier_dispatch_date"]).date()
    assert line["supplier_dispatch_date"] <= line["supplier_delivery_date"]


@pytest.mark.requirement("R-40")
async def test_a_promise_of_the_past_parks_and_nothing_is_told(edge_town):
    town = edge_town
    placed = (datetime.now(UTC) - timedelta(days=9)).isoformat()
    order = await town.order_at("JLW", placed_at=placed, promised_days=2)
    await parked(town, "E-DATE-WINDOW")
    assert (await town.at_edge(order))["lines"][0]["status"] == "ORDER"
    assert await town.calls("POST", "/acknowledge/") == []


@pytest.mark.requirement("R-41")
async def test_a_route_that_is_required_and_missing_parks_and_nothing_is_told(build_town):
    async with open_with(build_town, JLW={"fulfillment_route": ""}) as town:
        order = await town.order_at("JLW", promised_days=20)
        await parked(town, "E-RETAILER-FIELD")
        assert (
            len(
                [one for one in await town.documents() if one["customer_document_no"] == key_of("JLW", order)]
            )
            == 1
        )
        assert await town.calls("POST", "/acknowledge/") == []


@pytest.mark.requirement("R-41")
async def test_a_retailer_that_takes_no_comments_is_told_without_one(build_town):
    async with open_with(build_town, AWK={"supplier_reference": "ack_comment"}) as town:
        order = await town.order_at("AWK")
        await acknowledged(town, order)
        assert "comment" not in await told(town, order)

        async def quiet() -> bool:
            return not await town.busy()

        await until(quiet)
        assert await town.cases() == []
