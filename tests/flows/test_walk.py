"""Lists that tell no changes: only what is new or changed becomes a notice, and what left the list is looked at."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.channel import Acknowledged, Acknowledgement, Listed, Page, Walk
from app.domain.errors import TransientError
from app.domain.message import Draft
from app.domain.order import Standing
from app.flows import poll
from app.ledger import reference
from app.ledger.listing import Dropped
from app.ledger.record import record
from app.ledger.reference import Reference
from tests.flows.stage import SHOP, Stage, notice, order_of


def row(ref: str, fingerprint: str, walk: int) -> Listed:
    return Listed(f"ORDER/{ref}", fingerprint, notice(ref, f"{ref}{fingerprint}-{walk}"))


def page(number: int, *rows: tuple[str, str], ended: bool = True) -> Page:
    """(ref, fingerprint) each."""
    listed = tuple(row(ref, fingerprint, number) for ref, fingerprint in rows)
    return Page((), {"number": number}, more=not ended, walk=Walk(number, listed, ended))


def gone(items: Sequence[tuple[str, str]], number: int) -> tuple[Draft, ...]:
    return tuple(notice(ref, f"{ref} left-{number}") for _, ref in items)


@pytest.fixture
def walking(stage: Stage) -> Stage:
    channel = replace(stage.ctx.channels[SHOP], gone=gone)
    return replace(stage, ctx=replace(stage.ctx, channels={SHOP: channel}))


async def walk(stage: Stage, *pages: Page | Exception) -> None:
    """Reads these pages, and what follows at once."""
    stage.shop.pages = [*pages]
    await poll.seed(stage.pool, stage.ctx.channels.values())
    stage.later(61)
    await stage.drain(SHOP)


async def keys(stage: Stage) -> list[str]:
    rows = await stage.pool.fetch("SELECT key FROM message WHERE cls = 'notice' ORDER BY id")
    return [one["key"].rpartition("/")[2] for one in rows]


async def test_only_new_and_changed_rows_become_notices(walking):
    await walk(walking, page(1, ("1", "a"), ("2", "a")), page(2, ("1", "a"), ("2", "a")))
    assert await keys(walking) == ["1a-1", "2a-1"]
    await walk(walking, page(3, ("1", "a"), ("2", "b")), page(4, ("1", "a"), ("2", "b")))
    assert await keys(walking) == ["1a-1", "2a-1", "2b-3"]


async def test_a_walk_that_found_something_is_followed_at_once_and_one_that_did_not_waits(walking):
    pages = (page(1, ("1", "a"), ended=False), page(1), page(2, ("1", "a")), page(3, ("1", "a")))
    await walk(walking, *pages)
    assert len(walking.shop.pages) == 1
    walking.later(61)
    await walking.drain(SHOP)
    assert walking.shop.pages == []


async def test_what_left_the_list_is_looked_at_once(walking):
    await walk(walking, page(1, ("1", "a"), ("2", "a")), page(2, ("1", "a"), ("2", "a")), page(3, ("2", "a")))
    walking.later(61)
    await walking.drain(SHOP)
    assert await keys(walking) == ["1a-1", "2a-1", "1 left-3"]
    await walk(walking, page(4, ("2", "a")))
    assert await keys(walking) == ["1a-1", "2a-1", "1 left-3"]


async def test_what_comes_back_as_it_was_is_new_again(walking):
    await walk(walking, page(1, ("1", "a")), page(2, ("1", "a")))
    await walk(walking, page(3), page(4))
    await walk(walking, page(5, ("1", "a")), page(6, ("1", "a")))
    assert await keys(walking) == ["1a-1", "1 left-3", "1a-5"]


async def test_what_we_took_off_the_list_ourselves_is_not_looked_at(walking):
    await walk(walking, page(1, ("1", "a")), page(2, ("1", "a")))
    async with walking.pool.acquire() as conn, conn.transaction():
        await record(conn, [Dropped("uk", "1")])
    await walk(walking, page(3))
    assert await keys(walking) == ["1a-1"]


async def test_what_matters_only_of_orders_that_wait_to_be_posted_is_not_looked_at_of_others(walking):
    """Whatever is despatched leaves the list of the acknowledged ones."""

    def left(items: Sequence[tuple[str, str]], number: int) -> tuple[Draft, ...]:
        return tuple(replace(one, body={"if_unposted": True}) for one in gone(items, number))

    channel = replace(walking.ctx.channels[SHOP], gone=left)
    stage = replace(walking, ctx=replace(walking.ctx, channels={SHOP: channel}))
    await stage.accept(order_of("1", "TEE"), order_of("2", "GHOST"))
    assert await stage.ends() == {"place 1": "applied", "place 2": "parked"}
    before = len(await keys(stage))
    await walk(stage, page(1, ("1", "a"), ("2", "a"), ("3", "a")), page(2), page(3))
    assert [key for key in (await keys(stage))[before:] if "left" in key] == ["2 left-2"]


async def test_an_order_that_was_seen_to_stand_otherwise_counts_as_new_in_its_list(walking):
    """Asked to be cancelled, withdrawn, asked again, between two looks at one list."""
    channel = replace(walking.ctx.channels[SHOP], unpack=lambda _ref, _body: None)
    stage = replace(walking, ctx=replace(walking.ctx, channels={SHOP: channel}))
    await stage.tell(order_of("1"))
    await walk(stage, page(1, ("1", "a")), page(2, ("1", "a")))
    held = replace(
        order_of("1"), standing=Standing.HELD, updated_at=order_of("1").updated_at + timedelta(seconds=9)
    )
    await stage.tell(held)
    await stage.drain()
    await walk(stage, page(3, ("1", "a")), page(4, ("1", "a")))
    assert [key for key in await keys(stage) if key.startswith("1a")] == ["1a-1", "1a-3"]


async def test_an_order_that_stands_otherwise_and_leaves_its_list_is_looked_at(walking):
    """Withdrawn, and dispatched in the portal before anybody looked at the list again."""
    channel = replace(walking.ctx.channels[SHOP], unpack=lambda _ref, _body: None)
    stage = replace(walking, ctx=replace(walking.ctx, channels={SHOP: channel}))
    await stage.tell(order_of("1"))
    await walk(stage, page(1, ("1", "a")), page(2, ("1", "a")))
    later = order_of("1").updated_at + timedelta(seconds=9)
    await stage.tell(replace(order_of("1"), standing=Standing.HELD, updated_at=later))
    await stage.drain()
    await walk(stage, page(3))
    assert "1 left-3" in await keys(stage)


async def test_a_page_that_fails_in_the_middle_loses_and_doubles_nothing(walking):
    first = page(1, ("1", "a"), ended=False)
    await walk(walking, first, TransientError("502"), page(1, ("2", "a")), page(2, ("1", "a"), ("2", "a")))
    assert await keys(walking) == ["1a-1"]
    walking.later(5)
    await walking.drain(SHOP)
    assert await keys(walking) == ["1a-1", "2a-1"]


async def test_a_row_that_stands_on_two_pages_is_one(walking):
    await walk(walking, page(1, ("1", "a"), ended=False), page(1, ("1", "a")), page(2, ("1", "a")))
    assert await keys(walking) == ["1a-1"]


async def test_a_hint_brings_the_poll_forward(walking):
    await walk(walking, page(1), page(2, ("1", "a")), page(3, ("1", "a")))
    assert len(walking.shop.pages) == 2
    await hinted(walking)
    await walking.drain(SHOP)
    assert walking.shop.pages == []


async def hinted(stage: Stage) -> None:
    await stage.append(replace(notice("1", "hint"), kind="centra.hint", order_ref=None))


async def test_a_hint_in_the_midst_of_a_walk_is_followed_by_a_walk_of_its_own(walking):
    """What it tells of may stand in a list that was read by then."""
    pages = [page(1, ended=False), page(1, ended=False), page(1), page(2, ("1", "a")), page(3, ("1", "a"))]
    walking.shop.pages = pages
    await poll.seed(walking.pool, walking.ctx.channels.values())
    await walking.turn(SHOP)
    await hinted(walking)
    await walking.drain(SHOP)
    assert walking.shop.pages == []


async def test_a_hint_before_a_walk_is_not_followed_by_two(walking):
    await hinted(walking)
    await walking.drain(SHOP)
    await walk(walking, page(1, ended=False), page(1), page(2))
    assert len(walking.shop.pages) == 1


async def test_a_sweep_is_not_walked_again_for_a_hint(walking):
    channel = replace(walking.ctx.channels[SHOP], polls={"orders": walking.shop.poll})
    sweeping = replace(walking, ctx=replace(walking.ctx, channels={SHOP: channel}))
    walking.shop.pages = [page(1, ended=False), page(1), page(2)]
    await poll.seed(sweeping.pool, sweeping.ctx.channels.values())
    await sweeping.turn(SHOP)
    await hinted(sweeping)
    await sweeping.drain(SHOP)
    assert len(walking.shop.pages) == 1


@pytest.fixture
def telling(stage: Stage) -> tuple[Stage, list[Acknowledgement]]:
    """A channel that wants to hear when the ERP has an order."""
    told: list[Acknowledgement] = []

    async def acknowledge(one: Acknowledgement) -> Acknowledged:
        told.append(one)
        return Acknowledged(sent=True)

    channel = replace(stage.ctx.channels[SHOP], acknowledge=acknowledge)
    return replace(stage, ctx=replace(stage.ctx, channels={SHOP: channel})), told


async def test_the_channel_hears_the_number_that_the_erp_gave(telling):
    stage, told = telling
    await stage.accept(order_of("1"))
    assert [(one.ref, one.number) for one in told] == [("1", (await numbers(stage))["1"])]


async def numbers(stage: Stage) -> dict[str, str]:
    rows = await stage.pool.fetch("SELECT ref, document_no FROM binding")
    return {one["ref"]: one["document_no"] for one in rows}


@pytest.mark.requirement("R-42")
@pytest.mark.requirement("RC-19")
async def test_nothing_is_acknowledged_while_the_list_is_read(telling):
    stage, told = telling
    await stage.tell(order_of("1"))
    await stage.drain()
    told.clear()
    await poll.seed(stage.pool, stage.ctx.channels.values())
    await stage.tell(order_of("2"))
    stage.shop.pages = [Page((), {}, more=True), Page((), {}, more=True)]
    await stage.turn(SHOP)  # the notice, and the first page beside it
    await stage.turn("sage200:main")
    await stage.turn(SHOP)  # the acknowledgement, after the next page, which was not the last
    assert told == []
    stage.later(2)
    await stage.drain()
    assert [one.ref for one in told] == ["2"]


async def test_a_list_that_never_rests_holds_up_no_acknowledgement_for_ever(telling):
    stage, told = telling
    await poll.seed(stage.pool, stage.ctx.channels.values())
    stage.shop.pages = [Page((), {}, more=True) for _ in range(9)]
    await stage.tell(order_of("1"))
    await stage.turn(SHOP)
    await stage.turn("sage200:main")
    await stage.turn(SHOP)
    assert told == []
    stage.later(31)
    await stage.turn(SHOP)
    assert [one.ref for one in told] == ["1"]


@pytest.mark.requirement("R-37")
async def test_a_number_that_another_order_bears_is_not_told(telling):
    stage, told = telling
    await stage.accept(order_of("1"))
    taken = await stage.pool.fetchval("SELECT document_no FROM binding")
    told.clear()
    await stage.tell(order_of("2"))
    await stage.turn(SHOP)
    await stage.turn("sage200:main")
    await stage.pool.execute("UPDATE binding SET document_no = $1", taken)
    await stage.drain()
    assert (told, await stage.cases()) == ([], ["E-REF-NOTUNIQUE"])
    await stage.pool.execute("UPDATE binding SET document_no = 'other' WHERE ref = '2'")
    await stage.retry_all()
    assert [one.number for one in told] == ["other"]


@pytest.mark.requirement("R-37")
async def test_of_two_that_ask_for_one_number_at_once_one_gets_it(pool):
    """Two companies with overlapping numbers, each behind a connection of its own to one account."""
    numbers = [f"{number:010}" for number in range(40)]
    asked = [
        reference.take(pool, Reference("edge northgate", number, connection, f"ARG-{number}"))
        for number in numbers
        for connection in ("first", "second")
    ]
    answers = await asyncio.gather(*asked)
    owners = [
        (first.connection, second.connection)
        for first, second in zip(answers[::2], answers[1::2], strict=True)
    ]
    assert set(owners) <= {("first", "first"), ("second", "second")}


@pytest.mark.requirement("R-37")
async def test_a_company_with_a_prefix_tells_its_numbers_with_it(telling):
    stage, told = telling
    channel = replace(stage.ctx.channels[SHOP], number_prefix="B-")
    stage = replace(stage, ctx=replace(stage.ctx, channels={SHOP: channel}))
    await stage.accept(order_of("1"))
    assert [one.number for one in told] == [f"B-{(await numbers(stage))['1']}"]
