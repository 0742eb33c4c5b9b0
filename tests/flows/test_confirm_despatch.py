"""What a channel shipped: looked for before it is sent, sent once, and never more than the ERP expects."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.domain.despatch import Note, NoteLine
from app.domain.erp import Document, DocumentStanding
from app.domain.errors import DestinationError, InDoubtError, LockedError, TransientError
from app.domain.order import Shipped, Standing
from app.domain.progress import Despatch, LineProgress, Progress
from app.flows.accept import Word, accept
from app.flows.aim import Aim
from tests.domain.shop import line, make_order
from tests.flows.stage import Late, Stage, order_of

KIND = "sage200.despatch.confirm"
ONE = Shipped("1-1", (("TEE", 2),))


@dataclass
class Warehouse:
    """An ERP with one line of five units. `script`: what becomes of each confirmation, in turn: an error raised before it, or
    `Late`. `keeps`: whether notes keep what is written on them.
    """

    stage: Stage
    ordered: int = 5
    gone: int = 0
    keeps: bool = True
    exists: bool = True
    sent: list[Despatch] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    script: list[Any] = field(default_factory=list)

    async def progress(self, document_id: int) -> Progress | None:
        left = Decimal(self.ordered - self.gone)
        lines = (LineProgress(7, "TEE", Decimal(self.ordered), Decimal(self.gone), left),)
        return Progress(f"SO{document_id}", True, lines, tuple(self.notes)) if self.exists else None

    async def confirm(self, despatch: Despatch, last_check: Callable[[], None]) -> None:
        last_check()
        act = self.script.pop(0) if self.script else None
        if isinstance(act, Exception):
            raise act
        self.sent.append(despatch)
        units = sum(int(item.quantity) for item in despatch.items)
        self.gone += units
        remark = despatch.mark if self.keeps else ""
        goods = (NoteLine("TEE", Decimal(units)),)
        self.notes.append(Note(str(len(self.notes)), 1001, "", "", "", goods, remark))
        if isinstance(act, Late):
            raise act.error

    async def ship(self, *shipped: Shipped) -> None:
        """The shop shows these now, and tells of its order."""
        order = make_order(line("TEE", "120.00", quantity=5, ref="TEE"), gross="120.00", tax="20.00", ref="1")
        at = order.updated_at + timedelta(seconds=self.stage.told)
        await self.stage.tell(replace(order, shipped=shipped, updated_at=at))
        await self.stage.drain()

    async def wait(self, seconds: float = 301, times: int = 4) -> None:
        for _ in range(times):
            self.stage.later(seconds)
            await self.stage.drain()

    async def open(self) -> int:
        return await self.stage.pool.fetchval("SELECT count(*) FROM shipped WHERE confirmed_at IS NULL")

    async def accept(self) -> None:
        rows = await self.stage.pool.fetch("SELECT id FROM exception_case WHERE closed_at IS NULL")
        for row in rows:
            await accept(self.stage.pool, Aim(case=row["id"]), Word("ann", "seen"))


@pytest.fixture
async def house(stage: Stage) -> Warehouse:
    made = Warehouse(stage)
    erp = replace(stage.ctx.erp, progress=made.progress, confirm_despatch=made.confirm)
    made.stage = replace(stage, ctx=replace(stage.ctx, erp=erp))
    return made


@pytest.mark.requirement("R-51")
async def test_a_shipment_is_confirmed_once_however_often_it_is_read(house):
    for _ in range(3):
        await house.ship(ONE)
    assert (len(house.sent), house.gone, await house.open()) == (1, 2, 0)
    assert house.sent[0].mark == "SLUICE uk 1-1"


@pytest.mark.requirement("RC-24")
@pytest.mark.parametrize("keeps", [True, False])
async def test_an_answer_that_was_lost_is_found_by_the_mark_or_by_the_lines(house, keeps):
    house.keeps = keeps
    house.script = [Late(InDoubtError("no answer"))]
    await house.ship(ONE)
    assert await house.open() == 1
    await house.wait()
    assert (house.gone, len(house.sent), await house.open(), await house.stage.cases()) == (2, 1, 0, [])


@pytest.mark.requirement("RC-24")
async def test_what_is_absent_is_sent_again_only_after_the_quarantine(house):
    house.script = [InDoubtError("no answer")]
    await house.ship(ONE)
    await house.wait(70, times=3)
    assert house.sent == []
    await house.wait(70, times=8)
    assert (house.gone, len(house.sent), await house.open()) == (2, 1, 0)


@pytest.mark.parametrize("looked", ["retry", "accept"])
async def test_a_doubt_that_the_lines_do_not_settle_is_a_persons(house, looked):
    """Somebody despatched something else meanwhile, in a company that keeps no tracking."""
    house.script = [InDoubtError("no answer")]
    await house.ship(ONE)
    house.gone = 1
    await house.wait()
    assert (await house.stage.cases(), house.sent) == (["E-DESPATCH-UNSURE"], [])
    await (house.stage.retry_all() if looked == "retry" else house.accept())
    assert (house.gone, await house.open()) == ((3, 0) if looked == "retry" else (1, 0))
    assert await house.stage.cases() == []


@pytest.mark.parametrize(
    "error", [LockedError("jsmith"), DestinationError("away"), TransientError("deadlock")]
)
async def test_what_was_surely_refused_leaves_no_doubt_behind(house, error):
    """A user who despatched as much by hand before we came again is not taken for us."""
    house.script, house.keeps = [error], False
    await house.ship(ONE)
    house.gone = 2
    await house.wait()
    assert (house.gone, await house.open()) == (4, 0)


@pytest.mark.requirement("R-51")
async def test_more_than_the_erp_expects_is_parked_until_it_was_done_by_hand(house):
    await house.ship(ONE, Shipped("1-2", (("TEE", 4),)))
    assert (house.gone, await house.stage.cases()) == (2, ["E-QTY"])
    await house.stage.retry_all()
    assert await house.stage.cases() == ["E-QTY"]
    house.ordered = house.gone = 6
    await house.stage.retry_all()
    assert (len(house.sent), await house.open(), await house.stage.cases()) == (1, 0, [])


async def test_a_carrier_without_a_row_is_parked_and_never_guessed(house):
    await house.ship(replace(ONE, carrier="owl"))
    row = await house.stage.pool.fetchrow("SELECT violations FROM exception_case")
    wrong = row["violations"][0]
    assert (wrong["code"], wrong["field"], wrong["value"], wrong["need"]) == (
        "E-CARRIER-UNMAPPED",
        "carrier",
        "owl",
        "carriers",
    )
    assert house.sent == []


async def test_a_shipment_that_the_channel_shows_no_longer_is_a_persons(house):
    house.script = [LockedError("jsmith")]
    await house.ship(ONE)
    await house.ship()
    await house.wait(61, times=1)
    assert (house.sent, await house.stage.cases()) == ([], ["E-SHIPMENT-GONE"])
    await house.accept()
    assert (await house.open(), await house.stage.cases()) == (0, [])


async def test_an_order_that_the_erp_lost_is_a_persons(house):
    house.exists = False
    await house.ship(ONE)
    assert (house.sent, await house.stage.cases()) == ([], ["E-DESPATCH-UNPLACED"])


@pytest.mark.requirement("RC-22")
async def test_what_left_before_the_order_is_there_stands_behind_it(house):
    house.stage.books.script = [DestinationError("away")]
    await house.ship(ONE)
    assert (house.sent, await house.open()) == ([], 1)
    await house.wait(60, times=2)
    assert (house.stage.sent(), house.gone, await house.stage.cases()) == (["CEN-1"], 2, [])


@pytest.mark.requirement("RC-28")
async def test_shipments_behind_a_lock_keep_their_order(house):
    house.script = [LockedError("jsmith")]
    await house.ship(ONE)
    await house.ship(ONE, Shipped("1-2", (("TEE", 1),)))
    await house.ship(ONE, Shipped("1-2", (("TEE", 1),)), Shipped("1-3", (("TEE", 2),)))
    assert house.sent == []
    await house.wait(61, times=1)
    assert [one.mark[-3:] for one in house.sent] == ["1-1", "1-2", "1-3"]


async def test_a_shipment_holds_the_lanes_of_its_goods_and_leaves_them_to_a_lock(house):
    """Another order of the article is not held up by somebody who has this one open."""
    house.script = [LockedError("jsmith")]
    await house.ship(ONE)
    row = await house.stage.state(KIND)
    assert (row["lanes"], row["ticket"], row["order_lane"] is not None) == (["sku:TEE"], None, True)
    await house.stage.accept(order_of("2", "TEE"))
    assert "CEN-2" in house.stage.sent()


async def test_an_order_that_is_none_of_the_erps_has_no_shipments_to_confirm(house):
    """It was on hold when it was first seen, and is no order of ours yet."""
    held = replace(order_of("1", "TEE"), standing=Standing.HELD, hold_reason="DISPATCHED", shipped=(ONE,))
    await house.stage.accept(held)
    assert (await house.open(), await house.stage.ends()) == (0, {})


async def test_what_left_before_a_person_posted_its_order_is_despatched_in_the_document_that_was_named(house):
    """What proves the document was appended later, and waits for the despatch."""
    stage = house.stage
    order = make_order(line("GHOST", "120.00", quantity=5, ref="A"), gross="120.00", tax="20.00", ref="1")
    await stage.tell(replace(order, shipped=(replace(ONE, lines=(("A", 2),)),)))
    await stage.drain()
    assert await stage.cases() == ["E-SKU-UNKNOWN"]
    figures = (Decimal(100), Decimal(20), Decimal(120))
    typed = Document(77, "SO777", "", "", DocumentStanding.LIVE, *figures, {"TEE": Decimal(5)})
    stage.books.documents["typed"] = (typed,)
    case = await stage.pool.fetchval("SELECT id FROM exception_case WHERE closed_at IS NULL")
    await accept(stage.pool, Aim(case=case), Word("ann", "typed", "SO777", {"uk": "CEN"}))
    await stage.drain()
    assert ([one.document_id for one in house.sent], house.gone, await house.open()) == ([77], 2, 0)
    assert (await stage.cases(), await stage.pool.fetchval("SELECT document_id FROM binding")) == ([], 77)
