"""What one order or one connection suffers, no other does."""

import asyncio
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from app.domain.channel import Channel
from app.domain.erp import Document, Facts, SalesOrder, Wanted
from app.domain.errors import PermanentError, TransientError
from app.domain.message import Violation
from app.domain.order import Order, Unreadable
from app.domain.rows import TABLES
from app.flows.turn import in_turn
from app.mappings.write import put
from app.outbox.breaker import Failure, failed, succeeded
from tests.domain.shop import ROWS
from tests.flows.stage import BOOKS, SHOP, Shop, Stage, notice, order_of
from tests.flows.test_turn import OTHER as ANOTHER
from tests.flows.test_turn import both, outcome, tell

MANY = 1000
BAD = "500"
OTHER = "centra:de"


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """A traceback with the variables of a thousand messages takes minutes to print."""
    with capture_logs():
        yield


def unstorable(order: Order) -> Order:
    """Postgres takes no lone surrogate: this fact cannot be written, whoever tries."""
    return replace(order, delivery=replace(order.delivery, name="\ud83d"))


def unbearable(shop: Shop, *bad: str, error: Exception) -> Channel:
    """A channel that fails every request in which one of these orders is asked for."""

    async def fetch(refs: Sequence[str]) -> Mapping[str, Order | Unreadable]:
        shop.asked.append(list(refs))
        if set(bad) & set(refs):
            raise error
        return {ref: shop.orders[ref] for ref in refs if ref in shop.orders}

    return replace(shop.channel(), fetch_orders=fetch)


