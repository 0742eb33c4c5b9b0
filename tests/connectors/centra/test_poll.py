from datetime import datetime, timedelta

import pytest

from app.connectors.centra.poll import confirm, read_changed, read_events
from app.domain.errors import DestinationError, PermanentError, TransientError
from tests.connectors.centra.conftest import NOW

LISTENING = {"listening": ["Order"]}
DONE = {"userErrors": [], "userWarnings": []}


def queued(id_: int, **changes):
    return {
        "id": id_,
        "objectType": "Order",
        "changeType": "CREATED",
        "objectReference": 20417,
        "createdAt": "2026-03-02T10:14:07+01:00",
        **changes,
    }


def changed(number: int, at: datetime):
    return {"number": number, "createdAt": at.isoformat(), "updatedAt": at.isoformat(timespec="seconds")}


def minutes(count: float) -> datetime:
    return NOW - timedelta(minutes=count)


async def test_queue_event_becomes_a_notice(make_source, centra):
    centra.data(events=[queued(118201)])
    page = await read_events(LISTENING, NOW, source=make_source())
    (draft,) = page.drafts
    assert (draft.kind, draft.key, draft.order_ref) == ("centra.order", "centra/uk/event/118201", "20417")
    assert (page.confirm, page.cursor, page.more, page.horizon) == (("118201",), LISTENING, False, NOW)


async def test_first_look_at_the_queue_subscribes_to_orders(make_source, centra):
    centra.data(setEventListeners=DONE).data(events=[])
    page = await read_events({}, NOW, source=make_source())
    assert centra.asked[0]["variables"] == {"input": [{"objectType": "Order"}]}
    assert page.cursor == LISTENING


async def test_subscribed_queue_is_read_in_one_request(make_source, centra):
    centra.data(events=[])
    await read_events(LISTENING, NOW, source=make_source())
    assert [asked["operationName"] for asked in centra.asked] == ["GatewayEvents"]
    assert centra.asked[0]["variables"] == {"where": {}, "limit": 200}


async def test_types_without_a_word_are_confirmed_and_nothing_else(make_source, centra):
    centra.data(events=[queued(1, objectType="Product"), queued(2), queued(3, objectType="Shipment")])
    page = await read_events(LISTENING, NOW, source=make_source())
    assert [draft.kind for draft in page.drafts] == ["centra.order", "centra.shipment"]
    assert page.confirm == ("1", "2", "3")


@pytest.mark.parametrize("cursor", [{}, LISTENING])
async def test_queue_that_the_token_may_not_use_parks_and_ails_nobody_else(make_source, centra, cursor):
    message = "You need Event:read permission to access events."
    centra.reply({"errors": [{"message": message, "extensions": {"category": "authorization"}}]})
    with pytest.raises(PermanentError, match=r"E-CENTRA-PERMISSION.*Event:read"):
        await read_events(cursor, NOW, source=make_source())


async def test_queue_behind_an_expired_token_waits(make_source, centra):
    centra.reply(401)
    with pytest.raises(DestinationError):
        await read_events(LISTENING, NOW, source=make_source())


async def test_full_page_of_the_queue_says_that_more_waits(make_source, centra):
    centra.data(events=[queued(number) for number in range(1, 201)])
    page = await read_events(LISTENING, NOW, source=make_source())
    assert (page.more, page.horizon) == (True, datetime.fromisoformat("2026-03-02T09:14:07+00:00"))


async def test_queue_of_one_store_leaves_the_others_events_alone(make_source, centra):
    centra.data(events=[])
    await read_events(LISTENING, NOW, source=make_source(store=2))
    assert centra.asked[0]["variables"]["where"] == {"storeId": [2]}


async def test_event_with_a_number_that_no_order_can_have_is_parked(make_source, centra):
    centra.data(events=[queued(1, objectReference=2**40), queued(2, objectReference="20418")])
    page = await read_events(LISTENING, NOW, source=make_source())
    assert [draft.kind for draft in page.drafts] == ["centra.unreadable", "centra.order"]
    assert page.confirm == ("1", "2")


