"""A fresh read of an order against what is known of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.domain.availability import Term
from app.domain.errors import PermanentError, SnoozeError, TransientError
from app.domain.lanes import sku_lanes
from app.domain.message import Owner, Violation
from app.domain.order import Standing, Unreadable
from app.domain.rows import AliasRow
from app.domain.rules import Mappings
from app.flows.flow import Batch, Lease
from app.flows.remap import remap
from app.flows.settle import settle_all
from app.ledger import outstanding, snapshot
from tests.flows.stage import BOOKS, SHOP, Stage, order_of

FIRST = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
LATER = FIRST + timedelta(minutes=5)


async def lanes(stage: Stage) -> list[str]:
    row = await stage.pool.fetchrow(
        "SELECT lanes FROM message_state WHERE kind = 'sage200.sales_order.place'"
    )
    return row["lanes"]


async def test_releasable_order_becomes_one_place_effect(stage: Stage) -> None:
    await stage.tell(order_of("1", "TEE", "DRESS"))
    await stage.turn(SHOP)
    assert await stage.ends() == {"place 1": "ready"}
    assert await lanes(stage) == ["sku:DRESS", "sku:TEE"]


async def test_effect_is_keyed_by_the_fact_and_not_by_who_told(stage: Stage) -> None:
    await stage.accept(order_of("1"))
    row = await stage.pool.fetchrow("SELECT key, parent_id FROM message WHERE cls = 'effect'")
    assert (row["key"], row["parent_id"]) == ("sage200/sales_order/uk/1", 1)


async def test_a_thousand_notices_of_one_order_are_one_effect(stage: Stage) -> None:
    for _ in range(5):
        await stage.tell(*[order_of("1")] * 200)
    await stage.drain()
    assert stage.sent() == ["CEN-1"]


async def test_orders_of_a_batch_are_read_in_one_request_each_once(stage: Stage) -> None:
    await stage.tell(order_of("1"), order_of("2"), "1", order_of("3"))
    await stage.turn(SHOP)
    assert stage.shop.asked == [["1", "2", "3"]]
    assert await stage.notices() == [
        ("applied", ""),
        ("applied", ""),
        ("no_effect", "read with another notice"),
        ("applied", ""),
    ]


async def test_effects_enter_their_lanes_in_notice_order(stage: Stage) -> None:
    await stage.tell(*(order_of(ref, "TEE") for ref in ("7", "3", "9", "1")))
    await stage.drain()
    assert stage.sent() == ["CEN-7", "CEN-3", "CEN-9", "CEN-1"]


async def test_held_order_is_kept_and_has_no_effect(stage: Stage) -> None:
    await stage.accept(order_of("1", standing=Standing.HELD, hold_reason="FRAUD"))
    assert await stage.notices() == [("no_effect", "held: FRAUD")]
    assert await stage.ends() == {}
    (row,) = await outstanding.read(stage.pool, "TEE", Mappings())
    assert (row.term, row.connection, row.ref, row.units) == (Term.ACCEPTED, "uk", "1", 1)


async def test_release_of_a_held_order_is_one_effect(stage: Stage) -> None:
    await stage.accept(order_of("1", standing=Standing.HELD, hold_reason="FRAUD", at=FIRST))
    await stage.accept(order_of("1", at=LATER))
    assert await stage.ends() == {"place 1": "applied"}


async def test_order_cancelled_before_it_was_seen_has_no_effect(stage: Stage) -> None:
    await stage.accept(order_of("1", standing=Standing.CANCELLED))
    assert await stage.ends() == {}
    assert await outstanding.read(stage.pool, "TEE", Mappings()) == []


async def test_unknown_status_waits_for_a_person(stage: Stage) -> None:
    await stage.accept(order_of("1", standing=Standing.UNKNOWN, channel_status="LIMBO"))
    assert (await stage.notices())[0][0] == "parked"
    assert await stage.cases() == ["E-STATUS-UNKNOWN"]


async def test_unreadable_order_parks_its_notice_and_no_other(stage: Stage) -> None:
    violation = Violation("E-GIFT-CARD", "payments", "store credit", "book it by hand", Owner.FINANCE)
    await stage.tell(Unreadable("1", (violation,)), order_of("2"))
    await stage.drain()
    assert await stage.cases() == ["E-GIFT-CARD"]
    assert stage.sent() == ["CEN-2"]


async def test_order_that_is_not_shown_yet_is_looked_for_again(stage: Stage) -> None:
    await stage.tell("1")
    await stage.turn(SHOP)
    assert (await stage.notices())[0] == ("ready", "the channel does not show the order yet")
    stage.shop.orders["1"] = order_of("1")
    stage.later(5)
    await stage.drain()
    assert stage.sent() == ["CEN-1"]


async def test_order_that_is_never_shown_is_none_of_ours(stage: Stage) -> None:
    await stage.tell("1")
    for _ in range(6):
        await stage.turn(SHOP)
        stage.later(400)
    assert await stage.notices() == [("no_effect", "the channel does not know this order")]
    assert len(stage.shop.asked) == 6


async def test_late_read_of_an_older_state_changes_nothing(stage: Stage) -> None:
    await stage.accept(order_of("1", "DRESS", at=LATER))
    await stage.accept(order_of("1", "TEE", at=FIRST))
    assert (await stage.notices())[-1] == ("no_effect", "older than what we know")
    kept = await snapshot.read(stage.pool, "uk", ["1"])
    assert kept["1"].order.skus() == ("DRESS",)


async def test_notice_of_an_order_that_did_not_change_has_no_effect(stage: Stage) -> None:
    await stage.tell(order_of("1"))
    await stage.turn(SHOP)
    await stage.tell(order_of("1"))
    await stage.turn(SHOP)
    assert (await stage.notices())[-1] == ("no_effect", "nothing changed")


async def test_notice_after_the_order_was_sent_has_no_effect(stage: Stage) -> None:
    await stage.accept(order_of("1", at=FIRST))
    await stage.accept(order_of("1", at=LATER, channel_status="SHIPPED", payment_method="card"))
    assert await stage.ends() == {"place 1": "applied"}


async def test_edit_before_the_send_is_sent_as_it_is_now(stage: Stage) -> None:
    await stage.tell(order_of("1", "TEE", at=FIRST))
    await stage.turn(SHOP)
    await stage.tell(order_of("1", "DRESS", "SHOES", at=LATER))
    await stage.turn(SHOP)
    assert await lanes(stage) == ["sku:DRESS", "sku:SHOES"]
    await stage.drain()
    assert [entry.code for entry in stage.books.placed[0].entries] == ["DRESS", "SHOES"]
    assert await stage.ends() == {"place 1": "applied"}


async def test_edit_that_keeps_the_lanes_keeps_the_place(stage: Stage) -> None:
    await stage.tell(order_of("1", "TEE", at=FIRST), order_of("2", "TEE"))
    await stage.turn(SHOP)
    changed = order_of("1", "TEE", at=LATER)
    await stage.tell(replace(changed, delivery=replace(changed.delivery, city="York")))
    await stage.drain()
    assert stage.sent() == ["CEN-1", "CEN-2"]
    assert stage.books.placed[0].delivery.city == "York"


async def test_edit_moves_an_order_behind_those_that_were_there(stage: Stage) -> None:
    await stage.tell(order_of("1", "TEE", at=FIRST), order_of("2", "DRESS"))
    await stage.turn(SHOP)
    await stage.tell(order_of("1", "DRESS", at=LATER))
    await stage.drain()
    assert stage.sent() == ["CEN-2", "CEN-1"]


async def test_edit_frees_a_parked_order(stage: Stage) -> None:
    await stage.accept(order_of("1", "GHOST", at=FIRST))
    assert await stage.cases() == ["E-SKU-UNKNOWN"]
    await stage.accept(order_of("1", "TEE", at=LATER))
    assert (stage.sent(), await stage.cases()) == (["CEN-1"], [])


@pytest.mark.parametrize("sku", ["TEE", "GHOST"])
async def test_cancelled_before_the_send_is_never_sent(stage: Stage, sku: str) -> None:
    """An order that was ready, and one that waited for a person."""
    await stage.tell(order_of("1", sku, at=FIRST))
    await stage.drain(*([SHOP] if sku == "TEE" else []))
    await stage.tell(order_of("1", sku, at=LATER, standing=Standing.CANCELLED))
    await stage.turn(SHOP)
    await stage.drain()
    assert await stage.ends() == {"place 1": "cancelled"}
    assert (stage.sent(), await stage.cases()) == ([], [])


async def test_cancellation_makes_way_for_the_next_in_the_lane(stage: Stage) -> None:
    await stage.tell(order_of("1", "TEE", at=FIRST), order_of("2", "TEE"))
    await stage.turn(SHOP)
    await stage.accept(order_of("1", "TEE", at=LATER, standing=Standing.CANCELLED))
    assert stage.sent() == ["CEN-2"]


@pytest.mark.parametrize(
    ("after", "verb"), [({"standing": Standing.CANCELLED}, "cancel"), ({"country": "DE"}, "change")]
)
async def test_what_happens_to_an_order_in_flight_waits_behind_it(stage: Stage, after, verb) -> None:
    await stage.tell(order_of("1", at=FIRST))
    await stage.turn(SHOP)
    async with stage.sending():
        await stage.tell(order_of("1", at=LATER, **after))
        await stage.turn(SHOP)
        assert await stage.ends() == {"place 1": "leased", f"{verb} 1": "waiting"}
        assert await stage.turn(BOOKS) == 0
    assert await stage.ends() == {"place 1": "applied", f"{verb} 1": "ready"}


async def test_cancellation_that_comes_between_claim_and_look_stops_the_send(stage: Stage) -> None:
    await stage.tell(order_of("1", at=FIRST))
    await stage.turn(SHOP)
    claimed = await stage.take(BOOKS)
    await stage.tell(order_of("1", at=LATER, standing=Standing.CANCELLED))
    await stage.turn(SHOP)
    await stage.handle(claimed)
    await stage.drain()
    assert await stage.ends() == {"place 1": "cancelled", "cancel 1": "no_effect"}
    assert stage.sent() == []


async def test_the_same_edit_in_flight_is_one_change(stage: Stage) -> None:
    await stage.tell(order_of("1", at=FIRST))
    await stage.turn(SHOP)
    await stage.take(BOOKS)
    for minute in (1, 2):
        await stage.tell(order_of("1", at=LATER + timedelta(minutes=minute), country="DE"))
        await stage.turn(SHOP)
    assert await stage.ends() == {"place 1": "leased", "change 1": "waiting"}


async def test_alias_and_its_code_are_one_lane(stage: Stage) -> None:
    await stage.tell(order_of("1", "old-tee"), order_of("2", " tee "))
    await stage.turn(SHOP)
    assert await stage.ends() == {"place 1": "ready", "place 2": "waiting"}


async def test_new_alias_moves_the_lane_at_the_next_entry(stage: Stage) -> None:
    await stage.accept(order_of("1", "NEWCODE"))
    await remap(
        stage.pool,
        "sku_aliases",
        [AliasRow(connection="uk", alias="NEWCODE", code="TEE")],
        actor="ann",
        reason="a new code",
    )
    assert (await lanes(stage)) == list(sku_lanes(["TEE"]))


@pytest.mark.parametrize(
    ("error", "ended"),
    [
        (TransientError("500"), ("ready", "500")),
        (SnoozeError("closed", 5), ("ready", "closed")),
        (PermanentError("E-PERMISSION", "Order:read"), ("parked", "E-PERMISSION")),
    ],
)
async def test_request_that_fails_leaves_each_notice_a_verdict(stage: Stage, error, ended) -> None:
    stage.shop.fails = [error] * 3
    await stage.tell(order_of("1"), order_of("2"))
    await stage.turn(SHOP)
    assert await stage.notices() == [ended, ended]


async def test_cancellation_that_lost_the_race_to_a_claim_looks_again(stage: Stage) -> None:
    await stage.tell(order_of("1", at=FIRST))
    await stage.turn(SHOP)
    await stage.tell(order_of("1", at=LATER, standing=Standing.CANCELLED))
    ((flow, messages),) = await stage.take(SHOP)
    batch = Batch(messages, Lease(messages[0].lease_until))
    decided = [outcome async for group in flow.handle(stage.ctx, batch) for outcome in group]
    await stage.take(BOOKS)
    await settle_all(stage.ctx, decided, batch.lease)
    assert (await stage.notices())[-1] == ("ready", "what it wanted to amend moved")
    await stage.turn(SHOP)
    assert await stage.ends() == {"place 1": "leased", "cancel 1": "waiting"}
