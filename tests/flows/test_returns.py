"""What retailers ask to send back of one line, in one return or several."""

from dataclasses import replace

import pytest

from app.domain.channel import Begin, Return, Shipment
from app.domain.message import Draft, MessageClass
from app.flows.overtaken import end_overtaken
from tests.domain.shop import line, make_order
from tests.flows.stage import SHOP, Stage, order_of


class Retailer:
    """Hears which returns are dealt with: (id, units)."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, int]] = []
        self.deaf = False

    async def hear(self, asked: Return) -> bool:
        if self.deaf:
            return False
        self.heard.append((asked.id, asked.units))
        return True

    async def ship(self, _told: Shipment, _begin: Begin) -> bool:
        return True


@pytest.fixture
async def sold(stage: Stage) -> tuple[Stage, Retailer]:
    """One TEE and one DRESS."""
    retailer = Retailer()
    channel = replace(stage.ctx.channels[SHOP], acknowledge_return=retailer.hear)
    stage = replace(stage, ctx=replace(stage.ctx, channels={SHOP: channel}))
    await stage.accept(order_of("1", "TEE", "DRESS"))
    return stage, retailer


def asks(name: str, line: str = "TEE", *, units: int = 1, walk: int = 1) -> Draft:
    """`walk`: in which the list told of it."""
    return Draft(
        kind="centra.return",
        cls=MessageClass.NOTICE,
        destination=SHOP,
        source="uk",
        key=f"return/{name}/{walk}",
        order_ref="1",
        body={"id": name, "line": line, "units": units, "reason": "300"},
    )


async def test_two_returns_of_what_was_sold_once_are_not_both_dealt_with(
    sold: tuple[Stage, Retailer],
) -> None:
    stage, retailer = sold
    await stage.append(asks("a"), asks("b"), asks("c", "DRESS"))
    await stage.drain()
    assert (sorted(retailer.heard), await stage.cases()) == ([("a", 1), ("c", 1)], ["E-RETURN-UNITS"])
    value = await stage.pool.fetchval("SELECT violations -> 0 ->> 'value' FROM exception_case")
    assert value == "1 of line TEE, and 1 by other returns, which sold 1"


async def test_a_return_that_is_told_again_or_otherwise_counts_once(sold: tuple[Stage, Retailer]) -> None:
    stage, retailer = sold
    await stage.append(asks("a"))
    await stage.drain()
    await stage.append(asks("a", walk=2), asks("a", units=2, walk=3))
    await stage.drain()
    assert (retailer.heard, await stage.cases()) == ([("a", 1)], ["E-RETURN-UNITS"])
    assert await stage.pool.fetchval("SELECT violations -> 0 ->> 'value' FROM exception_case") == (
        "2 of line TEE, which sold 1"
    )


@pytest.fixture
async def twice(sold: tuple[Stage, Retailer]) -> tuple[Stage, Retailer]:
    """Two of one line."""
    stage, retailer = sold
    two = replace(line("TEE", "48.00"), quantity=2)
    await stage.accept(make_order(two, gross="48.00", tax="8.00", ref="2"))
    return stage, retailer


def asks_one(name: str) -> Draft:
    return replace(asks(name), order_ref="2")


async def test_two_returns_of_one_line_are_answered_together(twice: tuple[Stage, Retailer]) -> None:
    """A line takes one answer."""
    stage, retailer = twice
    await stage.append(asks_one("a"), asks_one("b"))
    await stage.drain()
    assert ([units for _, units in retailer.heard], await stage.cases()) == ([2], [])
    answered = "SELECT count(*) FROM return_asked WHERE acknowledged_at IS NOT NULL"
    assert await stage.pool.fetchval(answered) == 2


async def test_a_return_of_a_line_that_was_answered_for_is_a_persons(twice: tuple[Stage, Retailer]) -> None:
    stage, retailer = twice
    await stage.append(asks_one("a"))
    await stage.drain()
    retailer.deaf = True
    await stage.append(asks_one("b"))
    await stage.drain()
    assert (retailer.heard, await stage.cases()) == ([("a", 1)], ["E-RETURN-UNITS"])
    answered = "SELECT id FROM return_asked WHERE acknowledged_at IS NOT NULL"
    assert [row["id"] for row in await stage.pool.fetch(answered)] == ["a"]


async def test_what_a_return_asked_for_first_does_not_come_back(sold: tuple[Stage, Retailer]) -> None:
    """It waited for a person while the retailer corrected it."""
    stage, retailer = sold
    await stage.append(asks("a", units=5))
    await stage.drain()
    await stage.append(asks("a", walk=2))
    await stage.drain()
    await stage.retry_all()
    assert (retailer.heard, await stage.cases()) == ([("a", 1)], [])
    assert await stage.pool.fetchval("SELECT units FROM return_asked") == 1


async def test_a_return_that_grew_before_it_was_answered_is_answered_whole(
    twice: tuple[Stage, Retailer],
) -> None:
    """Who asked hears one answer: what is asked for by then must be in it."""
    stage, retailer = twice
    await stage.append(*(replace(asks("a", units=many, walk=many), order_ref="2") for many in (1, 2)))
    await stage.drain()
    assert retailer.heard[0] == ("a", 2)


async def test_a_return_that_waits_for_a_person_does_not_end_when_its_order_is_read(
    sold: tuple[Stage, Retailer],
) -> None:
    stage, _ = sold
    await stage.append(asks("a"), asks("b"))
    await stage.drain()
    await stage.accept(order_of("1", "TEE", "DRESS", at=stage.clock.at))
    assert (await end_overtaken(stage.pool), await stage.cases()) == (0, ["E-RETURN-UNITS"])


@pytest.mark.parametrize(("ships", "kept"), [(False, 1), (True, 0)])
async def test_an_answered_return_hides_no_line_that_the_channel_may_dispatch(
    sold: tuple[Stage, Retailer], ships, kept
) -> None:
    """Where despatches begin there, an order that leaves its list is all that tells of them."""
    stage, retailer = sold
    channel = replace(stage.ctx.channels[SHOP], ship=retailer.ship if ships else None)
    stage = replace(stage, ctx=replace(stage.ctx, channels={SHOP: channel}))
    await stage.pool.execute(
        "INSERT INTO channel_listing VALUES ('uk', 'open_orders', 'ORDER_ACK/1', 'x', '1', 1, 0)"
    )
    await stage.append(asks("a"))
    await stage.drain()
    assert await stage.pool.fetchval("SELECT count(*) FROM channel_listing") == kept


async def test_returns_that_come_at_once_are_taken_one_after_the_other(sold: tuple[Stage, Retailer]) -> None:
    """Two workers that looked at the same time would each find that nothing else was asked for."""
    stage, _ = sold
    await stage.append(asks("a"))
    (first,) = await stage.take(SHOP)
    await stage.append(asks("b"))
    assert await stage.take(SHOP) == []
    await stage.handle([first])
    await stage.drain()
    assert await stage.cases() == ["E-RETURN-UNITS"]
