import pytest

from app.domain.lanes import sku_lanes
from app.domain.message import Done, InDoubt, Owner, Park, Result, Retry, Sick, Snooze, Violation
from app.outbox.room import Want
from app.outbox.settle import Change
from app.outbox.tickets import MovedError
from tests.outbox.engine import NOTICE, Engine, effect, notice, state

UNMAPPED = Park((Violation("E-CARRIER-UNMAPPED", "courier", "Owl", "map it", Owner.OPERATIONS, "carriers"),))


async def keys(engine: Engine) -> list[str]:
    return sorted(message.key for message in await engine.claim())


async def test_done_message_makes_way_in_every_lane(engine: Engine) -> None:
    await engine.append(
        effect("a", ["X", "Y"]), effect("b", ["X"]), effect("c", ["Y"]), effect("d", ["X", "Y"])
    )
    first = await engine.claim()
    assert [message.key for message in first] == ["a"]
    await engine.settle(first)
    assert await keys(engine) == ["b", "c"]


async def test_messages_of_one_order_go_one_after_the_other(engine: Engine) -> None:
    await engine.append(effect("a", ["X"], order_ref="1"), effect("b", ["Y"], order_ref="1"))
    first = await engine.claim()
    assert [message.key for message in first] == ["a"]
    await engine.settle(first)
    assert await keys(engine) == ["b"]


async def test_what_waits_for_its_order_holds_no_sku(engine: Engine) -> None:
    await engine.append(
        effect("a", ["X"], order_ref="1"),
        effect("b", ["Y"], order_ref="1"),
        effect("c", ["Y"], order_ref="2"),
    )
    assert await keys(engine) == ["a", "c"]


async def test_everything_done_leaves_nothing_behind(engine: Engine) -> None:
    await engine.append(*(effect(f"k{n}", [f"S{n % 3}", f"T{n % 5}"]) for n in range(40)))
    for _ in range(40):
        await engine.settle(await engine.claim())
    assert await engine.leftovers() == (0, 0, 0)


async def test_follow_ups_come_with_the_settlement(engine: Engine) -> None:
    await engine.append(notice("n"))
    await engine.settle(await engine.claim(NOTICE), follow_ups=[effect("a", ["X"]), effect("b", ["X"])])
    assert await engine.states() == {"n": "applied", "a": "ready", "b": "waiting"}


async def test_settlement_that_fails_leaves_no_follow_up(engine: Engine) -> None:
    await engine.append(notice("n"))
    claimed = await engine.claim(NOTICE)
    await engine.pool.execute("UPDATE message_state SET token = token + 1")
    with pytest.raises(MovedError):
        await engine.settle(claimed, follow_ups=[effect("a", ["X"])])
    assert await engine.states() == {"n": "leased"}


async def test_token_of_another_claim_settles_nothing(engine: Engine) -> None:
    await engine.append(effect("a", ["X"]))
    old = await engine.claim()
    await engine.pool.execute("UPDATE message_state SET state = 'ready', token = NULL")
    new = await engine.claim(worker="w2")
    with pytest.raises(MovedError):
        await engine.settle(old)
    await engine.settle(new)
    assert await engine.states() == {"a": "applied"}


async def test_retry_within_patience_keeps_the_lane(engine: Engine) -> None:
    await engine.append(effect("a", ["X"]), effect("b", ["X"]))
    await engine.settle(await engine.claim(), Retry("500", 5))
    assert await keys(engine) == []
    engine.later(6)
    assert await keys(engine) == ["a"]


async def test_retry_beyond_patience_steps_aside_and_comes_back_last(engine: Engine) -> None:
    await engine.append(effect("a", ["X"]), effect("b", ["X"]), effect("c", ["X"]))
    settled = await engine.settle(await engine.claim(), Retry("500", 31))
    assert settled.aside == {"retry": 1}
    passing = await engine.claim()
    assert [message.key for message in passing] == ["b"]
    engine.later(32)
    await engine.enter()
    await engine.settle(passing)
    assert await keys(engine) == ["c"]