@pytest.mark.parametrize("events", [None, {}, [None], [{"id": 1}], [queued(1, createdAt="yesterday")]])
async def test_queue_out_of_shape_is_not_confirmed(make_source, centra, events):
    centra.data(events=events)
    with pytest.raises(TransientError):
        await read_events(LISTENING, NOW, source=make_source())


async def test_confirm_names_the_events(make_source, centra):
    centra.data(confirmEvents=DONE)
    await confirm(("118201", "118202"), source=make_source())
    assert centra.asked[0]["variables"] == {"input": {"eventsIds": [118201, 118202]}}


async def test_confirm_of_nothing_asks_nothing(make_source, centra):
    await confirm((), source=make_source())
    assert centra.asked == []


REFUSED = {"userErrors": [{"message": "No such event"}], "userWarnings": []}


async def test_refused_confirm_of_what_is_gone_anyway_is_done(make_source, centra):
    centra.data(confirmEvents=REFUSED).data(events=[queued(3)])
    await confirm(("1", "2"), source=make_source())
    assert len(centra.asked) == 2


async def test_refused_confirm_is_repeated_without_what_is_gone(make_source, centra):
    centra.data(confirmEvents=REFUSED).data(events=[queued(2), queued(3)]).data(confirmEvents=DONE)
    await confirm(("1", "2"), source=make_source())
    assert centra.asked[-1]["variables"] == {"input": {"eventsIds": [2]}}


async def test_confirm_that_is_refused_though_nothing_is_gone_parks(make_source, centra):
    centra.data(confirmEvents=REFUSED).data(events=[queued(1), queued(2), queued(3)])
    with pytest.raises(PermanentError, match="E-CENTRA-REFUSED"):
        await confirm(("1", "2"), source=make_source())


async def test_confirm_that_is_refused_twice_parks(make_source, centra):
    centra.data(confirmEvents=REFUSED).data(events=[queued(2)]).data(confirmEvents=REFUSED)
    with pytest.raises(PermanentError, match="E-CENTRA-REFUSED"):
        await confirm(("1", "2"), source=make_source())


async def test_confirm_survives_a_warning(make_source, centra):
    centra.data(confirmEvents={"userErrors": [], "userWarnings": [{"message": "gone"}]})
    await confirm(("1",), source=make_source())
    assert len(centra.asked) == 1


async def test_first_sweep_goes_back_some_days(make_source, centra):
    centra.data(orders=[])
    page = await read_changed({}, NOW, source=make_source(backfill_days=3))
    since = NOW - timedelta(days=3)
    assert centra.asked[0]["variables"] == {
        "where": {"updatedAt": {"from": (since - timedelta(seconds=300)).isoformat()}},
        "limit": 200,
        "page": 1,
    }
    assert (page.cursor, page.more, page.horizon) == ({"since": since.isoformat()}, False, NOW)


async def test_sweep_gives_a_notice_for_each_changed_order(make_source, centra):
    centra.data(orders=[changed(20417, minutes(10))])
    page = await read_changed({}, NOW, source=make_source())
    (draft,) = page.drafts
    assert (draft.kind, draft.order_ref) == ("centra.order", "20417")
    assert draft.key == f"centra/uk/sweep/20417/{minutes(10).isoformat()}"
    assert page.cursor == {"since": minutes(10).isoformat()}


async def test_sweep_reads_the_overlap_again_under_the_same_keys(make_source, centra):
    source = make_source(overlap_seconds=120)
    centra.data(orders=[changed(1, minutes(10))]).data(
        orders=[changed(1, minutes(10)), changed(2, minutes(9))]
    )
    first = await read_changed({}, NOW, source=source)
    second = await read_changed(first.cursor, NOW + timedelta(minutes=1), source=source)
    assert centra.asked[1]["variables"]["where"]["updatedAt"]["from"] == minutes(12).isoformat()
    assert {draft.key for draft in first.drafts} < {draft.key for draft in second.drafts}


