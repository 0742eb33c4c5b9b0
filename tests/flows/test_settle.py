"""What handlers say becomes true together, or one by one."""

import asyncio

import asyncpg
import pytest

from app.domain.message import (
    Claimed,
    Done,
    Draft,
    MessageClass,
    Outcome,
    Park,
    Result,
    Retry,
    Snooze,
    Violation,
)
from app.flows.flow import Lease
from app.flows.settle import settle_all
from app.ledger.cursor import CursorMoved
from app.ledger.snapshot import OrderSeen
from tests.flows.stage import SHOP, Stage, make_stage, notice, order_of

APPLIED = Done(Result.APPLIED)
UNMAPPED = (Violation("E-NOMINAL-UNMAPPED", "line", "TEE", "add a rule"),)


async def claim(stage: Stage, count: int) -> list[Claimed]:
    """Notices in flight."""
    await stage.append(*(notice(str(n), f"s{n}") for n in range(count)))
    ((_, messages),) = await stage.take(SHOP)
    return messages


def lease(messages: list[Claimed]) -> Lease:
    return Lease(messages[0].lease_until)


async def ended(stage: Stage) -> list[str]:
    return [state for state, _ in await stage.notices()]


async def test_outcomes_of_a_batch_are_settled_together(stage: Stage) -> None:
    messages = await claim(stage, 3)
    await settle_all(stage.ctx, [Outcome(message, APPLIED) for message in messages], lease(messages))
    stamps = await stage.pool.fetchval("SELECT count(DISTINCT done_at) FROM receipt")
    assert (await ended(stage), stamps) == (["applied"] * 3, 1)


async def test_one_bad_message_never_takes_the_others_with_it(stage: Stage) -> None:
    messages = await claim(stage, 3)
    bad = CursorMoved("uk", "events", {"name": "\0"}, None)
    outcomes = [Outcome(m, APPLIED, facts=(bad,) if m.order_ref == "1" else ()) for m in messages]
    await settle_all(stage.ctx, outcomes, lease(messages))
    assert await ended(stage) == ["applied", "ready", "applied"]


async def test_message_that_cannot_be_settled_says_so_and_is_given_to_a_person_in_the_end(
    stage: Stage,
) -> None:
    order = order_of("0", hold_reason="a\0b")
    for _ in range(40):
        if not (taken := await stage.take(SHOP)):
            if not await stage.notices():
                await stage.append(notice("0", "s0"))
            stage.later(7000)
            continue
        ((_, messages),) = taken
        await settle_all(
            stage.ctx, [Outcome(messages[0], APPLIED, facts=(OrderSeen(order),))], lease(messages)
        )
    assert await stage.cases() == ["E-RETRIES-EXHAUSTED"]
    assert (await stage.notices())[0][1] == "E-RETRIES-EXHAUSTED"


async def test_message_that_another_worker_took_is_left_alone(stage: Stage) -> None:
    messages = await claim(stage, 3)
    await stage.pool.execute(
        "UPDATE message_state SET token = token + 1000, worker = 'w2' WHERE id = $1", messages[1].id
    )
    await settle_all(stage.ctx, [Outcome(message, APPLIED) for message in messages], lease(messages))
    assert await ended(stage) == ["applied", "leased", "applied"]


async def test_follow_ups_of_a_settlement_that_fails_do_not_exist(stage: Stage) -> None:
    messages = await claim(stage, 1)
    await stage.pool.execute("UPDATE message_state SET token = token + 1000")
    follow_up = Draft("centra.other", MessageClass.NOTICE, SHOP, "uk", key="follow")
    await settle_all(stage.ctx, [Outcome(messages[0], APPLIED, (follow_up,))], lease(messages))
    assert await stage.pool.fetchval("SELECT count(*) FROM message") == 1


async def test_answers_are_kept_while_postgres_is_away(stage: Stage) -> None:
    messages = await claim(stage, 1)
    away = Away(stage.pool, failures=3)
    absent = make_stage(away)
    absent.clock.at = stage.clock.at
    await settle_all(absent.ctx, [Outcome(messages[0], APPLIED)], lease(messages))
    assert (await ended(stage), away.failures) == (["applied"], 0)


async def test_answers_are_given_up_when_the_lease_ends(stage: Stage) -> None:
    messages = await claim(stage, 1)
    absent = make_stage(Away(stage.pool, failures=1000))
    absent.clock.at = messages[0].lease_until
    absent.clock.later(1)
    await settle_all(absent.ctx, [Outcome(messages[0], APPLIED)], lease(messages))
    assert await ended(stage) == ["leased"]


class Away:
    """A pool whose first connections are refused."""

    def __init__(self, pool: asyncpg.Pool, failures: int) -> None:
        self.pool, self.failures = pool, failures

    def acquire(self) -> object:
        if self.failures:
            self.failures -= 1
            raise ConnectionRefusedError
        return self.pool.acquire()

    def __getattr__(self, name: str) -> object:
        return getattr(self.pool, name)


async def test_two_settlements_of_one_message_count_once(stage: Stage) -> None:
    messages = await claim(stage, 1)
    outcomes = [Outcome(messages[0], APPLIED)]
    await asyncio.gather(*(settle_all(stage.ctx, outcomes, lease(messages)) for _ in range(5)))
    assert await stage.pool.fetchval("SELECT count(*) FROM receipt") == 1


@pytest.mark.parametrize(("attempts", "hours", "parked"), [(199, 0, False), (200, 0, True), (1, 25, True)])
async def test_failing_for_too_long_is_given_to_a_person(stage: Stage, attempts, hours, parked) -> None:
    await stage.append(notice("1", "a"))
    await stage.pool.execute("UPDATE message_state SET attempts = $1", attempts - 1)
    stage.later(hours * 3600)
    ((_, messages),) = await stage.take(SHOP)
    await settle_all(stage.ctx, [Outcome(messages[0], Retry("500"))], lease(messages))
    assert (await stage.cases() == ["E-RETRIES-EXHAUSTED"]) is parked


async def test_snoozing_is_never_too_long(stage: Stage) -> None:
    await stage.append(notice("1", "a"))
    stage.later(100 * 3600)
    ((_, messages),) = await stage.take(SHOP)
    await settle_all(stage.ctx, [Outcome(messages[0], Snooze("closed", 5))], lease(messages))
    assert await stage.cases() == []


async def test_each_outcome_is_counted_under_its_word(stage: Stage) -> None:
    messages = await claim(stage, 2)
    outcomes = [Outcome(messages[0], APPLIED), Outcome(messages[1], Retry("500"))]
    await settle_all(stage.ctx, outcomes, lease(messages))
    counted = [
        stage.counted("sluice_messages_total", kind="centra.order", outcome=word)
        for word in ("applied", "retried", "parked")
    ]
    assert counted == [1, 1, 0]


async def test_success_closes_the_breaker(stage: Stage) -> None:
    messages = await claim(stage, 1)
    await stage.pool.execute("UPDATE destination SET failures = 3, opened_at = now() WHERE name = $1", SHOP)
    await settle_all(stage.ctx, [Outcome(messages[0], APPLIED)], lease(messages))
    row = await stage.pool.fetchrow("SELECT failures, opened_at FROM destination WHERE name = $1", SHOP)
    assert tuple(row) == (0, None)


async def test_park_is_no_failure_of_the_destination(stage: Stage) -> None:
    messages = await claim(stage, 1)
    await settle_all(stage.ctx, [Outcome(messages[0], Park(UNMAPPED))], lease(messages))
    assert await stage.pool.fetchval("SELECT failures FROM destination WHERE name = $1", SHOP) == 0