async def test_patience_counts_from_the_first_failure_at_the_head(engine: Engine) -> None:
    await engine.append(effect("a", ["X"]), effect("b", ["X"]))
    for _ in range(3):
        await engine.settle(await engine.claim(), Retry("500", 9))
        engine.later(10)
    settled = await engine.settle(await engine.claim(), Retry("500", 9))
    assert settled.aside == {"retry": 1}


async def test_locked_record_steps_aside_at_once(engine: Engine) -> None:
    await engine.append(effect("a", ["X"]), effect("b", ["X"]))
    settled = await engine.settle(await engine.claim(), Snooze("locked by jsmith", 5, aside=True))
    assert settled.aside == {"locked": 1}
    assert await keys(engine) == ["b"]


async def test_stepping_aside_marks_its_skus_dirty(engine: Engine) -> None:
    await engine.append(effect("a", ["X", "Y"]))
    await engine.settle(await engine.claim(), Snooze("locked", 5, aside=True))
    rows = await engine.pool.fetch("SELECT sku FROM dirty_sku ORDER BY sku")
    assert [row["sku"] for row in rows] == ["X", "Y"]


async def test_snooze_does_not_count_as_an_attempt(engine: Engine) -> None:
    await engine.append(effect("a", ["X"]))
    for _ in range(3):
        await engine.settle(await engine.claim(), Snooze("closed", 1))
        engine.later(2)
    assert (await engine.claim())[0].attempts == 1


async def test_sick_destination_keeps_every_place(engine: Engine) -> None:
    await engine.append(effect("a", ["X"]), effect("b", ["X"]))
    await engine.settle(await engine.claim(), Sick("connection refused"))
    again = await engine.claim()
    assert [(message.key, message.attempts) for message in again] == [("a", 1)]


async def test_park_frees_its_skus_and_holds_its_order(engine: Engine) -> None:
    await engine.append(
        effect("a", ["X"], order_ref="1"),
        effect("b", ["X"], order_ref="2"),
        effect("c", ["Z"], order_ref="1"),
    )
    first = [message for message in await engine.claim() if message.key == "a"]
    await engine.settle(first, UNMAPPED)
    assert await keys(engine) == ["b"]
    case = await engine.pool.fetchrow("SELECT code, owner, needs, order_ref FROM exception_case")
    assert tuple(case) == ("E-CARRIER-UNMAPPED", "operations", ["carriers"], "1")


async def test_in_doubt_keeps_its_lane_and_is_claimed_for_a_probe(engine: Engine) -> None:
    await engine.append(effect("a", ["X"]), effect("b", ["X"]))
    await engine.settle(await engine.claim(), InDoubt("read timeout", 10))
    assert await keys(engine) == []
    engine.later(11)
    asked = await engine.claim()
    assert [(message.key, message.in_doubt, message.probes) for message in asked] == [("a", True, 0)]


async def test_probe_that_could_not_be_asked_proves_nothing(engine: Engine) -> None:
    await engine.append(effect("a", ["X"]))
    await engine.settle(await engine.claim(), InDoubt("read timeout", 1))
    for verdict in (Retry("504", 1), Sick("refused"), Snooze("closed", 1)):
        engine.later(600)
        await engine.settle(await engine.claim(), verdict)
    row = await engine.pool.fetchrow("SELECT state, probes, send_begun FROM message_state")
    assert tuple(row) == ("in_doubt", 0, True)


async def test_proven_absence_lets_it_be_sent_again(engine: Engine) -> None:
    await engine.append(effect("a", ["X"]))
    await engine.settle(await engine.claim(), InDoubt("read timeout", 1))
    engine.later(400)
    await engine.settle(await engine.claim(), InDoubt("absent", 0, resend=True))
    again = await engine.claim()
    assert [(message.key, message.in_doubt) for message in again] == [("a", False)]


