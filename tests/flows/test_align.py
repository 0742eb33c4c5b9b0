"""Catalogues are walked page by page at night, compared at the end, and nothing is lost when something fails midway."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.domain.channel import Article, Articles
from app.domain.errors import PermanentError, TransientError
from app.flows import align
from app.flows.align import night_before
from app.ledger import alignment
from tests.flows.stage import BOOKS, SHOP, Stage


class Catalogue:
    """Two to a page. `fails`: what a call raises, in turn."""

    def __init__(self, *codes: str) -> None:
        self.codes = list(codes)
        self.fails: list[Exception | None] = []
        self.cursors: list[dict] = []

    async def __call__(self, cursor: dict) -> Articles:
        self.cursors.append(cursor)
        if self.fails and (error := self.fails.pop(0)):
            raise error
        start = cursor.get("from", 0)
        onward = {"from": start + 2} if start + 2 < len(self.codes) else None
        return Articles(tuple(Article(code) for code in self.codes[start : start + 2]), onward)


class Pair:
    def __init__(self, stage: Stage) -> None:
        self.shop, self.books = Catalogue("TEE", "GHOST", "DRESS"), Catalogue("TEE", "DRESS", "COAT")
        channel = replace(stage.ctx.channels[SHOP], catalogue=self.shop)
        erp = replace(stage.ctx.erp, catalogue=self.books)
        self.stage = replace(stage, ctx=replace(stage.ctx, channels={SHOP: channel}, erp=erp))

    async def compare(self) -> None:
        self.stage.later(1)
        await align.ask(self.stage.pool, [SHOP, BOOKS])
        await self.stage.drain()

    async def told(self) -> list[tuple[str, str]]:
        rows = await alignment.misfits(self.stage.pool, list(align.Misfit))
        return [(row.code, row.misfit) for row in rows]


@pytest.fixture
def pair(stage: Stage) -> Pair:
    return Pair(stage)


async def test_all_pages_are_read_and_compared(pair):
    await pair.compare()
    assert pair.shop.cursors == [{}, {"from": 2}]
    assert await pair.told() == [("GHOST", "unknown"), ("COAT", "unoffered")]
    assert await alignment.failing(pair.stage.pool) == 1
    rows = {row.destination: (row.articles, row.failing) for row in await alignment.walks(pair.stage.pool)}
    assert rows == {SHOP: (3, 1), BOOKS: (3, 0)}


async def test_what_left_a_catalogue_is_in_no_report(pair):
    await pair.compare()
    pair.shop.codes.remove("GHOST")
    await pair.compare()
    assert await pair.told() == [("COAT", "unoffered")]
    pair.shop.codes.append("COAT")
    await pair.compare()
    assert await pair.told() == []


async def test_a_walk_goes_on_where_it_failed(pair):
    pair.shop.fails = [None, TransientError("cut off")]
    await pair.compare()
    pair.stage.later(60)
    await pair.stage.drain()
    assert pair.shop.cursors == [{}, {"from": 2}, {"from": 2}]
    assert ("GHOST", "unknown") in await pair.told()


async def test_what_was_compared_stands_while_a_new_walk_is_under_way(pair):
    await pair.compare()
    pair.shop.fails = [None, PermanentError("E-CENTRA-PERMISSION", "no")]
    await pair.compare()
    assert await pair.told() == [("GHOST", "unknown"), ("COAT", "unoffered")]
    assert await pair.stage.cases() == ["E-CENTRA-PERMISSION"]


async def test_without_the_erps_products_nothing_is_called_unknown(pair):
    pair.books.fails = [PermanentError("E-SAGE-FORBIDDEN", "no")]
    await pair.compare()
    assert (await pair.told(), await alignment.failing(pair.stage.pool)) == ([], None)


async def test_codes_that_no_index_could_hold_are_unknown_and_stop_nobody(pair):
    pair.shop.codes = ["X" * 9000, "NUL\x00", "TEE"]
    await pair.compare()
    assert [why for _, why in await pair.told()].count("unknown") == 2


@pytest.mark.parametrize(
    ("now", "night"),
    [
        (datetime(2026, 7, 1, 2, 30, tzinfo=UTC), datetime(2026, 7, 1, 2, tzinfo=UTC)),
        (datetime(2026, 7, 1, 1, 30, tzinfo=UTC), datetime(2026, 6, 30, 2, tzinfo=UTC)),
        (datetime(2026, 12, 1, 3, 0, tzinfo=UTC), datetime(2026, 12, 1, 3, tzinfo=UTC)),
        (datetime(2026, 10, 25, 12, 0, tzinfo=UTC), datetime(2026, 10, 25, 3, tzinfo=UTC)),
    ],
)
def test_the_night_is_londons(now, night) -> None:
    assert night_before(now, 3) == night


async def test_it_begins_by_itself_once_a_night(pair):
    stage = pair.stage
    started = stage.clock()
    assert await align.seed(stage.ctx, started) == 0
    stage.later(timedelta(days=1).total_seconds())
    assert await align.seed(stage.ctx, started) == 2
    assert await align.seed(stage.ctx, started) == 0
    await stage.drain()
    assert await align.seed(stage.ctx, started) == 0
    stage.later(timedelta(days=1).total_seconds())
    assert await align.seed(stage.ctx, stage.clock()) == 2
