"""No answer is a question, and only the probe answers it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.domain.erp import DocumentStanding
from app.domain.errors import InDoubtError, PermanentError
from app.domain.order import Standing
from app.ledger import binding
from app.outbox.rescue import rescue
from tests.flows.stage import BOOKS, SHOP, Late, Stage, document_of, order_of
from tests.flows.test_place import planned

FIRST = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
LATER = FIRST + timedelta(minutes=5)
NO_ANSWER = InDoubtError("read timeout")


async def doubt(stage: Stage, ref: str = "1", *, made: bool = False) -> None:
    stage.books.script = [Late(NO_ANSWER) if made else NO_ANSWER]
    await stage.accept(order_of(ref, at=FIRST))
    assert (await stage.state())["state"] == "in_doubt"


async def ask(stage: Stage, seconds: float) -> None:
    stage.later(seconds)
    await stage.turn(BOOKS)


async def outwait(stage: Stage) -> None:
    """Asks whenever it is due until the quarantine is over."""
    for _ in range(60):
        await ask(stage, 10)
        if (await stage.state())["state"] != "in_doubt":
            return
    raise AssertionError("it is asked for ever")


async def test_document_that_was_made_is_found_and_adopted(stage: Stage) -> None:
    await doubt(stage, made=True)
    await ask(stage, 11)
    assert await stage.ends() == {"place 1": "applied"}
    assert await stage.pool.fetchval("SELECT adopted FROM binding")
    assert (len(stage.sent()), stage.counted("sluice_probe_results_total", result="found")) == (1, 1)


async def test_found_document_is_bound_to_what_was_sent_for_it(stage: Stage) -> None:
    """An edit came while the answer was out: the document has the old content, so a change is due."""
    await doubt(stage, made=True)
    await stage.tell(order_of("1", "DRESS", at=LATER))
    await stage.turn(SHOP)
    await ask(stage, 11)
    await stage.drain()
    assert await stage.ends() == {"place 1": "applied", "change 1": "parked"}
    assert await stage.cases() == ["E-EDIT-AFTER-POST"]
    assert (await binding.applied(stage.pool, "uk", "1")).order == order_of("1")


async def test_first_look_waits_for_the_server_to_settle(stage: Stage) -> None:
    await doubt(stage)
    assert await stage.turn(BOOKS) == 0


async def test_absence_within_the_quarantine_proves_nothing(stage: Stage) -> None:
    await doubt(stage)
    for _ in range(3):
        await ask(stage, 60)
    row = await stage.state()
    assert (row["state"], row["probes"], stage.sent()) == ("in_doubt", 3, [])


async def test_clock_that_leaps_ahead_does_not_end_the_quarantine(stage: Stage) -> None:
    await doubt(stage)
    await ask(stage, 11)
    await ask(stage, 3600)
    await ask(stage, 60)
    row = await stage.state()
    assert (row["state"], row["probes"], stage.sent()) == ("in_doubt", 3, [])


async def test_clock_that_leaps_ahead_while_it_is_asked_does_not_end_the_quarantine(stage: Stage) -> None:
    await doubt(stage)
    for _ in range(3):
        stage.later(61)
        taken = await stage.take(BOOKS)
        stage.later(3600)
        await stage.handle(taken)
    row = await stage.state()
    assert (row["state"], row["probes"], stage.sent()) == ("in_doubt", 3, [])


async def test_clock_that_leaps_ahead_of_a_lease_does_not_end_the_quarantine(stage: Stage) -> None:
    await doubt(stage)
    for _ in range(3):
        stage.later(11)
        await stage.take(BOOKS)
        stage.later(3600)
        await rescue(stage.pool, stage.clock(), settle_delay=timedelta(seconds=10))
        await ask(stage, 11)
    row = await stage.state()
    assert (row["state"], row["probes"], stage.sent()) == ("in_doubt", 3, [])


async def test_one_look_after_the_quarantine_is_not_enough(stage: Stage) -> None:
    await doubt(stage)
    await stage.pool.execute("UPDATE message_state SET waited = 1000")
    await ask(stage, 11)
    assert ((await stage.state())["probes"], stage.sent()) == (1, [])


async def test_document_that_appears_before_the_second_send_is_adopted(stage: Stage) -> None:
    await doubt(stage, made=True)
    hidden = stage.books.documents.pop("CEN-1")
    await outwait(stage)
    assert (await stage.state())["state"] == "ready"
    stage.books.documents["CEN-1"] = hidden
    await stage.drain()
    assert (await stage.ends(), len(stage.sent())) == ({"place 1": "applied"}, 1)


async def test_two_documents_in_doubt_are_counted_as_such(stage: Stage) -> None:
    await doubt(stage, made=True)
    stage.books.documents["CEN-1"] *= 2
    await ask(stage, 11)
    assert stage.counted("sluice_probe_results_total", result="several") == 1


async def test_cancellation_in_doubt_waits_for_the_answer(stage: Stage) -> None:
    await doubt(stage, made=True)
    await stage.tell(order_of("1", at=LATER, standing=Standing.CANCELLED))
    await stage.turn(SHOP)
    assert await stage.ends() == {"place 1": "in_doubt", "cancel 1": "waiting"}
    await ask(stage, 11)
    await stage.drain()
    assert await stage.cases() == ["E-CANCEL-AFTER-POST"]


async def test_cancelled_order_that_proves_absent_is_not_sent_again(stage: Stage) -> None:
    await doubt(stage)
    await stage.tell(order_of("1", at=LATER, standing=Standing.CANCELLED))
    await stage.turn(SHOP)
    await outwait(stage)
    await stage.drain()
    assert await stage.ends() == {"place 1": "cancelled", "cancel 1": "no_effect"}
    assert stage.sent() == []


@pytest.mark.parametrize("doubtful", [True, False])
async def test_cancellation_never_hides_documents_that_are_there(stage: Stage, doubtful) -> None:
    """Two live documents wait for a person; the shopper cancels: they are still there."""
    if doubtful:
        await doubt(stage, made=True)
        stage.books.documents["CEN-1"] *= 2
        await ask(stage, 11)
    else:
        stage.books.documents["CEN-1"] = (document_of(planned("1"), 7),) * 2
        await stage.accept(order_of("1", at=FIRST))
    await stage.accept(order_of("1", at=LATER, standing=Standing.CANCELLED))
    ends = await stage.ends()
    assert (ends["place 1"], ends["cancel 1"]) == ("parked", "waiting")
    assert await stage.cases() == ["E-DUP-EXISTING"]


async def test_worker_that_dies_after_the_intent_leaves_a_question(stage: Stage) -> None:
    await stage.tell(order_of("1"))
    await stage.turn(SHOP)
    await stage.take(BOOKS)
    await stage.pool.execute("UPDATE message_state SET send_begun = true WHERE state = 'leased'")
    await stage.lose()
    assert (await stage.state())["state"] == "in_doubt"


async def test_worker_that_dies_before_the_intent_leaves_it_ready(stage: Stage) -> None:
    await stage.tell(order_of("1"))
    await stage.turn(SHOP)
    await stage.take(BOOKS)
    await stage.lose()
    assert (await stage.state())["state"] == "ready"


async def test_defect_after_the_send_leaves_a_question(stage: Stage) -> None:
    """Whatever broke while the answer was read: the request was written."""
    stage.books.script = [Late(KeyError("document_no"))]
    await stage.accept(order_of("1"))
    assert (await stage.state())["state"] == "in_doubt"
    await ask(stage, 11)
    assert (await stage.ends(), len(stage.sent())) == ({"place 1": "applied"}, 1)


async def test_defect_at_one_order_leaves_the_others_their_answers(stage: Stage) -> None:
    stage.books.script = [KeyError("document_no")]
    await stage.accept(order_of("1", "TEE"), order_of("2", "DRESS"), order_of("3", "SHOES"))
    assert sorted((await stage.ends()).values()) == ["applied", "applied", "in_doubt"]


async def test_retry_by_a_person_does_not_end_the_quarantine(stage: Stage) -> None:
    """The look itself was refused, so nobody knows; pressing "retry" is no answer."""
    await doubt(stage)
    stage.books.probe_fails = [PermanentError("E-PERMISSION", "sop_orders")]
    await ask(stage, 11)
    await stage.retry_all()
    assert ((await stage.state())["state"], stage.sent()) == ("in_doubt", [])


async def test_order_cancelled_on_both_sides_is_settled(stage: Stage) -> None:
    """No answer; a person cancels the document in the ERP, the shopper cancels in the channel."""
    await doubt(stage, made=True)
    (document,) = stage.books.documents["CEN-1"]
    stage.books.documents["CEN-1"] = (replace(document, standing=DocumentStanding.CANCELLED),)
    await ask(stage, 11)
    assert await stage.cases() == ["E-SAGE-CANCELLED"]
    await stage.accept(order_of("1", at=LATER, standing=Standing.CANCELLED))
    assert (await stage.ends(), await stage.cases()) == ({"place 1": "cancelled"}, [])


async def test_answer_that_comes_after_another_worker_took_over_changes_nothing(stage: Stage) -> None:
    await stage.tell(order_of("1"))
    await stage.turn(SHOP)
    async with stage.sending():
        await stage.lose()
        assert (await stage.state())["state"] == "in_doubt"
    assert (await stage.state())["state"] == "in_doubt"
    await ask(stage, 11)
    assert (await stage.ends(), len(stage.sent())) == ({"place 1": "applied"}, 1)
