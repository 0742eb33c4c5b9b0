import json
from datetime import timedelta

import httpx
import pytest

from app.domain.channel import Page
from app.domain.errors import DestinationError, TransientError
from tests.connectors.virtualstock.conftest import NOW, make_settings, opened
from tests.connectors.virtualstock.wire import order, page


async def walk(channel) -> list:
    pages, cursor = [], {"number": 7}
    while not pages or pages[-1].more:
        pages.append(await channel.polls["open_orders"](cursor, NOW))
        cursor = pages[-1].cursor
    return pages


async def test_a_walk_reads_all_pages_of_all_statuses_that_matter(vendor, clock):
    vendor.reply(page(order(1), order(2), count=3), page(order(3), count=3), page(order(4)), page())
    async with opened(vendor, clock) as channel:
        pages = await walk(channel)
    asked = [(request.url.params["status"], request.url.params["offset"]) for request in vendor.asked]
    assert asked == [("ORDER", "0"), ("ORDER", "2"), ("CANCEL", "0"), ("RMA", "0")]
    assert [row.item for one in pages for row in one.walk.rows] == [
        "ORDER/1",
        "ORDER/2",
        "ORDER/3",
        "CANCEL/4",
    ]
    assert [one.walk.ended for one in pages] == [False, False, False, True]
    assert (pages[-1].cursor, pages[-1].horizon) == ({"number": 8, "since": NOW.isoformat()}, NOW)


async def test_a_row_brings_its_order_along(vendor, clock):
    vendor.reply(page(order(1), count=2))
    async with opened(vendor, clock) as channel:
        told = await channel.polls["open_orders"]({}, NOW)
        draft = told.walk.rows[0].draft
        mapped = channel.unpack(draft.order_ref, draft.body)
    assert (draft.kind, draft.order_ref, draft.destination) == (
        "virtualstock.order",
        "ARG-A1",
        "virtualstock:edge",
    )
    assert (mapped.ref, mapped.updated_at) == ("ARG-A1", NOW)
    assert channel.unpack("ARG-A1", {"via": "left"}) is None


async def test_digests_tell_what_changed(vendor, clock):
    vendor.reply(
        page(order(1), order(2, comment="x"), count=9), page(order(1), order(2, comment="y"), count=9)
    )
    async with opened(vendor, clock) as channel:
        first = (await channel.polls["open_orders"]({"number": 1}, NOW)).walk.rows
        second = (await channel.polls["open_orders"]({"number": 2}, NOW)).walk.rows
    assert first[0].fingerprint == second[0].fingerprint
    assert first[1].fingerprint != second[1].fingerprint
    assert first[0].draft.key != second[0].draft.key


async def test_a_row_without_a_name_parks_alone(vendor, clock):
    vendor.reply(page({"order_reference": "A1"}, order(2), count=9))
    async with opened(vendor, clock) as channel:
        rows = (await channel.polls["open_orders"]({}, NOW)).walk.rows
    assert [row.draft.park.code if row.draft.park else None for row in rows] == ["E-UNREADABLE", None]


async def test_a_shorter_page_than_asked_for_is_no_end(vendor, clock):
    vendor.reply(page(order(1), count=2))
    async with opened(vendor, clock, page_size=50) as channel:
        told = await channel.polls["open_orders"]({}, NOW)
    assert (told.more, told.cursor["offset"]) == (True, 1)


async def test_an_empty_page_ends_a_status_whatever_is_counted(vendor, clock):
    vendor.reply(page(count=5))
    async with opened(vendor, clock) as channel:
        told = await channel.polls["open_orders"]({"offset": 100}, NOW)
    assert told.cursor["status"] == 1


@pytest.mark.parametrize(("reply", "error"), [([1], TransientError), (500, DestinationError)])
async def test_a_page_that_fails_moves_nothing(vendor, clock, reply, error):
    vendor.reply(reply)
    async with opened(vendor, clock) as channel:
        with pytest.raises(error):
            await channel.polls["open_orders"]({"offset": 100}, NOW)


async def test_one_order_is_fetched_by_its_retailers_reference(vendor, clock):
    rows = page(
        order(1, order_reference="A1", retailer="https://edge.test/customers/47/"),
        order(2, order_reference="A1"),
    )
    vendor.reply(rows, page())
    async with opened(vendor, clock) as channel:
        found = await channel.fetch_orders(["ARG-A1", "R99-A1", "ARG-GONE"])
    assert {ref: one.channel_id for ref, one in found.items()} == {"ARG-A1": "2"}
    assert [dict(request.url.params) for request in vendor.asked] == [
        {"order_reference": "A1", "retailer_id": "31", "format": "json"},
        {"order_reference": "GONE", "retailer_id": "31", "format": "json"},
    ]


async def test_text_that_no_database_holds_takes_no_list_with_it(vendor, clock):
    text = json.dumps(page(order(1, comment="a\x00b\ud800"), order(2), count=9))
    vendor.reply(httpx.Response(200, text=text))
    async with opened(vendor, clock) as channel:
        rows = (await channel.polls["open_orders"]({}, NOW)).walk.rows
    assert rows[0].draft.body["order"]["comment"] == "a\ufffdb\ufffd"


