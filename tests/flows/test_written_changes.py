"""Edits and cancellations are written to the ERP; what a crash or a person left between two tries is met as it is."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from app.domain.amend import Amendment, Contents, OurLock, Revision
from app.domain.erp import DocumentStanding
from app.domain.errors import InDoubtError, SnoozeError, TransientError
from app.domain.message import Violation
from app.domain.order import Order, Standing
from app.flows.accept import Word, accept
from app.flows.aim import Aim
from app.flows.our_lock import release_left
from app.ledger import lock
from tests.domain.test_merge import edited, held, units, write
from tests.flows.stage import BOOKS, SHOP, Stage, order_of
from tests.flows.test_release import case_ids

FIRST = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


def at(minutes: int) -> datetime:
    return FIRST + timedelta(minutes=minutes)


@dataclass
class Desk:
    """The document of the first order. `script`: an error before the write, or `Late` one after it. `meanwhile`: what the shop
    tells while a change is being written.
    """

    stage: Stage
    contents: Contents | None = None
    script: list[Exception | Callable[[], Exception]] = None
    released: list[tuple[int, int]] = None
    meanwhile: list[Order] = field(default_factory=list)

    async def read(self, _document_id: int) -> Contents | None:
        return self.contents

    async def change(self, revision: Revision, ours: OurLock) -> Contents | tuple[Violation, ...]:
        await ours.begin()
        await ours.take(5)
        if self.meanwhile:
            await self.stage.tell(self.meanwhile.pop())
            await self.stage.turn(SHOP)
        act = self.script.pop(0) if self.script else None
        if isinstance(act, Exception):
            await ours.end()
            raise act
        wish = revision.decide(self.contents)
        if isinstance(wish, Amendment):
            await ours.write()
            self.contents = write(self.contents, wish)
        if act is not None:
            raise act()
        await ours.end()
        return wish if isinstance(wish, tuple) else self.contents

    async def release(self, document_id: int, lock_id: int) -> None:
        self.released.append((document_id, lock_id))


@pytest.fixture
async def desk(stage: Stage) -> Desk:
    """One order of a tee is posted, and the books let us in."""
    await stage.accept(order_of("1", "TEE", at=FIRST))
    made = Desk(stage, script=[], released=[])
    plan = stage.books.placed[0]
    made.contents = replace(held(plan), document=stage.books.documents["CEN-1"][0])
    erp = replace(stage.ctx.erp, contents=made.read, change=made.change, release=made.release)
    stage.ctx = replace(stage.ctx, erp=erp)
    return made


async def of_change(stage: Stage) -> list[str]:
    """State or result of each change, in turn."""
    rows = await stage.pool.fetch(
        """
        SELECT coalesce(s.state, r.result) AS ended FROM message AS m LEFT JOIN message_state AS s USING (id)
        LEFT JOIN receipt AS r ON r.message_id = m.id WHERE m.kind LIKE '%.change' ORDER BY m.id
        """
    )
    return [row["ended"] for row in rows]


async def open_locks(stage: Stage) -> int:
    return await stage.pool.fetchval("SELECT count(*) FROM erp_lock")


async def test_an_edit_is_written_and_later_ones_are_held_against_it(desk: Desk) -> None:
    stage = desk.stage
    await stage.accept(order_of("1", "TEE", "DRESS", at=at(1)))
    await stage.accept(order_of("1", "TEE", "DRESS", at=at(2)))
    assert (units(desk.contents), await open_locks(stage)) == ({"TEE": 1, "DRESS": 1}, 0)
    assert (await stage.ends())["change 1"] == "applied"
    assert await stage.pool.fetchval("SELECT codes FROM binding") == {"TEE": "TEE", "DRESS": "DRESS"}


async def test_an_edit_whose_plan_is_refused_writes_nothing(desk: Desk) -> None:
    await desk.stage.accept(order_of("1", "TEE", "GHOST", at=at(1)))
    assert (units(desk.contents), await desk.stage.cases()) == ({"TEE": 1}, ["E-SKU-UNKNOWN"])


async def test_a_lock_of_somebody_else_is_waited_for_and_all_is_read_anew(desk: Desk) -> None:
    stage = desk.stage
    desk.script = [SnoozeError("locked in Sage", 30.0)]
    await stage.accept(order_of("1", "TEE", "DRESS", at=at(1)))
    assert (await stage.ends())["change 1"] == "waiting"
    desk.contents = edited(desk.contents, "TEE", quantity=Decimal(7))
    stage.later(31)
    await stage.drain()
    assert units(desk.contents) == {"TEE": 7, "DRESS": 1}


async def test_a_change_without_an_answer_is_found_or_waits_out_the_quarantine(desk: Desk) -> None:
    stage = desk.stage
    desk.script = [lambda: InDoubtError("read timeout")]
    await stage.accept(order_of("1", "TEE", "DRESS", at=at(1)))
    assert (await stage.ends())["change 1"] == "in_doubt"
    stage.later(11)
    await stage.drain()
    assert ((await stage.ends())["change 1"], units(desk.contents)) == ("applied", {"TEE": 1, "DRESS": 1})


async def test_a_change_that_never_arrived_is_sent_again_only_after_the_quarantine(desk: Desk) -> None:
    stage, before = desk.stage, desk.contents
    desk.script = [lambda: InDoubtError("read timeout")]
    await stage.accept(order_of("1", "TEE", "DRESS", at=at(1)))
    desk.contents = before
    stage.later(11)
    await stage.drain()
    assert ((await stage.ends())["change 1"], units(desk.contents)) == ("in_doubt", {"TEE": 1})
    for _ in range(60):
        stage.later(61)
        await stage.drain()
    assert ((await stage.ends())["change 1"], units(desk.contents)) == ("applied", {"TEE": 1, "DRESS": 1})


@pytest.mark.requirement("R-58")
async def test_what_a_killed_worker_held_is_released_by_the_next_try(desk: Desk) -> None:
    stage = desk.stage
    desk.script = [lambda: InDoubtError("killed")]  # nobody said that the lock ended
    await stage.accept(order_of("1", "TEE", "DRESS", at=at(1)))
    assert await open_locks(stage) == 1
    stage.later(11)
    await stage.drain()
    assert units(desk.contents) == {"TEE": 1, "DRESS": 1}
    await stage.accept(order_of("1", "TEE", "DRESS", "SHOES", at=at(2)))
    assert (desk.released, await open_locks(stage)) == ([(1001, 5)], 0)


async def test_a_document_that_is_gone_is_cancelled_and_cannot_be_edited(desk: Desk) -> None:
    stage = desk.stage
    desk.contents = None
    await stage.accept(order_of("1", "TEE", "DRESS", at=at(1)))
    assert await stage.cases() == ["E-EDIT-AFTER-POST"]
    await stage.accept(order_of("1", "TEE", at=at(2), standing=Standing.CANCELLED))
    assert await stage.cases() == []


async def test_a_conflict_that_was_accepted_is_no_conflict_with_the_next_edit(desk: Desk) -> None:
    stage = desk.stage
    desk.contents = edited(desk.contents, "TEE", quantity=Decimal(9))
    two = order_of("1", "TEE", at=at(1))
    two = replace(
        two,
        lines=(replace(two.lines[0], quantity=2, gross=Decimal("48.00")),),
        totals=replace(two.totals, gross=Decimal("48.00"), tax=Decimal("8.00")),
    )
    await stage.accept(two)
    assert await stage.cases() == ["E-EDIT-CONFLICT"]
    (case,) = await case_ids(stage)
    await accept(stage.pool, Aim(case=case), Word("ann", "agreed", prefixes={"uk": "CEN"}))
    more = order_of("1", "DRESS", at=at(2)).lines[0]
    both = replace(
        two,
        lines=(*two.lines, more),
        totals=replace(two.totals, gross=Decimal("72.00"), tax=Decimal("12.00")),
        updated_at=at(2),
    )
    await stage.accept(both)
    assert units(desk.contents) == {"TEE": 9, "DRESS": 1}
    assert await stage.cases() == ["E-TOTAL-MISMATCH"]  # finance sees what was accepted


async def test_where_nobody_knows_what_was_told_last_changed_totals_are_a_persons(desk: Desk) -> None:
    stage = desk.stage
    await stage.pool.execute("UPDATE binding SET applied = NULL, gross = gross + 1")
    await stage.accept(order_of("1", "TEE", "DRESS", at=at(1)))
    assert (await stage.cases(), units(desk.contents)) == (["E-EDIT-CONFLICT"], {"TEE": 1})
    await stage.pool.execute("UPDATE binding SET gross = gross - 1")
    await stage.retry_all()
    assert units(desk.contents) == {"TEE": 1, "DRESS": 1}


async def test_where_nobody_knows_what_was_told_last_an_exchange_at_one_price_is_not_undone(
    desk: Desk,
) -> None:
    stage, ordered = desk.stage, desk.contents
    await stage.pool.execute("UPDATE binding SET applied = NULL")
    swapped = [replace(one, entry=replace(one.entry, code="SHOES")) for one in ordered.lines]
    desk.contents = replace(ordered, lines=tuple(swapped))
    await stage.accept(order_of("1", "TEE", "DRESS", at=at(1)))
    assert (await stage.cases(), units(desk.contents)) == (["E-EDIT-CONFLICT"], {"SHOES": 1})
    desk.contents = ordered
    await stage.retry_all()
    assert units(desk.contents) == {"TEE": 1, "DRESS": 1}


async def test_a_cancellation_holds_the_lanes_of_what_it_gives_back(desk: Desk) -> None:
    stage = desk.stage
    gone = order_of("1", "TEE", at=at(1), standing=Standing.CANCELLED)
    await stage.tell(replace(gone, lines=(replace(gone.lines[0], quantity=0, cancelled=1),)))
    await stage.turn(SHOP)
    assert (await stage.state("sage200.sales_order.cancel"))["lanes"] == ["sku:TEE"]
    await stage.turn(BOOKS)
    assert units(desk.contents) == {}


async def test_an_edit_that_was_taken_back_while_it_was_in_doubt_is_not_left_in_the_books(desk: Desk) -> None:
    stage, before = desk.stage, desk.contents
    desk.script = [lambda: InDoubtError("read timeout")]
    await stage.accept(order_of("1", "TEE", "DRESS", at=at(1)))
    await stage.accept(order_of("1", "TEE", at=at(2)))
    stage.later(11)
    await stage.drain()
    assert (await stage.cases(), units(desk.contents)) == (["E-EDIT-CONFLICT"], {"TEE": 1, "DRESS": 1})
    desk.contents = before
    await stage.retry_all()
    for _ in range(8):
        stage.later(61)
        await stage.drain()
    assert (await of_change(stage), await stage.cases()) == (["applied", "no_effect"], [])


async def test_an_edit_that_was_taken_back_may_still_arrive_while_it_is_in_doubt(desk: Desk) -> None:
    stage, before = desk.stage, desk.contents
    desk.script = [lambda: InDoubtError("read timeout")]
    await stage.accept(order_of("1", "TEE", "DRESS", at=at(1)))
    desk.contents = before
    await stage.accept(order_of("1", "TEE", at=at(2)))
    stage.later(11)
    await stage.drain()
    assert await of_change(stage) == ["in_doubt", "waiting"]
    for _ in range(8):
        stage.later(61)
        await stage.drain()
    assert (await of_change(stage), units(desk.contents)) == (["applied", "no_effect"], {"TEE": 1})


async def test_an_edit_that_is_taken_back_while_it_is_written_is_not_left_in_the_books(desk: Desk) -> None:
    stage = desk.stage
    desk.meanwhile = [order_of("1", "TEE", at=at(2))]
    await stage.accept(order_of("1", "TEE", "DRESS", at=at(1)))
    assert (await of_change(stage), units(desk.contents)) == (["applied", "applied"], {"TEE": 1})


async def test_a_cancellation_that_is_taken_back_while_it_is_written_is_a_persons(desk: Desk) -> None:
    stage = desk.stage
    desk.meanwhile = [order_of("1", "TEE", at=at(2))]
    await stage.tell(order_of("1", "TEE", at=at(1), standing=Standing.CANCELLED))
    await stage.turn(SHOP)
    await stage.turn(BOOKS)
    gone = replace(desk.contents.document, standing=DocumentStanding.CANCELLED)
    desk.contents = replace(desk.contents, document=gone)
    await stage.drain()
    assert await stage.cases() == ["E-SAGE-CANCELLED"]


async def test_an_order_that_is_opened_again_after_its_document_was_cancelled_is_a_persons(
    desk: Desk,
) -> None:
    stage = desk.stage
    await stage.accept(order_of("1", "TEE", at=at(1), standing=Standing.CANCELLED))
    gone = replace(desk.contents.document, standing=DocumentStanding.CANCELLED)
    desk.contents = replace(desk.contents, document=gone)
    await stage.accept(order_of("1", "TEE", at=at(2)))
    assert await stage.cases() == ["E-SAGE-CANCELLED"]


async def test_a_lock_that_is_not_released_yet_is_not_forgotten(desk: Desk) -> None:
    stage = desk.stage
    await stage.pool.execute("INSERT INTO erp_lock VALUES ('sage200:main', 1001, 7, 'killed')")
    released = desk.release

    async def busy(_document_id: int, _lock_id: int) -> None:
        raise TransientError("deadlock")

    stage.ctx = replace(stage.ctx, erp=replace(stage.ctx.erp, release=busy))
    await stage.accept(order_of("1", "TEE", "DRESS", at=at(1)))
    assert await stage.pool.fetchval("SELECT lock_id FROM erp_lock") == 7
    stage.ctx = replace(stage.ctx, erp=replace(stage.ctx.erp, release=released))
    stage.later(11)
    await stage.drain()
    assert (desk.released, units(desk.contents)) == ([(1001, 7)], {"TEE": 1, "DRESS": 1})


async def test_a_lock_that_is_begun_while_an_older_one_is_released_stays_remembered(desk: Desk) -> None:
    stage = desk.stage
    await stage.pool.execute("INSERT INTO erp_lock VALUES ('sage200:main', 1001, 7, 'killed')")

    async def slow(_document_id: int, _lock_id: int) -> None:
        await lock.begin(stage.pool, BOOKS, 1001, "w2")

    stage.ctx = replace(stage.ctx, erp=replace(stage.ctx.erp, release=slow))
    assert await release_left(stage.ctx, timedelta()) == 1
    assert await stage.pool.fetchval("SELECT worker FROM erp_lock") == "w2"
