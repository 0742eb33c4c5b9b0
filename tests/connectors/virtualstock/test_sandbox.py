"""The connector and the simulated Virtualstock know nothing of each other: here they meet."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from app.connectors.virtualstock.connector import open_channel
from app.domain.channel import Acknowledged, Acknowledgement
from app.domain.errors import TransientError
from app.domain.order import Order, Unreadable
from tests.connectors.virtualstock.conftest import make_settings
from tests.sandbox.conftest import running_sandbox
from tests.sandbox.virtualstock.conftest import LOGIN, RETAILERS, Edge, open_edge


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
async def edge(tmp_path) -> AsyncIterator[Edge]:
    async with running_sandbox(tmp_path / "data") as sandbox:
        yield await open_edge(sandbox)


@pytest.fixture
async def channel(edge):
    given = {"base_url": f"{edge.sandbox.url}/virtualstock", **LOGIN, "retailers": RETAILERS}
    async with open_channel("edge", make_settings(**given), now) as opened:
        yield opened


async def walk(channel) -> dict[str, Order | Unreadable | None]:
    found, cursor, more = {}, {}, True
    while more:
        page = await channel.polls["open_orders"](cursor, now())
        for row in page.walk.rows:
            found[row.draft.order_ref] = channel.unpack(row.draft.order_ref, row.draft.body)
        cursor, more = page.cursor, page.more
    return found


def told(order: dict, ref: str) -> Acknowledgement:
    lines = {line["line_reference"]: line["quantity"] for line in order["lines"]}
    return Acknowledgement(ref, str(order["id"]), "0000001579", now(), lines)


@pytest.mark.parametrize("size", [1, 3, 100])
async def test_a_walk_finds_every_retailers_orders(edge, channel, size):
    await edge.sandbox.switch(virtualstock__page_size_most=size)
    placed = [await edge.place(code) for code in ("ARG", "JLW", "AWK", "ARG")]
    found = await walk(channel)
    assert set(found) == {
        f"{code}-{order['order_reference']}"
        for code, order in zip(("ARG", "JLW", "AWK", "ARG"), placed, strict=True)
    }
    assert [len(order.unpriced) for _, order in sorted(found.items())] == [
        0,
        0,
        1,
        0,
    ]  # the awkward one tells no price


@pytest.mark.parametrize("code", ["ARG", "JLW", "AWK"])
async def test_every_retailers_order_can_be_acknowledged(edge, channel, code):
    order = await edge.place(code, (1, 2))
    ref = f"{code}-{order['order_reference']}"
    assert await channel.acknowledge(told(order, ref)) == Acknowledged(sent=True)
    assert await edge.statuses(order) == ["ORDER_ACK"] * 2
    assert await channel.acknowledge(told(order, ref)) == Acknowledged(sent=False)


@pytest.mark.parametrize("success", ["200_empty", "200_json", "201"])
async def test_every_form_of_success_is_one(edge, channel, success):
    await edge.sandbox.switch(virtualstock__success=success)
    order = await edge.place()
    assert await channel.acknowledge(told(order, "ARG-1")) == Acknowledged(sent=True)


async def test_what_was_done_in_part_is_finished_by_the_next_try(edge, channel):
    order = await edge.place("ARG", (1, 1, 1))
    await edge.sandbox.faults({"kind": "part_then_500", "times": 1})
    with pytest.raises(TransientError):
        await channel.acknowledge(told(order, "ARG-1"))
    assert await edge.statuses(order) == ["ORDER_ACK", "ORDER", "ORDER"]
    assert await channel.acknowledge(told(order, "ARG-1")) == Acknowledged(sent=True)
    assert await edge.statuses(order) == ["ORDER_ACK"] * 3


async def test_one_order_is_found_by_its_number(edge, channel):
    order = await edge.place("JLW")
    ref = f"JLW-{order['order_reference']}"
    assert (await channel.fetch_orders([ref]))[ref].channel_id == str(order["id"])


async def test_a_token_that_ended_and_one_that_was_revoked_are_replaced(edge, channel):
    await walk(channel)
    edge.sandbox.world.clock.advance(301)
    await walk(channel)
    await edge.people("/logins/northgate/revoke")
    await walk(channel)