async def test_a_retailer_that_is_configured_later_makes_its_orders_new(vendor, clock):
    raw = order(1, retailer="https://edge.test/customers/77/")
    vendor.reply(page(raw, count=9), page(raw, count=9))
    async with opened(vendor, clock) as channel:
        (before,) = (await channel.polls["open_orders"]({}, NOW)).walk.rows
    async with opened(vendor, clock, retailers={"NEW": {"id": 77}}) as channel:
        (after,) = (await channel.polls["open_orders"]({}, NOW)).walk.rows
        assert channel.unpack("R77-A1", before.draft.body) is None
        assert channel.unpack("NEW-A1", after.draft.body).ref == "NEW-A1"
    assert (before.draft.order_ref, after.draft.order_ref) == ("R77-A1", "NEW-A1")
    assert before.fingerprint != after.fingerprint


@pytest.mark.parametrize(
    ("code", "good"), [("R77", False), ("R", True), ("RX7", True), ("R7X", True), ("ARG", True)]
)
def test_no_retailer_is_called_as_unknown_ones_are(code, good):
    if good:
        assert make_settings(retailers={code: {"id": 1}}).code_of(1) == code
    else:
        with pytest.raises(ValueError, match="pattern"):
            make_settings(retailers={code: {"id": 1}})


@pytest.mark.requirement("R-51")
async def test_orders_in_hand_are_walked_too_where_despatches_begin_there(vendor, clock):
    """What leaves their lists may have been dispatched; who was never seen as new is in the books already."""
    vendor.reply(page(order(1)), page(), page(), page(order(2)), page())
    async with opened(vendor, clock, dispatch_origin="channel") as channel:
        pages = await walk(channel)
        assert channel.ship is None
    statuses = [request.url.params["status"] for request in vendor.asked]
    assert statuses == ["ORDER", "CANCEL", "RMA", "ORDER_ACK", "BACKORDER"]
    rows = [row for one in pages for row in one.walk.rows]
    assert [(row.item, row.draft.body.get("if_known")) for row in rows] == [
        ("ORDER/1", None),
        ("ORDER_ACK/2", True),
    ]


async def late(vendor, clock, *orders: dict, cursor: dict | None = None, **changes) -> Page:
    vendor.reply(page(*orders))
    async with opened(vendor, clock, **changes) as channel:
        return await channel.polls["acknowledged_orders"](cursor or {}, NOW)


def looked_at(told: Page) -> list[str | None]:
    """Orders that are looked at though nobody here acknowledged them."""
    return [row.draft.order_ref for row in told.walk.rows if not row.draft.body.get("if_known")]


async def test_orders_that_others_acknowledged_are_looked_for_from_the_first_start_on(vendor, clock):
    told = await late(
        vendor, clock, order(1, order_date="2026-11-05T09:19:59"), order(2, order_date="2026-11-05T09:20:00")
    )
    assert looked_at(told) == ["ARG-A2"]
    assert (told.cursor["since"], told.more) == (NOW.isoformat(), True)
    told = await late(vendor, clock, cursor=told.cursor)
    assert (told.cursor["since"], told.more) == (NOW.isoformat(), False)
    assert [request.url.params["status"] for request in vendor.asked] == ["ORDER_ACK", "BACKORDER"]


async def test_their_day_may_be_chosen(vendor, clock):
    old = order(1, order_date="2026-10-25T00:30:00")
    told = await late(vendor, clock, old, acknowledged_since="2026-10-25", cursor={"since": NOW.isoformat()})
    assert looked_at(told) == ["ARG-A1"]


async def test_one_that_cannot_be_read_is_told_once(vendor, clock):
    first = await late(vendor, clock, order(1, order_date="2026-12-01T00:00:00", items=[]))
    second = await late(vendor, clock, order(1, order_date="2026-12-01T00:00:00", items=[]))
    assert [row.fingerprint for row in first.walk.rows] == [row.fingerprint for row in second.walk.rows]


async def windows(vendor, clock, cursor: dict) -> list[int]:
    """The days that a whole walk asks for, once each."""
    async with opened(vendor, clock, change_window=True) as channel:
        while True:
            vendor.reply(page())
            told = await channel.polls["open_orders"](cursor, NOW)
            cursor = told.cursor
            if not told.more:
                break
    assert (cursor["number"], cursor["through"]) == (2, NOW.isoformat())
    return list(dict.fromkeys(int(request.url.params["chg_days"]) for request in vendor.asked))


@pytest.mark.requirement("RC-20")
@pytest.mark.parametrize(
    ("away", "days"),
    [
        (timedelta(minutes=1), [2]),
        (timedelta(hours=48), [2]),
        (timedelta(hours=49), [2, 5]),
        (timedelta(days=6), [2, 5, 8]),
        (None, [2, 5, 8, 11, 14, 17, 20, 23, 26, 29, 32]),  # the first start
    ],
)
async def test_a_window_is_moved_back_to_the_last_whole_walk(vendor, clock, away, days):
    cursor = {"number": 1} | ({"through": (NOW - away).isoformat()} if away else {})
    assert await windows(vendor, clock, cursor) == days


async def test_without_a_window_none_is_asked_for(vendor, clock):
    vendor.reply(page())
    async with opened(vendor, clock) as channel:
        await channel.polls["open_orders"]({}, NOW)
    assert "chg_days" not in vendor.asked[0].url.params
