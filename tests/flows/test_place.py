"""From a place effect to one sales order."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import asyncpg
import pytest

from app.domain.erp import DocumentStanding, Facts
from app.domain.errors import (
    DestinationError,
    InDoubtError,
    MalformedError,
    PermanentError,
    SnoozeError,
    TransientError,
)
from app.domain.order import Standing
from app.domain.posting import plan
from app.ledger import binding
from tests.domain.shop import FACTS, OPTIONS, find_faults, make_mappings
from tests.flows.stage import BOOKS, SHOP, Stage, document_of, make_stage, order_of

FIRST = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
LATER = FIRST + timedelta(minutes=5)


def planned(ref: str, *skus: str):
    return plan(order_of(ref, *skus), make_mappings(), FACTS, OPTIONS)


async def test_order_is_sent_bound_and_remembered(stage: Stage) -> None:
    await stage.accept(order_of("1", "TEE", "DRESS"))
    row = await stage.pool.fetchrow("SELECT * FROM binding")
    named = ("connection", "ref", "erp", "document_no", "probe_key", "gross", "adopted")
    assert tuple(row[name] for name in named) == (
        *("uk", "1", "sage200:main", "SO1001", "CEN-1", Decimal("48.00"), False),
    )
    assert await stage.ends() == {"place 1": "applied"}


async def test_intent_is_committed_before_the_send(stage: Stage) -> None:
    await stage.tell(order_of("1"))
    await stage.turn(SHOP)
    async with stage.sending():
        row = await stage.pool.fetchrow("SELECT i.*, s.send_begun FROM intent AS i, message_state AS s")
        assert (row["probe_key"], row["operation"], row["send_begun"]) == ("CEN-1", "sales_order.place", True)


async def test_many_orders_are_looked_for_in_one_request(stage: Stage) -> None:
    await stage.tell(order_of("1", "TEE"), order_of("2", "DRESS"), order_of("3", "SHOES"))
    await stage.turn(SHOP)
    await stage.turn(BOOKS)
    assert stage.books.probes == [["CEN-1", "CEN-2", "CEN-3"]]
    assert sorted(stage.sent()) == ["CEN-1", "CEN-2", "CEN-3"]


async def test_answer_of_one_order_does_not_wait_for_another(stage: Stage) -> None:
    await stage.tell(order_of("1", "TEE"), order_of("2", "GHOST"))
    await stage.turn(SHOP)
    async with stage.sending():
        async with asyncio.timeout(20):
            while (await stage.ends())["place 2"] != "parked":
                pass
        assert (await stage.ends())["place 1"] == "leased"


async def test_violations_park_all_at_once_and_nothing_is_sent(stage: Stage) -> None:
    order = order_of("1", "GHOST", currency="USD", country="GB")
    expected = [violation.code for violation in find_faults(order)]
    await stage.accept(order)
    assert await stage.cases() == expected
    assert len(set(expected)) > 1
    assert (stage.sent(), stage.books.probes) == ([], [])


async def test_parked_order_lets_the_next_in_its_lanes_pass(stage: Stage) -> None:
    await stage.accept(order_of("1", "GHOST", "TEE"), order_of("2", "TEE"))
    assert await stage.ends() == {"place 1": "parked", "place 2": "applied"}
    assert stage.counted("sluice_lane_steps_aside_total") == 1


async def test_order_that_was_held_meanwhile_steps_aside(stage: Stage) -> None:
    await stage.tell(order_of("1", at=FIRST), order_of("2"))
    await stage.turn(SHOP)
    await stage.tell(order_of("1", at=LATER, standing=Standing.HELD, hold_reason="FRAUD"))
    await stage.drain()
    row = await stage.state()
    assert (row["order_ref"], row["note"], row["aside"], row["ticket"]) == (
        "1",
        "held: FRAUD",
        "locked",
        None,
    )
    assert stage.sent() == ["CEN-2"]


async def test_release_of_an_order_that_was_held_after_its_effect_sends_it(stage: Stage) -> None:
    await stage.tell(order_of("1", at=FIRST))
    await stage.turn(SHOP)
    await stage.accept(order_of("1", at=LATER, standing=Standing.HELD, hold_reason="FRAUD"))
    await stage.accept(order_of("1", at=LATER + timedelta(minutes=1)))
    assert stage.sent() == ["CEN-1"]


async def test_order_that_has_its_document_is_not_sent_again(stage: Stage) -> None:
    await stage.accept(order_of("1"))
    await stage.pool.execute("DELETE FROM idempotency_key WHERE key LIKE 'sage200/%'")
    await stage.pool.execute("DELETE FROM order_snapshot")
    await stage.pool.execute(
        "UPDATE binding SET snapshot_hash = ''::bytea"
    )  # as after a restore that lost the keys
    await stage.accept(order_of("1", at=LATER))
    assert stage.sent() == ["CEN-1"]


@pytest.mark.parametrize("lost", ["binding", "binding, idempotency_key, order_snapshot, order_line"])
async def test_document_with_our_key_and_content_is_adopted(stage: Stage, lost: str) -> None:
    """A database restored from before the send."""
    stage.books.documents["CEN-1"] = (document_of(planned("1"), 7),)
    await stage.accept(order_of("1"))
    row = await stage.pool.fetchrow("SELECT document_no, adopted FROM binding")
    assert (row["document_no"], row["adopted"], stage.sent()) == ("SO7", True, [])


async def found(stage: Stage, *documents) -> list[str]:
    """Codes after a look that finds these; nothing is sent."""
    stage.books.documents["CEN-1"] = documents
    await stage.accept(order_of("1"))
    assert (stage.sent(), await stage.pool.fetchval("SELECT count(*) FROM binding")) == ([], 0)
    return await stage.cases()


async def test_two_documents_under_one_key_are_an_incident(stage: Stage) -> None:
    one = document_of(planned("1"), 7)
    assert await found(stage, one, replace(one, id=8, number="SO8")) == ["E-DUP-EXISTING"]
    (case,) = await stage.pool.fetchval("SELECT violations FROM exception_case")
    assert case["fix"].startswith("keep SO7; cancel SO8 in the ERP")


async def test_of_two_documents_under_one_key_the_one_that_went_on_is_kept(stage: Stage) -> None:
    one = document_of(planned("1"), 7)
    await found(stage, one, replace(one, id=8, number="SO8", standing=DocumentStanding.OTHER))
    (case,) = await stage.pool.fetchval("SELECT violations FROM exception_case")
    assert case["fix"].startswith("keep SO8; cancel SO7 in the ERP")


@pytest.mark.requirement("R-27")
async def test_a_document_of_another_order_under_our_key_is_never_ours(stage: Stage) -> None:
    """Two long references with one digest: as rare as can be, and the same goods for the same money."""
    await stage.accept(order_of("1"))
    (document,) = stage.books.documents["CEN-1"]
    stage.books.documents["CEN-2"] = (document,)
    await stage.accept(order_of("2"))
    assert (stage.sent(), await stage.cases()) == (["CEN-1"], ["E-KEY-COLLISION"])
    assert await stage.pool.fetchval("SELECT count(*) FROM binding") == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"standing": DocumentStanding.DRAFT}, "E-SAGE-DRAFT"),
        ({"standing": DocumentStanding.CANCELLED}, "E-SAGE-CANCELLED"),
        ({"gross": Decimal("24.01")}, "E-DUP-CONTENT"),
        ({"quantities": {"TEE": Decimal(2)}}, "E-DUP-CONTENT"),
        ({"quantities": {"DRESS": Decimal(1)}}, "E-DUP-CONTENT"),
    ],
)
async def test_document_that_is_not_this_order_waits_for_a_person(stage: Stage, change, code) -> None:
    assert await found(stage, replace(document_of(planned("1"), 7), **change)) == [code]


async def test_draft_that_was_deleted_lets_the_order_go(stage: Stage) -> None:
    await found(stage, replace(document_of(planned("1"), 7), standing=DocumentStanding.DRAFT))
    stage.books.documents.clear()
    await stage.retry_all()
    assert stage.sent() == ["CEN-1"]


@pytest.mark.parametrize(
    ("error", "state", "sent_later"),
    [
        (PermanentError("E-SAGE-INVALID", "no such customer"), "parked", False),
        (MalformedError("no JSON"), "parked", False),
        (TransientError("connection refused"), "ready", True),
        (SnoozeError("locked by jsmith", 5), "waiting", True),
        (DestinationError("503"), "ready", True),
        (InDoubtError("read timeout"), "in_doubt", False),
    ],
)
async def test_class_of_an_error_decides(stage: Stage, error, state, sent_later) -> None:
    stage.books.script = [error]
    await stage.accept(order_of("1"))
    assert await stage.ends() == {"place 1": state}
    stage.later(15)
    await stage.drain()
    assert bool(stage.sent()) is sent_later


async def test_ill_destination_is_left_alone_until_it_said_so(stage: Stage) -> None:
    resume = stage.clock() + timedelta(seconds=600)
    stage.books.script = [DestinationError("429", resume)]
    await stage.accept(order_of("1"))
    stage.later(599)
    assert await stage.turn(BOOKS) == 0
    stage.later(2)
    assert await stage.turn(BOOKS) == 1


async def test_five_failures_in_a_row_open_the_breaker(stage: Stage) -> None:
    stage.books.script = [DestinationError("refused")] * 9
    await stage.tell(order_of("1"))
    await stage.turn(SHOP)
    for _ in range(5):
        await stage.turn(BOOKS)
        stage.later(30)
    row = await stage.pool.fetchrow("SELECT failures, opened_at FROM destination WHERE name = $1", BOOKS)
    assert (row["failures"], row["opened_at"] is not None) == (5, True)


async def test_look_for_the_key_that_fails_sends_nothing(stage: Stage) -> None:
    stage.books.probe_fails = [TransientError("500")]
    await stage.accept(order_of("1"), order_of("2", "DRESS"))
    assert (stage.sent(), set((await stage.ends()).values())) == ([], {"ready"})


async def test_lease_that_would_not_outlast_the_request_fences_it(stage: Stage) -> None:
    await stage.tell(order_of("1"))
    await stage.turn(SHOP)
    taken = await stage.take(BOOKS)
    stage.later(31)  # the lease is 90 s, the request may take 60
    await stage.handle(taken)
    assert (stage.sent(), (await stage.state())["state"]) == ([], "ready")


async def test_lost_worker_that_wakes_up_sends_nothing(stage: Stage) -> None:
    await stage.tell(order_of("1"))
    await stage.turn(SHOP)
    asleep = await stage.take(BOOKS)
    await stage.lose()
    await stage.drain()
    await stage.handle(asleep)
    assert stage.sent() == ["CEN-1"]


async def test_lost_worker_that_wakes_up_after_another_claimed_sends_nothing(stage: Stage) -> None:
    await stage.tell(order_of("1"))
    await stage.turn(SHOP)
    asleep = await stage.take(BOOKS)
    await stage.lose()
    await stage.take(BOOKS)
    await stage.handle(asleep)
    assert stage.sent() == []


async def test_two_workers_never_send_one_order_twice(stage: Stage, pool: asyncpg.Pool) -> None:
    other = make_stage(pool, worker="w2")
    other = replace(other, ctx=replace(other.ctx, erp=stage.ctx.erp, channels=stage.ctx.channels))
    refs = [str(number) for number in range(40)]
    await stage.tell(*(order_of(ref, ("TEE", "DRESS", "SHOES")[int(ref) % 3]) for ref in refs))
    await asyncio.gather(stage.drain(), other.drain())
    await stage.drain()
    assert sorted(stage.sent()) == sorted(f"CEN-{ref}" for ref in refs)


async def test_other_totals_in_the_document_are_flagged_and_hold_nothing_up(stage: Stage) -> None:
    stage.books.script = [replace(document_of(planned("1"), 7), gross=Decimal("24.01"))]
    await stage.accept(order_of("1"))
    assert await stage.ends() == {"place 1": "applied"}
    assert await stage.cases() == ["E-TOTAL-MISMATCH"]
    row = await stage.pool.fetchrow("SELECT flag, owner FROM exception_case")
    assert tuple(row) == (True, "finance")


async def test_facts_that_cannot_be_read_send_nothing(stage: Stage) -> None:
    stage.books.facts = Facts()
    await stage.accept(order_of("1"))
    assert (stage.sent(), (await stage.ends())["place 1"]) == ([], "parked")


async def test_document_is_timed_from_notice_to_answer(stage: Stage) -> None:
    await stage.accept(order_of("1"))
    assert stage.counted("sluice_end_to_end_seconds_count", flow="place_order") == 1
    labels = {"system": "sage200", "operation": "place", "outcome": "success"}
    assert stage.counted("sluice_upstream_request_seconds_count", **labels) == 1


async def test_binding_stands_even_if_a_second_one_is_tried(stage: Stage) -> None:
    await stage.accept(order_of("1"))
    bound = (await binding.read(stage.pool, "uk", ["1"]))["1"]
    await stage.pool.execute("DELETE FROM idempotency_key")
    await stage.accept(order_of("1", "DRESS", at=LATER))
    assert (await binding.read(stage.pool, "uk", ["1"]))["1"] == bound


async def test_order_that_gained_a_sku_after_its_claim_enters_its_lane_before_it_is_sent(
    stage: Stage,
) -> None:
    await stage.tell(order_of("1", "TEE"))
    await stage.turn(SHOP)
    taken = await stage.take(BOOKS)
    await stage.tell(order_of("1", "TEE", "DRESS", at=stage.clock() + timedelta(seconds=1)))
    await stage.turn(SHOP)
    await stage.handle(taken)
    lanes = await stage.pool.fetchval(
        "SELECT lanes FROM message_state WHERE kind = 'sage200.sales_order.place'"
    )
    assert (lanes, stage.books.placed) == (["sku:DRESS", "sku:TEE"], [])
    await stage.drain()
    assert await stage.ends() == {"place 1": "applied", "change 1": "no_effect"}


BARCODE = "5012345678900"


async def test_what_a_barcode_names_goes_after_what_its_code_names_and_came_before(stage: Stage) -> None:
    tee = replace(FACTS.products["TEE"], barcode=BARCODE)
    stage.books.facts = replace(FACTS, by_barcode={BARCODE: (tee,)})
    await stage.tell(order_of("1", "TEE"))
    await stage.turn(SHOP)
    async with stage.sending():
        await stage.tell(order_of("2", BARCODE))
        await stage.drain()
        assert await stage.ends() == {"place 1": "leased", "place 2": "waiting"}
        assert [order.key for order in stage.books.placed] == ["CEN-1"]
    await stage.drain()
    assert await stage.ends() == {"place 1": "applied", "place 2": "applied"}
    assert (await stage.cases(), len(stage.books.placed)) == ([], 2)