class Slow(Shop):
    """A shop whose answers wait until `awake` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.awake = asyncio.Event()
        self.awake.set()

    async def fetch(self, refs: Sequence[str]) -> Mapping[str, Order | Unreadable]:
        await self.awake.wait()
        return await super().fetch(refs)


async def two_shops(stage: Stage) -> tuple[Stage, dict[str, Slow]]:
    shops = {SHOP: Slow(), OTHER: Slow()}
    channels = {
        SHOP: shops[SHOP].channel(),
        OTHER: replace(shops[OTHER].channel(), connection="de", prefix="DE"),
    }
    for name, shop in shops.items():
        for ref, connection in (("10", "uk"), ("11", "uk"), ("20", "de")):
            if name.endswith(connection):
                shop.orders[ref] = replace(order_of(ref), connection=connection)
    async with stage.pool.acquire() as conn, conn.transaction():
        for table in ("customers", "warehouses", "charges"):
            rows = [TABLES[table].model_validate({**row, "connection": "de"}) for row in ROWS[table]]
            await put(conn, table, rows, actor="tests", reason="tests")
    return replace(stage, ctx=replace(stage.ctx, channels=channels)), shops


async def announce(stage: Stage, destination: str, ref: str) -> None:
    await stage.pool.execute(
        "INSERT INTO destination (name, slots) VALUES ($1, 50) ON CONFLICT DO NOTHING", destination
    )
    draft = notice(ref, f"{destination}/{ref}")
    await stage.append(replace(draft, destination=destination, source=destination.partition(":")[2]))


async def effects(stage: Stage) -> list[str]:
    """Order numbers of place effects, in the order in which they entered the outbox."""
    rows = await stage.pool.fetch("SELECT order_ref FROM message WHERE cls = 'effect' ORDER BY id")
    return [row["order_ref"] for row in rows]


async def test_order_that_cannot_be_stored_delays_none_of_a_thousand(stage: Stage) -> None:
    orders = [order_of(str(number), f"SKU{number % 50}") for number in range(MANY)]
    orders[int(BAD)] = unstorable(orders[int(BAD)])
    await stage.tell(*orders)
    await stage.drain(SHOP)
    assert await effects(stage) == [str(number) for number in range(MANY) if str(number) != BAD]
    assert len(stage.shop.asked) == MANY / 200


@pytest.mark.parametrize("error", [PermanentError("E-CENTRA-QUERY", "no"), KeyError("defect")], ids=str)
async def test_order_that_fails_its_request_delays_none_of_six_hundred(
    stage: Stage, error: Exception
) -> None:
    stage.ctx = replace(stage.ctx, channels={SHOP: unbearable(stage.shop, BAD, error=error)})
    await stage.tell(*(order_of(str(number), f"SKU{number % 50}") for number in range(600)))
    await stage.drain(SHOP)
    assert sorted(await effects(stage)) == sorted(str(number) for number in range(600) if str(number) != BAD)
    assert len(stage.shop.asked) < 600 / 200 + 2 * 9


async def test_order_that_is_unreadable_delays_none_of_a_batch(stage: Stage) -> None:
    violation = Violation("E-UNREADABLE", "lines", "", "read it")
    await stage.tell(*(order_of(str(number)) for number in range(20)), Unreadable("99", (violation,)))
    await stage.drain()
    assert (len(stage.sent()), await stage.cases()) == (20, ["E-UNREADABLE"])


def picky(stage: Stage, code: str, error: Exception) -> Stage:
    """Books that fail every question in which this code is asked for."""

    async def facts(wanted: Wanted) -> Facts:
        if code in wanted.products:
            raise error
        return stage.books.facts

    return replace(stage, ctx=replace(stage.ctx, erp=replace(stage.ctx.erp, facts=facts)))


async def test_order_that_the_books_refuse_to_be_asked_about_parks_alone(stage: Stage) -> None:
    stage = picky(stage, "BAD", PermanentError("E-SAGE-QUERY", "no"))
    await stage.accept(order_of("1"), order_of("2", "DRESS"), order_of("3", "BAD"), order_of("4", "SHOES"))
    assert (sorted(stage.sent()), await stage.cases()) == (["CEN-1", "CEN-2", "CEN-4"], ["E-SAGE-QUERY"])


async def test_order_that_always_fails_the_books_takes_none_with_it(stage: Stage) -> None:
    stage = picky(stage, "BAD", TransientError("500"))
    await stage.accept(order_of("1"), order_of("2", "DRESS"), order_of("3", "BAD"), order_of("4", "SHOES"))
    for _ in range(6):
        stage.later(11)
        await stage.drain()
    assert sorted(stage.sent()) == ["CEN-1", "CEN-2", "CEN-4"]


async def test_defect_beside_a_send_repeats_no_send(stage: Stage) -> None:
    """Nobody knows how far it came: what may have been sent is a question, not another attempt."""
    place = stage.books.place

    async def broken(order: SalesOrder, last_check: Callable[[], None]) -> Document:
        await place(order, last_check)
        raise KeyError("defect")

    stage.ctx = replace(stage.ctx, erp=replace(stage.ctx.erp, place=broken))
    await stage.accept(order_of("1"), order_of("2", "DRESS"))
    assert sorted(stage.sent()) == ["CEN-1", "CEN-2"]
    assert set((await stage.ends()).values()) == {"in_doubt"}


async def test_order_of_an_endless_code_parks_alone(stage: Stage) -> None:
    endless = "".join(random.Random(1).choices("ABCDEFGH0123456789", k=10_000))
    orders = [order_of("2", endless), order_of("3", "TEE", endless + "X")]
    short = [
        replace(one, lines=tuple(replace(x, ref=str(n)) for n, x in enumerate(one.lines))) for one in orders
    ]
    await stage.accept(order_of("1"), *short)
    assert (stage.sent(), await stage.cases()) == (["CEN-1"], ["E-SKU-UNKNOWN"] * 2)
    longest = await stage.pool.fetchval("SELECT max(length(sku)) FROM order_line")
    assert longest < 100


@pytest.mark.parametrize("troubles", [1, 5], ids=["a failure", "an open breaker"])
async def test_connection_that_is_down_slows_neither_another_nor_the_books(
    stage: Stage, troubles: int
) -> None:
    stage, shops = await two_shops(stage)
    shops[SHOP].fails = [TransientError("read timeout")] * 100
    await announce(stage, SHOP, "10")
    for _ in range(troubles):
        await stage.turn(SHOP)
        stage.later(11)
    await announce(stage, SHOP, "11")
    await announce(stage, OTHER, "20")
    await stage.turn(OTHER)
    await stage.drain(BOOKS)
    assert stage.sent() == ["DE-20"]


async def test_connection_that_hangs_slows_another_only_until_its_time_is_up(stage: Stage) -> None:
    """An order that was accepted first goes first, if it can be read at all: one request's time is what it is worth."""
    stage, shops = await two_shops(stage)
    shops[SHOP].awake.clear()
    await announce(stage, SHOP, "10")
    await announce(stage, OTHER, "20")
    async with asyncio.TaskGroup() as group:
        hanging = group.create_task(stage.turn(SHOP))
        waiting = group.create_task(stage.turn(OTHER))
        done, _ = await asyncio.wait([waiting], timeout=0.3)
        assert not done
        shops[SHOP].fails = [TransientError("read timeout")]
        shops[SHOP].awake.set()
        await asyncio.wait([hanging, waiting])
    await stage.drain(BOOKS)
    assert stage.sent() == ["DE-20"]


async def test_connection_that_hangs_does_not_hold_up_what_is_on_its_way_to_the_books(stage: Stage) -> None:
    stage, shops = await two_shops(stage)
    await announce(stage, OTHER, "20")
    await stage.turn(OTHER)
    shops[SHOP].awake.clear()
    await announce(stage, SHOP, "10")
    async with asyncio.TaskGroup() as group:
        hanging = group.create_task(stage.turn(SHOP))
        await stage.turn(BOOKS)
        assert (stage.sent(), hanging.done()) == (["DE-20"], False)
        shops[SHOP].awake.set()


async def test_connection_that_was_told_to_rest_is_not_waited_for(stage: Stage) -> None:
    """A late answer of before closes its breaker; the forty minutes that a 429 asked for still last (RC-40)."""
    stage = both(stage)
    _, mine = await tell(stage, ANOTHER, SHOP)
    rest = Failure("429", stage.clock(), stage.clock() + timedelta(minutes=40), 1.0, 10.0, 5)
    await failed(stage.pool, ANOTHER, rest, rests=True)
    await succeeded(stage.pool, ANOTHER, 3, stage.clock())
    groups = in_turn(stage.ctx, SHOP, [outcome(stage, mine)])
    async with asyncio.timeout(5):
        assert [one.message.id for one in await anext(groups)] == [mine]
    await groups.aclose()