async def test_sweep_understands_one_moment_in_two_offsets(make_source, centra):
    rows = [
        {"number": 1, "createdAt": "2026-03-02T10:00:00+01:00", "updatedAt": "2026-03-02T10:00:00+01:00"},
        {"number": 1, "createdAt": "2026-03-02T10:00:00+01:00", "updatedAt": "2026-03-02T09:00:00+00:00"},
        {"number": 1, "createdAt": "2026-03-02 10:00:00", "updatedAt": None},
    ]
    centra.data(orders=rows)
    page = await read_changed({}, NOW, source=make_source(instance_zone="Europe/Stockholm"))
    assert len({draft.key for draft in page.drafts}) == 1


async def test_order_that_was_read_within_its_second_is_read_once_more(make_source, centra):
    row = changed(1, NOW - timedelta(seconds=1))
    centra.data(orders=[row]).data(orders=[row]).data(orders=[row])
    source = make_source()
    keys = [
        (await read_changed({}, NOW + timedelta(minutes=later), source=source)).drafts[0].key
        for later in (0, 2, 4)
    ]
    assert keys[0] != keys[1] == keys[2]


async def test_full_page_goes_on_from_the_last_change_and_not_by_page(make_source, centra):
    source = make_source()
    centra.data(orders=[changed(n, minutes(1000 - n)) for n in range(1, 201)]).data(
        orders=[changed(201, minutes(5))]
    )
    first = await read_changed({}, NOW, source=source)
    assert (first.more, first.horizon) == (True, minutes(800))
    second = await read_changed(first.cursor, NOW, source=source)
    asked = centra.asked[1]["variables"]
    assert (asked["where"]["updatedAt"]["from"], asked["page"]) == (minutes(800).isoformat(), 1)
    assert (second.cursor, second.more) == ({"since": minutes(5).isoformat()}, False)


async def test_more_than_a_page_of_one_moment_is_read_by_pages(make_source, centra):
    source = make_source()
    same = [changed(n, minutes(7)) for n in range(1, 201)]
    centra.data(orders=same).data(orders=same).data(orders=same[:50])
    cursor = {}
    for _ in range(3):
        page = await read_changed(cursor, NOW, source=source)
        cursor = page.cursor
    pages = [
        (asked["variables"]["where"]["updatedAt"]["from"], asked["variables"]["page"])
        for asked in centra.asked
    ]
    assert pages[1:] == [(minutes(7).isoformat(), 1), (minutes(7).isoformat(), 2)]
    assert cursor == {"since": minutes(7).isoformat()}


async def test_walk_that_ends_on_an_empty_page_keeps_what_it_reached(make_source, centra):
    centra.data(orders=[])
    walk = {"since": minutes(60).isoformat(), "at": minutes(3).isoformat(), "page": 2}
    page = await read_changed(walk, NOW, source=make_source())
    assert page.cursor == {"since": minutes(3).isoformat()}


async def test_stamp_of_the_future_skips_nothing(make_source, centra):
    centra.data(orders=[changed(1, NOW + timedelta(hours=5))])
    page = await read_changed({}, NOW, source=make_source())
    assert page.cursor == {"since": NOW.isoformat()}


async def test_quiet_shop_keeps_its_place(make_source, centra):
    centra.data(orders=[])
    cursor = {"since": minutes(9000).isoformat()}
    assert (await read_changed(cursor, NOW, source=make_source())).cursor == cursor


@pytest.mark.parametrize("orders", [None, [{}], [{"number": 1, "createdAt": "", "updatedAt": ""}]])
async def test_sweep_out_of_shape_moves_no_cursor(make_source, centra, orders):
    centra.data(orders=orders)
    with pytest.raises(TransientError):
        await read_changed({}, NOW, source=make_source())


async def test_sweep_of_one_store_asks_for_no_other(make_source, centra):
    centra.data(orders=[])
    await read_changed({}, NOW, source=make_source(store=2))
    assert centra.asked[0]["variables"]["where"]["storeId"] == [2]


async def test_poll_passes_on_why_it_could_not(make_source, centra):
    centra.reply(401)
    with pytest.raises(DestinationError):
        await read_changed({}, NOW, source=make_source())
