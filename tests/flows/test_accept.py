"""A person's word settles what waits, and later reads keep to it; a notice whose order was understood since ends by itself."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from app.domain.erp import Document, DocumentStanding
from app.domain.message import Violation
from app.domain.order import Standing, Unreadable
from app.flows.accept import UnfitError, Word, accept
from app.flows.aim import Aim
from app.flows.overtaken import end_overtaken
from app.outbox import replay
from tests.flows.stage import Stage, order_of
from tests.flows.test_release import case_ids
from tests.flows.test_tend import turn

WORD = Word("ann", "agreed", prefixes={"uk": "CEN"})
LATER = datetime(2030, 1, 1, tzinfo=UTC)


async def word(stage: Stage, **more: str) -> int:
    (case,) = await case_ids(stage)
    return (await accept(stage.pool, Aim(case=case), replace(WORD, **more))).messages


async def edited(stage: Stage) -> None:
    await stage.accept(order_of("1", "TEE"))
    await stage.accept(order_of("1", "SHOES", at=LATER))
    assert await stage.cases() == ["E-EDIT-AFTER-POST"]


async def test_an_edit_that_was_accepted_does_not_come_back_with_the_next_notice(stage: Stage) -> None:
    await edited(stage)
    assert await word(stage) == 1
    await stage.accept(order_of("1", "SHOES", at=LATER.replace(year=2031)))
    assert (await stage.cases(), stage.sent()) == ([], ["CEN-1"])


async def test_another_edit_after_it_is_an_exception_again(stage: Stage) -> None:
    await edited(stage)
    await word(stage)
    await stage.accept(order_of("1", "DRESS", at=LATER.replace(year=2031)))
    assert await stage.cases() == ["E-EDIT-AFTER-POST"]


async def test_an_order_posted_by_hand_is_never_sent_whatever_notice_comes(stage: Stage) -> None:
    await stage.accept(order_of("1", "GHOST"))
    stage.books.documents["typed"] = (typed("SO777"),)
    assert await word(stage, document="SO777") == 1
    stage.books.facts = replace(
        stage.books.facts, products={**stage.books.facts.products, "GHOST": stage.books.facts.products["TEE"]}
    )
    await stage.accept(order_of("1", "GHOST", at=LATER))
    assert (stage.sent(), await stage.ends()) == ([], {"place 1": "applied", "bind 1": "applied"})


async def test_an_edit_of_an_order_posted_by_hand_names_its_document(stage: Stage) -> None:
    await stage.accept(order_of("1", "GHOST"))
    await word(stage, document="SO777")
    await stage.accept(order_of("1", "TEE", at=LATER))
    value = await stage.pool.fetchval(
        "SELECT violations -> 0 ->> 'value' FROM exception_case WHERE closed_at IS NULL"
    )
    assert (stage.sent(), value) == ([], "SO777")


async def test_what_may_have_been_sent_is_ended_only_as_a_document(stage: Stage) -> None:
    await stage.accept(order_of("1", "GHOST"))
    await stage.pool.execute("UPDATE message_state SET send_begun = true, doubt_since = now()")
    with pytest.raises(UnfitError):
        await word(stage)
    assert await stage.ends() == {"place 1": "parked"}


async def test_a_cancellation_that_was_accepted_leaves_the_document(stage: Stage) -> None:
    await stage.accept(order_of("1", "TEE"))
    await stage.accept(order_of("1", "TEE", at=LATER, standing=Standing.CANCELLED))
    assert await stage.cases() == ["E-CANCEL-AFTER-POST"]
    await word(stage)
    assert (await stage.cases(), (await stage.ends())["cancel 1"]) == ([], "no_effect")


BLOCKED = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


async def test_what_is_let_go_while_it_is_accepted_is_worked(stage: Stage) -> None:
    """The look sees it parked, the lock sees that it is not."""
    await stage.accept(order_of("1", "GHOST"))
    (number,) = await stage.pool.fetch("SELECT id FROM message_state WHERE state = 'parked'")
    async with asyncio.TaskGroup() as group, stage.pool.acquire() as conn, conn.transaction():
        assert await replay.release(conn, {number["id"]: None}) == [number["id"]]
        accepting = group.create_task(word(stage, document="SO777"))
        async with asyncio.timeout(20):
            while not await stage.pool.fetchval(BLOCKED):  # noqa: ASYNC110 - Postgres tells nobody
                await asyncio.sleep(0)
    assert (accepting.result(), await stage.ends()) == (0, {"place 1": "ready"})
    assert await stage.pool.fetchval("SELECT count(*) FROM binding") == 0


WRONG = Unreadable("1", (Violation("E-UNREADABLE", "lines", "a riddle", "correct it"),))


async def test_a_notice_whose_order_was_understood_since_ends_by_itself(stage: Stage) -> None:
    await stage.tell(WRONG)
    await stage.drain()
    assert (await stage.cases(), await end_overtaken(stage.pool)) == (["E-UNREADABLE"], 0)
    await stage.accept(order_of("1", "TEE"))
    assert await end_overtaken(stage.pool) == 1
    assert (await stage.cases(), stage.sent()) == ([], ["CEN-1"])
    assert (await stage.notices())[0] == ("superseded", "its order was read since")
    resolution = await stage.pool.fetchval("SELECT resolution FROM exception_case")
    assert resolution == "overtaken"


async def test_every_worker_looks_for_such_notices(stage: Stage) -> None:
    await stage.tell(WRONG)
    await stage.drain()
    await stage.accept(order_of("1", "TEE"))
    await turn(stage)
    assert await stage.cases() == []


async def test_an_unknown_status_is_no_understanding(stage: Stage) -> None:
    await stage.accept(order_of("1", "TEE", standing=Standing.UNKNOWN))
    await stage.accept(order_of("1", "TEE", at=LATER, standing=Standing.UNKNOWN))
    assert (await stage.cases(), await end_overtaken(stage.pool)) == (["E-STATUS-UNKNOWN"] * 2, 0)
    await stage.accept(order_of("1", "TEE", at=LATER.replace(year=2031)))
    assert (await end_overtaken(stage.pool), await stage.cases()) == (2, [])


async def test_an_order_that_was_understood_before_is_not_understood_now(stage: Stage) -> None:
    await stage.accept(order_of("1", "TEE"))
    await stage.tell(WRONG)
    await stage.drain()
    assert (await end_overtaken(stage.pool), await stage.cases()) == (0, ["E-UNREADABLE"])


def typed(number: str, **more: object) -> Document:
    """Entered in the books by a person: it carries no key of ours."""
    figures = (Decimal(20), Decimal(4), Decimal(24))
    units = {"TEE": Decimal(1)}
    return replace(Document(77, number, "", "", DocumentStanding.LIVE, *figures, units), **more)


async def posted_by_hand(stage: Stage, *documents: Document) -> None:
    """An order of a TEE under a code that the books lack; a person enters it and says so."""
    await stage.accept(order_of("1", "GHOST"))
    stage.books.documents["typed"] = documents
    await word(stage, document="SO777")
    await stage.drain()


async def bound_id(stage: Stage) -> int:
    return await stage.pool.fetchval("SELECT document_id FROM binding")


async def test_the_document_of_an_order_posted_by_hand_is_found_by_its_number(stage: Stage) -> None:
    await posted_by_hand(stage, typed("SO777"))
    assert (await bound_id(stage), stage.sent()) == (77, [])
    assert await stage.pool.fetchval("SELECT codes FROM binding") == {"GHOST": "TEE"}


async def test_a_number_that_the_books_lack_is_an_exception_until_the_document_is_there(stage: Stage) -> None:
    await posted_by_hand(stage)
    assert (await stage.cases(), await bound_id(stage)) == (["E-DOCUMENT-UNKNOWN"], 0)
    stage.books.documents["typed"] = (typed("SO777"),)
    await stage.retry_all()
    assert (await stage.cases(), await bound_id(stage)) == ([], 77)


async def test_a_mistyped_number_is_corrected_by_the_word_that_names_another(stage: Stage) -> None:
    await posted_by_hand(stage, typed("SO778"))
    await word(stage, document="SO778")
    await stage.drain()
    assert (await stage.cases(), await bound_id(stage)) == ([], 77)


async def test_a_document_that_was_cancelled_proves_nothing(stage: Stage) -> None:
    await posted_by_hand(stage, typed("SO777", standing=DocumentStanding.CANCELLED))
    assert (await stage.cases(), await bound_id(stage)) == (["E-DOCUMENT-UNKNOWN"], 0)


async def test_figures_that_were_typed_otherwise_are_for_finance_to_see(stage: Stage) -> None:
    await posted_by_hand(stage, typed("SO777", gross=Decimal(25)))
    assert (await stage.cases(), await bound_id(stage)) == (["E-TOTAL-MISMATCH"], 77)


async def test_a_number_that_is_named_again_once_its_document_is_there_proves_it(stage: Stage) -> None:
    await posted_by_hand(stage)
    stage.books.documents["typed"] = (typed("SO777"),)
    await word(stage, document="SO777")
    await stage.drain()
    assert (await stage.cases(), await bound_id(stage)) == ([], 77)


async def test_a_document_that_is_complete_before_it_is_named_is_the_order(stage: Stage) -> None:
    await posted_by_hand(stage, typed("SO777", standing=DocumentStanding.OTHER))
    assert (await stage.cases(), await bound_id(stage)) == ([], 77)
