"""A channel that asked to cancel is answered, whichever way the order ended."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.erp import DocumentStanding
from app.domain.order import Standing
from tests.flows.stage import BOOKS, SHOP, Stage, order_of
from tests.flows.test_accept import typed, word


@pytest.fixture
def asking(stage: Stage) -> tuple[Stage, list[str]]:
    """A channel that waits for answers, and the ids that it was answered for."""
    answered: list[str] = []

    async def answer(channel_id: str, _lines: frozenset[str]) -> bool:
        answered.append(channel_id)
        return True

    channel = replace(stage.ctx.channels[SHOP], answer_cancellation=answer)
    return replace(stage, ctx=replace(stage.ctx, channels={SHOP: channel})), answered


def cancelled():
    order = order_of("1")
    return replace(order, standing=Standing.CANCELLED, updated_at=order.updated_at + timedelta(minutes=1))


@pytest.mark.requirement("R-34")
async def test_before_it_was_sent(asking):
    stage, answered = asking
    await stage.tell(order_of("1"))
    await stage.turn(SHOP)
    await stage.tell(cancelled())
    await stage.drain()
    assert (stage.sent(), len(answered)) == ([], 1)


@pytest.mark.requirement("R-34")
@pytest.mark.requirement("RC-14")
async def test_while_its_place_was_just_being_looked_at(asking):
    """The effect is leased and cannot be ended from outside; it finds out by itself, and the cancellation comes behind it."""
    stage, answered = asking
    await stage.tell(order_of("1"))
    await stage.turn(SHOP)
    taken = await stage.take(BOOKS)
    await stage.tell(cancelled())
    await stage.turn(SHOP)
    await stage.handle(taken)
    await stage.drain()
    assert (stage.sent(), len(answered)) == ([], 1)


@pytest.mark.requirement("R-34")
async def test_an_order_that_is_live_in_the_erp_is_not_agreed_to(asking):
    stage, answered = asking
    await stage.accept(order_of("1"))
    await stage.tell(cancelled())
    await stage.drain()
    assert (answered, await stage.cases()) == ([], ["E-CANCEL-AFTER-POST"])


async def test_an_order_that_nobody_ever_saw_alive_is_agreed_to(asking):
    stage, answered = asking
    await stage.accept(cancelled())
    assert (stage.sent(), len(answered)) == ([], 1)


@pytest.mark.requirement("R-34")
async def test_an_order_that_a_person_posted_is_not_agreed_to_while_it_is_live(asking):
    """It bears no key of ours: it is found by its number, or the channel would hear that nothing will be sent."""
    stage, answered = asking
    await stage.accept(order_of("1", "GHOST"))
    stage.books.documents["typed"] = (typed("SO777"),)
    await word(stage, document="SO777")
    await stage.drain()
    await stage.tell(replace(cancelled(), lines=order_of("1", "GHOST").lines))
    await stage.drain()
    assert (answered, await stage.cases()) == ([], ["E-CANCEL-AFTER-POST"])
    stage.books.documents["typed"] = (typed("SO777", standing=DocumentStanding.CANCELLED),)
    await stage.retry_all()
    assert len(answered) == 1
