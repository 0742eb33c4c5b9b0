"""Changes of sales orders: under Sage's lock, read before and after, and the lock always ends."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import httpx
import pytest
import simplejson

from app.domain.amend import Amendment, Contents, Revision
from app.domain.errors import DestinationError, InDoubtError, PermanentError, SnoozeError, TransientError
from app.domain.message import Owner, Violation
from tests.connectors.sage200.stage import Remembering, order, reply


def three(held: Contents) -> Amendment | None:
    """The first line should be three."""
    line = held.lines[0]
    if line.entry.quantity == 3:
        return None
    return Amendment(changed=((line, replace(line.entry, quantity=Decimal(3))),))


@pytest.fixture
async def placed(erp, sage) -> int:
    document = await erp.place(order(), lambda: None)
    sage.requests.clear()
    return document.id


def sent(sage) -> list[dict]:
    return [
        simplejson.loads(each.content, use_decimal=True) for each in sage.requests if each.method == "PUT"
    ]


async def change(erp, number, hold, decide=three):
    return await erp.change(Revision(number, decide, order()), hold)


async def test_it_is_read_and_written_under_the_lock_and_read_back(erp, sage, placed):
    hold = Remembering()
    held = await change(erp, placed, hold)
    assert held.lines[0].entry.quantity == 3
    assert hold.told == ["begin", "take 901", "write", "end"]
    (body,) = sent(sage)
    assert (body["lock_id"], body["is_editing"], sage.lock) == (901, False, None)
    line = body["lines"][0]
    assert (line["line_quantity"], line["to_allocate_quantity"], line["selling_unit_price"]) == (
        3,
        1,
        Decimal("19.95"),
    )


@pytest.mark.parametrize(
    "wish", [None, (Violation("E-EDIT-CONFLICT", "x", "y", "z", Owner.OPERATIONS),)], ids=["done", "no"]
)
async def test_where_nothing_may_be_written_the_lock_is_given_back(erp, sage, placed, wish):
    hold = Remembering()
    answer = await change(erp, placed, hold, lambda _: wish)
    assert answer == wish or isinstance(answer, Contents)
    assert hold.told == ["begin", "take 901", "end"]
    assert (sent(sage), sage.lock) == ([{"lock_id": 901, "is_editing": False}], None)


@pytest.mark.requirement("R-58")
async def test_whatever_stops_the_write_gives_the_lock_back(erp, sage, placed):
    hold = Remembering(TransientError("not ours any more"))
    with pytest.raises(TransientError, match="not ours"):
        await change(erp, placed, hold)
    assert (hold.told[-1], sage.lock) == ("end", None)


async def test_a_lock_of_somebody_else_is_waited_for(erp, sage, placed):
    locked = reply({"Message": "Sales order 7 is locked by user 'mary'."}, 400)
    sage.on_read = lambda request: locked if "is_to_lock" in str(request.url) else None
    hold = Remembering()
    with pytest.raises(SnoozeError, match="mary"):
        await change(erp, placed, hold)
    assert hold.told == ["begin", "end"]


async def test_a_lock_whose_answer_was_lost_is_remembered(erp, sage, placed):
    def lose(request):
        if "is_to_lock" in str(request.url):
            raise httpx.ReadTimeout("")

    sage.on_read = lose
    hold = Remembering()
    with pytest.raises(TransientError):
        await change(erp, placed, hold)
    assert hold.told == ["begin"]


async def test_a_site_that_gives_no_locks_changes_nothing(erp, sage, placed):
    def unlocked(request):
        return reply({"id": placed}) if "is_to_lock" in str(request.url) else None

    sage.on_read = unlocked
    with pytest.raises(DestinationError, match="is_to_lock"):
        await change(erp, placed, Remembering())
    assert sent(sage) == []


async def test_a_write_without_an_answer_is_in_doubt_and_its_lock_ends(erp, sage, placed):
    def lose(request):
        if b"lines" in request.content:
            raise httpx.ReadTimeout("")

    sage.on_put = lose
    hold = Remembering()
    with pytest.raises(InDoubtError):
        await change(erp, placed, hold)
    assert (hold.told[-1], sage.lock) == ("end", None)


async def test_a_lock_that_cannot_be_given_back_stays_remembered(erp, sage, placed):
    sage.on_put = lambda _: reply({"Message": "The customer WEBGBP is on hold."}, 400)
    hold = Remembering()
    with pytest.raises(PermanentError) as error:
        await change(erp, placed, hold)
    assert (error.value.code, hold.told[-1]) == ("E-CUST-ONHOLD", "write")


async def test_what_was_saved_half_is_told_by_what_is_read_back(erp, sage, placed):
    sage.on_put = lambda request: (sage.amend(request), reply({"Message": "timeout expired"}, 400))[1]
    held = await change(erp, placed, Remembering())
    assert held.lines[0].entry.quantity == 3


async def test_a_save_that_changed_nothing_is_no_success(erp, sage, placed):
    def forget(request):
        sage.lock = None
        return reply({"id": placed})

    sage.on_put = forget
    with pytest.raises(TransientError, match="part"):
        await change(erp, placed, Remembering())


async def test_stock_that_cannot_be_allocated_is_not_asked_for(erp, sage, placed):
    def short(request):
        if b"to_allocate" in request.content:
            return reply({"Message": "There is insufficient stock."}, 400)
        return None

    sage.on_put = short
    held = await change(erp, placed, Remembering())
    assert (held.lines[0].entry.quantity, len(sent(sage))) == (3, 2)


@pytest.mark.parametrize("text", ["The lock 5 on Sales order 7 does not exist.", "is locked by user 'mary'"])
async def test_a_lock_that_is_not_ours_any_more_counts_as_released(erp, sage, placed, text):
    sage.on_put = lambda _: reply({"Message": text}, 400)
    await erp.release(placed, 5)


async def test_a_lock_that_sage_keeps_is_tried_again(erp, sage, placed):
    sage.on_put = lambda _: reply({"Message": "The customer is on hold."}, 400)
    with pytest.raises(TransientError):
        await erp.release(placed, 5)


async def test_an_order_that_is_gone_is_none(erp, placed):
    assert await erp.contents(placed + 1) is None


async def test_an_order_whose_lines_are_all_gone_counts_as_cancelled(erp, sage, placed):
    sage.tables["sop_orders"][-1]["lines"] = [{"id": 1, "line_type": "EnumLineTypeComment"}]
    held = await erp.contents(placed)
    assert (held.document.standing, held.lines) == ("cancelled", ())


async def test_records_of_cancelled_lines_are_asked_for_where_the_company_keeps_them(opened, sage):
    sage.tables["sop_settings"][0]["record_cancelled_order_lines"] = True
    erp = await opened()
    document = await erp.place(order(), lambda: None)

    def nothing(held: Contents) -> Amendment | None:
        return Amendment(removed=held.lines) if held.lines else None

    await erp.change(Revision(document.id, nothing), Remembering())
    goods, charge, text = sent(sage)[0]["lines"]
    assert goods == {"id": goods["id"], "is_to_delete": True, "create_cancelled_line": True}
    assert (charge.keys(), text.keys()) == ({"id", "is_to_delete"}, {"id", "is_to_delete"})


async def test_a_hold_is_never_longer_than_the_setting(opened, sage):
    erp = await opened(lock_seconds=0.05)
    document = await erp.place(order(), lambda: None)

    class Sleepy(Remembering):
        async def write(self) -> None:
            await asyncio.Event().wait()

    hold = Sleepy()
    with pytest.raises(TransientError):
        await change(erp, document.id, hold)
    assert (hold.told[-1], sage.lock) == ("end", None)