async def test_amended_effect_leaves_its_lanes_and_enters_new_ones(engine: Engine) -> None:
    a, _, _ = await engine.append(effect("a", ["X"]), effect("b", ["X"]), effect("n", [], kind="erp.other"))
    other = await engine.claim(Want("erp.other"))
    change = Change(a.message_id, amend=sku_lanes(["Y"]))
    await engine.settle(other, changes=[change])
    lanes = await engine.pool.fetch(
        "SELECT lane FROM ticket WHERE message_id = $1 AND lane LIKE 'sku:%'", a.message_id
    )
    assert [row["lane"] for row in lanes] == ["sku:Y"]
    assert await keys(engine) == ["a", "b"]


async def test_cancelled_before_the_send_is_settled_unsent(engine: Engine) -> None:
    a, _, _ = await engine.append(effect("a", ["X"]), effect("b", ["X"]), effect("n", [], kind="erp.other"))
    other = await engine.claim(Want("erp.other"))
    await engine.settle(other, changes=[Change(a.message_id, end=Done(Result.CANCELLED))])
    assert await engine.states() == {"a": "cancelled", "b": "ready", "n": "applied"}


async def test_parked_effect_can_be_cancelled(engine: Engine) -> None:
    await engine.append(effect("a", ["X"]))
    claimed = await engine.claim()
    await engine.settle(claimed, UNMAPPED)
    await engine.append(effect("n", [], kind="erp.other"))
    other = await engine.claim(Want("erp.other"))
    await engine.settle(other, changes=[Change(claimed[0].id, end=Done(Result.CANCELLED))])
    assert await engine.pool.fetchval("SELECT count(*) FROM exception_case WHERE closed_at IS NULL") == 0
    assert await engine.leftovers() == (0, 0, 0)


async def test_effect_in_flight_cannot_be_amended(engine: Engine) -> None:
    a, _ = await engine.append(effect("a", ["X"]), effect("n", [], kind="erp.other"))
    await engine.claim()
    other = await engine.claim(Want("erp.other"))
    with pytest.raises(MovedError):
        await engine.settle(other, changes=[Change(a.message_id, amend=sku_lanes(["Y"]))])


async def test_state_that_failed_gives_way_to_a_younger_one(engine: Engine) -> None:
    want = Want("shop.stock")
    await engine.append(state("stock:A", body={"level": 1}))
    flying = await engine.claim(want)
    await engine.append(state("stock:A", body={"level": 2}))
    await engine.settle(flying, Retry("500", 1))
    assert [message.body for message in await engine.claim(want)] == [{"level": 2}]


async def test_poll_appends_itself_anew_while_it_is_settled(engine: Engine) -> None:
    want = Want("shop.stock")
    await engine.append(state("poll"))
    await engine.settle(await engine.claim(want), follow_ups=[state("poll")])
    assert len(await engine.claim(want)) == 1


async def test_question_of_an_old_message_is_asked_again_soon(engine: Engine) -> None:
    await engine.append(effect("a", ["X"]))
    for _ in range(12):
        await engine.settle(await engine.claim(), Retry("500", 0))
    await engine.settle(await engine.claim(), InDoubt("read timeout", 1))
    engine.later(2)
    await engine.settle(await engine.claim(), Sick("504"))
    assert [message.in_doubt for message in await engine.claim()] == [True]


async def test_probe_that_met_a_passing_error_is_repeated_within_seconds(engine: Engine) -> None:
    await engine.append(effect("a", ["X"]))
    for _ in range(12):
        await engine.settle(await engine.claim(), Retry("500", 0))
    await engine.settle(await engine.claim(), InDoubt("read timeout", 1))
    engine.later(2)
    await engine.settle(await engine.claim(), Retry("500"))
    engine.later(2)
    assert [message.in_doubt for message in await engine.claim()] == [True]
