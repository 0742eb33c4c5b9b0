"""Edits, cancellations and documents in every awkward order: the books follow the shop, or a case says why not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from app.domain.erp import DocumentStanding
from app.domain.errors import InDoubtError, PermanentError, TransientError
from app.domain.order import Standing
from app.flows.flow import Batch, Lease
from app.flows.release import release
from app.flows.settle import settle_all
from tests.flows.stage import BOOKS, SHOP, Late, Stage, document_of, order_of

FIRST = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


def at(minutes: int) -> datetime:
    return FIRST + timedelta(minutes=minutes)


async def retry_all(stage: Stage) -> None:
    rows = await stage.pool.fetch("SELECT id FROM exception_case WHERE closed_at IS NULL AND NOT flag")
    await release(stage.pool, [row["id"] for row in rows], actor="ann", reason="done by hand")
    await stage.drain()


async def test_edit_that_was_taken_back_and_made_again_is_not_forgotten(stage: Stage) -> None:
    stage.books.script = [Late(InDoubtError("read timeout"))]
    await stage.accept(order_of("1", "TEE", at=at(0)))
    for minute, sku in ((1, "DRESS"), (2, "TEE")):
        await stage.tell(order_of("1", sku, at=at(minute)))
        await stage.turn(SHOP)
    stage.later(11)
    await stage.drain()
    assert await stage.cases() == []
    await stage.accept(order_of("1", "DRESS", at=at(3)))
    assert await stage.cases() == ["E-EDIT-AFTER-POST"]


async def test_one_edit_told_twice_is_one_change(stage: Stage) -> None:
    await stage.accept(order_of("1", "TEE", at=at(0)))
    await stage.accept(order_of("1", "DRESS", at=at(1)))
    await stage.accept(order_of("1", "DRESS", at=at(1)))
    await stage.accept(replace(order_of("1", "DRESS", at=at(2)), payment_method="card"))
    assert await stage.cases() == ["E-EDIT-AFTER-POST"]
    assert await stage.pool.fetchval("SELECT count(*) FROM message WHERE kind LIKE '%.change'") == 1


async def test_order_that_was_cancelled_unsent_and_opened_again_is_placed(stage: Stage) -> None:
    await stage.tell(order_of("1", at=at(0)))
    await stage.turn(SHOP)
    await stage.accept(order_of("1", at=at(1), standing=Standing.CANCELLED))
    assert stage.sent() == []
    await stage.accept(order_of("1", at=at(2)))
    assert stage.sent() == ["CEN-1"]


async def test_cancellation_taken_back_and_made_again_is_not_forgotten(stage: Stage) -> None:
    stage.books.script = [Late(InDoubtError("read timeout"))]
    await stage.accept(order_of("1", at=at(0)))
    for minute, standing in ((1, Standing.CANCELLED), (2, Standing.RELEASABLE)):
        await stage.tell(order_of("1", at=at(minute), standing=standing))
        await stage.turn(SHOP)
    stage.later(11)
    await stage.drain()
    assert await stage.cases() == []
    await stage.accept(order_of("1", at=at(3), standing=Standing.CANCELLED))
    assert await stage.cases() == ["E-CANCEL-AFTER-POST"]


async def test_document_adopted_after_a_lost_answer_is_held_against_the_plan(stage: Stage) -> None:
    stage.books.script = [Late(InDoubtError("read timeout"))]
    await stage.accept(order_of("1"))
    made = stage.books.documents["CEN-1"][0]
    stage.books.documents["CEN-1"] = (replace(made, gross=made.gross + Decimal("0.01")),)
    stage.later(11)
    await stage.drain()
    assert await stage.ends() == {"place 1": "applied"}
    assert await stage.cases() == ["E-TOTAL-MISMATCH"]


async def test_duplicates_are_settled_once_all_but_one_are_cancelled(stage: Stage) -> None:
    stage.books.script = [Late(InDoubtError("read timeout"))]
    await stage.accept(order_of("1"))
    made = stage.books.documents["CEN-1"][0]
    stage.books.documents["CEN-1"] = (made, replace(made, id=77, number="SO77"))
    stage.later(11)
    await stage.drain()
    assert await stage.cases() == ["E-DUP-EXISTING"]
    gone = replace(made, id=77, number="SO77", standing=DocumentStanding.CANCELLED)
    stage.books.documents["CEN-1"] = (made, gone)
    await retry_all(stage)
    assert await stage.ends() == {"place 1": "applied"}
    assert await stage.cases() == []


async def test_edit_that_a_person_made_in_the_books_is_settled_by_a_retry(stage: Stage) -> None:
    await stage.accept(order_of("1", "TEE", at=at(0)))
    await stage.accept(order_of("1", "DRESS", at=at(1)))
    await retry_all(stage)
    assert await stage.cases() == ["E-EDIT-AFTER-POST"]
    old, planned = stage.books.documents["CEN-1"][0], stage.books.placed[0]
    entry = replace(planned.entries[0], code="DRESS")
    stage.books.documents["CEN-1"] = (replace(document_of(replace(planned, entries=(entry,)), old.id)),)
    await retry_all(stage)
    assert await stage.cases() == []
    assert await stage.ends() == {"place 1": "applied", "change 1": "applied"}


async def test_settled_edit_is_what_later_edits_are_compared_with(stage: Stage) -> None:
    await test_edit_that_a_person_made_in_the_books_is_settled_by_a_retry(stage)
    await stage.accept(order_of("1", "DRESS", at=at(5), hold_reason="x"))
    assert await stage.cases() == []
    await stage.accept(order_of("1", "TEE", at=at(6)))
    assert await stage.cases() == ["E-EDIT-AFTER-POST"]


async def test_cancellation_that_a_person_made_in_the_books_is_settled_by_a_retry(stage: Stage) -> None:
    await stage.accept(order_of("1", at=at(0)))
    await stage.accept(order_of("1", at=at(1), standing=Standing.CANCELLED))
    assert await stage.cases() == ["E-CANCEL-AFTER-POST"]
    made = stage.books.documents["CEN-1"][0]
    stage.books.documents["CEN-1"] = (replace(made, standing=DocumentStanding.CANCELLED),)
    await retry_all(stage)
    assert await stage.cases() == []
    assert await stage.ends() == {"place 1": "applied", "cancel 1": "applied"}


async def test_notices_of_a_failed_request_keep_their_order_before_younger_ones(stage: Stage) -> None:
    await stage.tell(*(order_of(str(number)) for number in range(20)))
    stage.shop.fails = [TransientError("read timeout")] * 2
    await stage.turn(SHOP)
    await stage.tell(order_of("99"))
    for _ in range(6):
        stage.later(15)
        await stage.drain(SHOP)
    asked = stage.shop.asked[-1]
    assert asked[:20] == [str(number) for number in range(20)]


async def test_refused_request_for_many_orders_parks_only_the_one_that_is_refused(stage: Stage) -> None:
    fetch = stage.shop.fetch

    async def refuse(refs):
        if "13" in refs:
            raise PermanentError("E-CENTRA-QUERY", "too much")
        return await fetch(refs)

    channel = replace(stage.ctx.channels[SHOP], fetch_orders=refuse)
    stage.ctx = replace(stage.ctx, channels={SHOP: channel})
    await stage.accept(*(order_of(str(number)) for number in range(20)))
    assert (len(stage.sent()), await stage.cases()) == (19, ["E-CENTRA-QUERY"])


async def test_edit_that_is_read_while_its_order_is_being_sent_is_seen(stage: Stage) -> None:
    """Between the look at the open effect and the new snapshot's commit, the effect is sent with the old one."""
    await stage.tell(order_of("1", "TEE", at=at(0)))
    await stage.turn(SHOP)
    more = order_of("1", "TEE", at=at(1))
    more = replace(more, lines=(replace(more.lines[0], description="in blue"),))
    await stage.tell(more)
    ((flow, messages),) = await stage.take(SHOP)
    batch = Batch(messages, Lease(messages[0].lease_until))
    outcomes = [one for group in [o async for o in flow.handle(stage.ctx, batch)] for one in group]
    await stage.turn(BOOKS)
    await settle_all(stage.ctx, outcomes, batch.lease)
    await stage.drain()
    assert await stage.cases() == ["E-EDIT-AFTER-POST"]


async def test_order_that_always_fails_a_request_is_found_among_many(stage: Stage) -> None:
    fetch = stage.shop.fetch

    async def fail(refs):
        if "13" in refs:
            raise TransientError("Centra failed inside")
        return await fetch(refs)

    channel = replace(stage.ctx.channels[SHOP], fetch_orders=fail)
    stage.ctx = replace(stage.ctx, channels={SHOP: channel})
    await stage.tell(*(order_of(str(number)) for number in range(20)))
    for _ in range(12):
        stage.later(15)
        await stage.drain()
    assert len(stage.sent()) == 19


async def test_lasting_outage_of_a_channel_parks_and_shuffles_nothing(stage: Stage) -> None:
    stage.shop.fails = [TransientError("read timeout")] * 60
    await stage.tell(*(order_of(str(number)) for number in range(20)))
    for _ in range(80):
        stage.later(15)
        await stage.drain(SHOP)
    assert stage.shop.fails == []
    rows = await stage.pool.fetch("SELECT order_ref FROM message WHERE cls = 'effect' ORDER BY id")
    assert [row["order_ref"] for row in rows] == [str(number) for number in range(20)]
