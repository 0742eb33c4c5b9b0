import json

import httpx
import pytest

from app.domain.channel import Return
from app.domain.errors import PermanentError, TransientError
from tests.connectors.virtualstock.conftest import NOW, opened
from tests.connectors.virtualstock.wire import item, order, page

ASKED = Return("0b6f6a52", "700101", "1", 2)


def returned(number: str = "0b6f6a52", **changes: object) -> dict:
    told = {"quantity": 2, "order": order(), "order_item": item(), "return_reason_code": "200"}
    return {"id": number, **told, **changes}


async def look(vendor, clock, *rows: dict, cursor: dict | None = None, **more):
    vendor.reply(page(*rows, **more))
    async with opened(vendor, clock) as channel:
        return await channel.polls["returns"](cursor or {}, NOW)


async def test_a_return_is_told_with_its_line_units_and_reason(vendor, clock):
    told = await look(vendor, clock, returned(quantity="2", return_reason_code=200))
    (row,) = told.walk.rows
    assert (row.draft.kind, row.draft.order_ref) == ("virtualstock.return", "ARG-A700101")
    assert row.draft.body == {"id": "0b6f6a52", "line": "1", "units": 2, "reason": "200"}
    assert vendor.asked[0].url.params["return_status"] == "RMA"
    assert (told.walk.ended, told.cursor) == (True, {"number": 2})


async def test_the_list_is_read_to_its_end(vendor, clock):
    told = await look(vendor, clock, returned(), count=2, cursor={"number": 7})
    assert (told.more, told.cursor, told.walk.ended) == (True, {"offset": 1, "number": 7}, False)


@pytest.mark.parametrize(
    "changes",
    [
        {"quantity": 1},
        {"return_reason_code": "225"},
        {"order_item": item(line_reference="2")},
        {"order": order(retailer="https://example.test/restapi/v4/customers/9999/")},
    ],
)
async def test_what_is_asked_for_otherwise_is_another_row(vendor, clock, changes):
    first = (await look(vendor, clock, returned())).walk.rows[0]
    second = (await look(vendor, clock, returned(**changes))).walk.rows[0]
    assert first.item == second.item
    assert first.fingerprint != second.fingerprint


@pytest.mark.parametrize(
    "changes", [{"quantity": 0}, {"quantity": None}, {"order": {}}, {"order_item": {}}, {"id": ""}]
)
async def test_one_that_cannot_be_read_parks_alone(vendor, clock, changes):
    told = await look(vendor, clock, returned(**changes), returned("another"))
    assert [row.draft.park.code if row.draft.park else None for row in told.walk.rows] == [
        "E-UNREADABLE",
        None,
    ]


async def answer(vendor, clock, status: str, *replies: object) -> bool:
    vendor.reply(order(items=[item(status=status)]), *replies)
    async with opened(vendor, clock) as channel:
        return await channel.acknowledge_return(ASKED)


async def test_the_units_that_were_asked_for_are_acknowledged(vendor, clock):
    assert await answer(vendor, clock, "RMA", 200)
    assert vendor.asked[-1].url.path == "/restapi/v4/orders/700101/return_acknowledge/"
    told = [{"part_number": "61203344", "line_ref": "1", "quantity": 2}]
    assert json.loads(vendor.asked[-1].content) == {"items": told}


@pytest.mark.parametrize("status", ["RMA_AUTHORISED", "RMA_ACK", "RMA_REC", "RMA_REJ"])
async def test_what_is_answered_is_left_alone(vendor, clock, status):
    assert not await answer(vendor, clock, status)
    assert [request.method for request in vendor.asked] == ["GET"]


async def test_a_return_that_the_order_does_not_show_yet_is_looked_at_again(vendor, clock):
    """Nobody was told: to say otherwise would lose it."""
    with pytest.raises(TransientError, match="no return of line 1 yet"):
        await answer(vendor, clock, "DISPATCH")
    assert [request.method for request in vendor.asked] == ["GET"]


async def test_a_line_that_never_left_parks(vendor, clock):
    with pytest.raises(PermanentError, match="E-VS-REFUSED"):
        await answer(vendor, clock, "ORDER_ACK")


async def test_a_line_that_is_not_there_parks(vendor, clock):
    vendor.reply(order(items=[item("2", status="RMA")]))
    async with opened(vendor, clock) as channel:
        with pytest.raises(PermanentError, match="E-LINE-UNKNOWN"):
            await channel.acknowledge_return(ASKED)


async def test_a_lost_answer_is_looked_at_again(vendor, clock):
    with pytest.raises(TransientError):
        await answer(vendor, clock, "RMA", httpx.ReadTimeout("no"))
