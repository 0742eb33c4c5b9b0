"""What happens to an order after it was sent is settled by a person, and never forgotten."""

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.order import Standing
from tests.flows.stage import Stage, order_of

FIRST = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
LATER = FIRST + timedelta(minutes=5)


@pytest.fixture
async def posted(stage: Stage) -> Stage:
    await stage.accept(order_of("1", "TEE", at=FIRST))
    return stage


async def fixes(stage: Stage) -> list[str]:
    rows = await stage.pool.fetch(
        "SELECT violations -> 0 ->> 'fix' AS fix FROM exception_case WHERE closed_at IS NULL ORDER BY id"
    )
    return [row["fix"] for row in rows]


async def test_cancellation_after_the_post_names_the_document(posted: Stage) -> None:
    await posted.accept(order_of("1", "TEE", at=LATER, standing=Standing.CANCELLED))
    assert await posted.cases() == ["E-CANCEL-AFTER-POST"]
    assert await fixes(posted) == ["cancel sales order SO1001 in the ERP"]


async def test_edit_after_the_post_sends_nothing(posted: Stage) -> None:
    await posted.accept(order_of("1", "TEE", "DRESS", at=LATER))
    assert (await posted.cases(), posted.sent()) == (["E-EDIT-AFTER-POST"], ["CEN-1"])


async def test_edit_that_was_taken_back_needs_nobody(posted: Stage) -> None:
    await posted.accept(order_of("1", "DRESS", at=LATER))
    await posted.accept(order_of("1", "TEE", at=LATER + timedelta(minutes=1)))
    await posted.retry_all()
    assert await posted.cases() == []


async def test_change_of_an_order_holds_no_other_order_up(posted: Stage) -> None:
    await posted.accept(order_of("1", "DRESS", at=LATER))
    await posted.accept(order_of("2", "TEE", "DRESS"))
    assert posted.sent() == ["CEN-1", "CEN-2"]


async def test_change_of_an_order_that_never_was_sent_has_no_effect(stage: Stage) -> None:
    await stage.accept(order_of("1", "GHOST", at=FIRST))
    await stage.pool.execute("UPDATE message_state SET send_begun = true, doubt_since = now()")
    await stage.accept(order_of("1", "GHOST", at=LATER, standing=Standing.CANCELLED))
    await stage.pool.execute(
        "UPDATE message_state SET send_begun = false, doubt_since = NULL WHERE state = 'parked'"
    )
    await stage.retry_all()
    assert await stage.ends() == {"place 1": "cancelled", "cancel 1": "no_effect"}
