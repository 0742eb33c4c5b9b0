"""What holds for every channel, whoever wrote it (R-89): the registry's, and a toy that only the tests know."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from decimal import Decimal
from importlib import import_module
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from structlog.testing import capture_logs

from app.domain.channel import Acknowledgement, Channel, Page, Shipment
from app.domain.despatch import Parcel
from app.domain.errors import DestinationError, ForgedError, MalformedError, SluiceError
from app.domain.message import Draft, MessageClass
from app.domain.order import Order, Unreadable
from app.registry import CONNECTORS, ChannelConnector
from tests.connectors.conformance import CONNECTION, ELSEWHERE, Bought, Stage, Wire, connected, utc_now
from tests.connectors.toy.stage import TOY

CHANNELS = [one for one in (*CONNECTORS, TOY) if isinstance(one, ChannelConnector)]
STRANGE_REFS = ("", "0", "-1", "999999999", "9" * 60, "ARG-none", "ZZZ-1", "x y", "../1", "1,2", "é", "\x00")
PAGES_MOST = 50

pytestmark = pytest.mark.requirement("R-89")


@dataclass
class Meeting:
    """A channel that is open, its vendor, and the wire between."""

    stage: Stage
    wire: Wire
    channel: Channel

    def has(self, part: str) -> None:
        """Every part of a channel is optional."""
        if not getattr(self.channel, part):
            pytest.skip(f"{self.channel.name} has no {part}")

    async def order(self, bought: Bought) -> Order:
        return (await self.channel.fetch_orders([bought.ref]))[bought.ref]


@pytest.fixture(params=CHANNELS, ids=lambda one: one.name)
async def stage(request, tmp_path) -> AsyncIterator[Stage]:
    """A connector whose twin folder has no stage.py fails here."""
    async with import_module(f"tests.connectors.{request.param.name}.stage").open_stage(tmp_path) as opened:
        yield opened


@pytest.fixture
async def meeting(stage) -> AsyncIterator[Meeting]:
    async with meet(stage) as opened:
        yield opened


@asynccontextmanager
async def meet(stage: Stage, given: Any = None, **changes: Any) -> AsyncIterator[Meeting]:
    wire = Wire(stage)
    async with connected(stage, wire, given, **changes) as channel:
        yield Meeting(stage, wire, channel)


def told(bought: Bought) -> Acknowledgement:
    return Acknowledgement(bought.ref, bought.channel_id, "0000004711", utc_now(), bought.lines)


def shipment(bought: Bought) -> Shipment:
    parcel = Parcel(
        "0000000815", tuple(bought.lines.items()), "dpd", "", "01550123456789", "", date(2026, 11, 5)
    )
    return Shipment(bought.ref, bought.channel_id, parcel, bought.lines, {}, utc_now())


async def nothing() -> None:
    """`begin`, where nobody keeps a book of it."""


def deeds(channel: Channel, bought: Bought) -> Iterator[tuple[str, Callable[[], Awaitable[Any]]]]:
    """Everything that this channel can be asked to do, but for receiving."""
    for name, call in channel.polls.items():
        yield f"polls[{name}]", lambda call=call: call({}, utc_now())
    if channel.confirm:
        yield "confirm", lambda: channel.confirm(["1"])
    if channel.fetch_orders:
        yield "fetch_orders", lambda: channel.fetch_orders([bought.ref])
    if channel.acknowledge:
        yield "acknowledge", lambda: channel.acknowledge(told(bought))
    if channel.ship:
        yield "ship", lambda: channel.ship(shipment(bought), nothing)
    if channel.answer_cancellation:
        yield (
            "answer_cancellation",
            lambda: channel.answer_cancellation(bought.channel_id, frozenset(bought.lines)),
        )


# Settings and names


@pytest.mark.parametrize("connector", CHANNELS, ids=lambda one: one.name)
def test_settings_refuse_what_they_do_not_know(connector):
    with pytest.raises(ValidationError, match="no_such_setting"):
        connector.settings.model_validate({"no_such_setting": 1})
    assert {"prefix", "timeout_seconds", "base_url"} <= set(connector.settings.model_fields)


def test_a_channel_is_called_as_its_connector_and_its_connection(meeting):
    channel = meeting.channel
    assert (channel.name, channel.connection) == (meeting.stage.connector.name, CONNECTION)
    assert channel.prefix == meeting.stage.given["prefix"]
    assert channel.fetch_orders or channel.unpack


# Pushes


def check_draft(draft: Draft, channel: Channel) -> None:
    assert draft.destination == channel.destination
    assert draft.source == channel.connection
    assert draft.kind.startswith(f"{channel.name}.")
    assert draft.cls is MessageClass.NOTICE
    assert draft.key.startswith(f"{channel.name}/{channel.connection}/")
    assert len(draft.key) <= 400
    assert draft.order_ref is None or 0 < len(draft.order_ref.strip()) == len(draft.order_ref) <= 255
    spelt = json.dumps(draft.body, ensure_ascii=False)
    assert "\\u0000" not in spelt
    spelt.encode()  # no lone surrogate: Postgres would refuse it


def test_a_delivery_becomes_the_same_drafts_each_time(meeting):
    meeting.has("receive")
    raw, headers = meeting.stage.deliver(None, utc_now())
    assert all(name == name.lower() for name in headers)
    first = meeting.channel.receive(raw, headers, utc_now())
    again = meeting.channel.receive(raw, headers, utc_now())
    assert [draft.key for draft in first] == [draft.key for draft in again] != []
    assert len({draft.key for draft in first}) == len(first)
    for draft in first:
        check_draft(draft, meeting.channel)
    assert meeting.wire.asked == []


def test_a_delivery_with_wrong_or_missing_credentials_is_forged(meeting):
    meeting.has("receive")
    raw, headers = meeting.stage.deliver(None, utc_now())
    for name, value in headers.items():
        for wrong in (None, "", "x", "é", value + "0", value[:-1], value[::-1], value.upper() + "="):
            changed = {**headers, name: wrong} if wrong is not None else {}
            with pytest.raises(ForgedError):
                meeting.channel.receive(raw, changed, utc_now())


def test_whatever_is_delivered_is_drafts_or_malformed(meeting):
    meeting.has("receive")
    receive, stage = meeting.channel.receive, meeting.stage
    good, _ = stage.deliver(None, utc_now())

    @given(
        st.one_of(
            st.binary(max_size=200),
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.text() | st.floats(),
                lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
            ).map(lambda value: json.dumps(value).encode()),
            st.tuples(st.integers(0, len(good)), st.binary(max_size=6)).map(
                lambda cut: good[: cut[0]] + cut[1] + good[cut[0] + len(cut[1]) :]
            ),
        )
    )
    def hold(raw: bytes) -> None:
        raw, headers = stage.deliver(raw, utc_now())
        try:
            drafts = receive(raw, headers, utc_now())
        except MalformedError:
            return
        assert drafts
        for draft in drafts:
            check_draft(draft, meeting.channel)

    hold()


def test_whatever_stands_in_the_headers_is_forged_at_most(meeting):
    meeting.has("receive")
    raw, headers = meeting.stage.deliver(None, utc_now())

    @given(st.dictionaries(st.sampled_from(sorted(headers)), st.text(max_size=80)))
    def hold(changed: dict[str, str]) -> None:
        with pytest.raises(ForgedError):
            meeting.channel.receive(raw, changed, utc_now())

    hold()


# Polls


def said(page: Page) -> list[tuple[str, str]]:
    """What a page tells: keys of its drafts; of a list's rows, which and how they are."""
    rows = page.walk.rows if page.walk else ()
    return [*((draft.key, "") for draft in page.drafts), *((row.item, row.fingerprint) for row in rows)]


async def drained(channel: Channel, name: str, cursor: dict[str, Any], at: Any) -> tuple[list[Page], dict]:
    pages: list[Page] = []
    while len(pages) < PAGES_MOST:
        page = await channel.polls[name](json.loads(json.dumps(cursor)), at)
        pages.append(page)
        cursor = page.cursor
        if not page.more:
            return pages, cursor
    raise AssertionError(f"{name} does not end")


async def listening(channel: Channel) -> None:
    """Some vendors tell only what came after they were asked first."""
    for name in channel.polls:
        await drained(channel, name, {}, utc_now())


async def test_a_poll_tells_each_order_and_may_be_asked_again(meeting):
    await listening(meeting.channel)
    bought = [await meeting.stage.place() for _ in range(3)]
    at, told = utc_now(), set[str | None]()
    for name, poll in meeting.channel.polls.items():
        pages, last = await drained(meeting.channel, name, {}, at)
        everything = [one for page in pages for one in said(page)]
        assert len(set(everything)) == len(everything)
        drafts = [
            *(draft for page in pages for draft in page.drafts),
            *(row.draft for page in pages if page.walk for row in page.walk.rows),
        ]
        told |= {draft.order_ref for draft in drafts}
        assert len({draft.key for draft in drafts}) == len(drafts)
        for draft in drafts:
            check_draft(draft, meeting.channel)
        cursor: dict[str, Any] = {}
        for page in pages:  # from each cursor again, as after a crash before the commit
            assert said(await poll(json.loads(json.dumps(cursor)), at)) == said(page)
            cursor = page.cursor
        later, _ = await drained(meeting.channel, name, last, at)
        assert {one for page in later for one in said(page)} <= set(everything)
        assert all(page.horizon is None or page.horizon.utcoffset() == timedelta() for page in pages)
    assert {one.ref for one in bought} <= told


async def test_only_what_was_confirmed_is_forgotten(meeting):
    meeting.has("confirm")
    await listening(meeting.channel)
    bought = [await meeting.stage.place() for _ in range(2)]
    forgotten = 0
    for name, poll in meeting.channel.polls.items():
        page = await poll({}, utc_now())
        if not page.confirm:
            continue
        first, *others = page.confirm
        assert others
        await meeting.channel.confirm([first])
        await meeting.channel.confirm([first])  # the answer was lost, and it is told again
        left, _ = await drained(meeting.channel, name, {}, utc_now())
        ids = {one for page in left for one in page.confirm}
        assert first not in ids
        assert set(others) <= ids
        forgotten += 1
        assert bought[-1].ref in {draft.order_ref for page in left for draft in page.drafts}
    assert forgotten


# Orders


def check_order(order: Order) -> None:
    assert order.connection == CONNECTION
    assert order.updated_at.utcoffset() == order.placed_at.utcoffset() == timedelta()
    assert order.updated_at.tzinfo is UTC or str(order.updated_at.tzinfo) == "UTC"
    assert len(order.currency) == 3
    assert order.currency == order.currency.upper()
    amounts = [order.discount, order.totals.gross, order.totals.tax]
    amounts += [figure for line in order.lines for figure in (line.gross, line.tax_rate)]
    amounts += [charge.gross for charge in order.charges]
    assert all(type(amount) is Decimal and amount.is_finite() for amount in amounts)
    assert all(type(line.quantity) is int and line.quantity >= 0 <= line.cancelled for line in order.lines)
    assert len({line.ref for line in order.lines}) == len(order.lines)
    goods = sum(line.gross for line in order.lines) + sum(charge.gross for charge in order.charges)
    on_top = Decimal(0) if order.tax_included else order.totals.tax
    assert goods - order.discount + on_top == order.totals.gross


async def test_an_order_is_in_our_words_and_adds_up(meeting):
    meeting.has("fetch_orders")
    bought = await meeting.stage.place()
    order = await meeting.order(bought)
    assert (order.ref, order.channel_id) == (bought.ref, bought.channel_id)
    assert {line.ref: line.quantity for line in order.lines} == dict(bought.lines)
    check_order(order)


async def test_orders_are_answered_one_by_one_and_strangers_are_left_out(meeting):
    meeting.has("fetch_orders")
    bought, spoilt = await meeting.stage.place(), await meeting.stage.spoil()
    found = await meeting.channel.fetch_orders([*STRANGE_REFS, spoilt, bought.ref])
    assert set(found) == {bought.ref, spoilt}
    assert isinstance(found[bought.ref], Order)
    assert isinstance(found[spoilt], Unreadable)
    assert all(one.code.startswith("E-") and one.fix for one in found[spoilt].violations)
    assert found[spoilt].violations
    assert await meeting.channel.fetch_orders([]) == {}


async def test_an_order_that_came_with_its_notice_is_the_one_that_is_fetched(meeting):
    meeting.has("unpack")
    bought, brought = await meeting.stage.place(), []
    for name in meeting.channel.polls:
        pages, _ = await drained(meeting.channel, name, {}, utc_now())
        rows = [row.draft for page in pages if page.walk for row in page.walk.rows]
        brought += [one for one in rows if one.order_ref == bought.ref]
    (draft,) = brought
    order = meeting.channel.unpack(bought.ref, json.loads(json.dumps(draft.body)))
    check_order(order)
    assert order.lines == (await meeting.order(bought)).lines
    for strange in ({}, {"order": None}, {"order": {}, "read_at": "soon"}, {"order": [1], "read_at": 7}):
        assert not isinstance(meeting.channel.unpack(bought.ref, strange), Order)


# Telling


async def repeated(meeting: Meeting, call: Callable[[], Awaitable[Any]]) -> tuple[Any, Any]:
    """Both answers; the second call must have changed nothing at the vendor."""
    before = len(await meeting.stage.changes())
    first = await call()
    changed = len(await meeting.stage.changes())
    assert changed > before
    second = await call()
    assert len(await meeting.stage.changes()) == changed
    return first, second


async def test_an_acknowledgement_may_be_repeated(meeting):
    meeting.has("acknowledge")
    bought = await meeting.stage.place()
    first, second = await repeated(meeting, lambda: meeting.channel.acknowledge(told(bought)))
    assert (first.sent, second.sent) == (True, False)
    assert first.left == second.left == ()


async def ready_to_ship(meeting: Meeting) -> Bought:
    bought = await meeting.stage.place()
    if meeting.channel.acknowledge:
        await meeting.channel.acknowledge(told(bought))
    return bought


async def test_a_despatch_may_be_repeated(meeting):
    meeting.has("ship")
    bought = await ready_to_ship(meeting)
    call = lambda: meeting.channel.ship(shipment(bought), nothing)
    assert await repeated(meeting, call) == (True, False)


async def test_a_despatch_begins_before_anything_is_written(meeting):
    meeting.has("ship")
    bought = await ready_to_ship(meeting)
    before = await meeting.stage.changes()

    class NoLongerOursError(Exception):
        pass

    async def begin() -> None:
        raise NoLongerOursError

    with pytest.raises(NoLongerOursError):
        await meeting.channel.ship(shipment(bought), begin)
    assert await meeting.stage.changes() == before


async def test_a_cancellation_is_answered_where_it_was_asked_for_and_once(meeting):
    meeting.has("answer_cancellation")
    bought = await ready_to_ship(meeting)
    before = await meeting.stage.changes()
    assert await meeting.channel.answer_cancellation(bought.channel_id, frozenset(bought.lines)) is False
    assert await meeting.stage.changes() == before
    await meeting.stage.ask_to_cancel(bought)
    lines = frozenset(bought.lines)
    call = lambda: meeting.channel.answer_cancellation(bought.channel_id, lines)
    assert await repeated(meeting, call) == (True, False)


# What goes wrong


async def test_refused_credentials_are_the_destinations_illness(stage):
    bought = await stage.place()
    async with meet(stage, stage.refused) as meeting:
        for name, call in deeds(meeting.channel, bought):
            with pytest.raises(DestinationError):
                await call()
            assert meeting.wire.asked, name


HTML = b"<html><body>Bad gateway</body></html>"
GARBAGE = (
    b"",
    b"\xff\xfe",
    b"null",
    b"[]",
    b"{}",
    b'"yes"',
    b"7",
    b"[[" * 5000,
    b'{"data": null}',
    HTML,
    b'{"a": NaN}',
)
ANSWERS = {
    **{
        f"{status} {body[:12]!r}": httpx.Response(status, content=body)
        for status in (200, 400, 404, 409, 500, 502, 503, 504)
        for body in GARBAGE
    },
    "redirect": httpx.Response(302, headers={"location": ELSEWHERE}),
    "permanent redirect": httpx.Response(308, headers={"location": f"{ELSEWHERE}/x"}),
    "403": httpx.Response(403, json={"detail": "no"}),
}
FAILURES = (
    httpx.ConnectError("refused"),
    httpx.ConnectTimeout("slow"),
    httpx.PoolTimeout("busy"),
    httpx.ReadTimeout("slow"),
    httpx.WriteError("reset"),
    httpx.ReadError("reset"),
    httpx.RemoteProtocolError("cut"),
    httpx.DecodingError("no gzip"),
)


def answering(reply: httpx.Response | Exception) -> Callable[[httpx.Request], Awaitable[httpx.Response]]:
    async def answer(_: httpx.Request) -> httpx.Response:
        if isinstance(reply, Exception):
            raise reply
        return httpx.Response(reply.status_code, headers=reply.headers, content=reply.content)

    return answer


async def test_whatever_is_answered_ends_in_a_decision(stage):
    """A deed may end well by nonsense only if it says that there was nothing to do; a poll may not: it would be news that
    there is no news.
    """
    bought = await stage.place()
    faults: list[str] = []
    for name, reply in (*ANSWERS.items(), *((repr(one), one) for one in FAILURES)):
        async with meet(stage) as meeting:
            for deed, call in deeds(meeting.channel, bought):
                meeting.wire.answer = answering(reply)
                try:
                    done = await call()
                except SluiceError as error:
                    if isinstance(error, ForgedError | MalformedError) or stage.secrets[0] in str(error):
                        faults.append(f"{deed} on {name}: {error!r}")
                except Exception as error:  # noqa: BLE001 - that is what is looked for
                    faults.append(f"{deed} on {name}: {error!r}")
                else:
                    if isinstance(done, Page) or done is True or getattr(done, "sent", False):
                        faults.append(f"{deed} on {name}: {done!r}")
            assert meeting.wire.strangers == set()
    assert faults == []


async def test_a_vendor_that_asks_for_a_pause_says_until_when(meeting):
    bought = await meeting.stage.place()
    meeting.wire.answer = answering(httpx.Response(429, headers={"retry-after": "120"}))
    for name, call in deeds(meeting.channel, bought):
        with pytest.raises(DestinationError) as caught:
            await call()
        assert caught.value.resume_at is not None, name
        assert timedelta(seconds=60) < caught.value.resume_at - utc_now() < timedelta(seconds=180)


async def test_a_vendor_that_never_answers_is_not_waited_for(stage):
    bought = await stage.place()

    async def never(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()

    async with meet(stage, timeout_seconds=0.02) as meeting:
        meeting.wire.answer = never
        for _, call in deeds(meeting.channel, bought):
            async with asyncio.timeout(10):
                with pytest.raises(SluiceError):
                    await call()


async def test_only_the_configured_host_is_asked_whatever_the_vendor_names(meeting):
    bought = await ready_to_ship(meeting)
    meeting.wire.misled = True
    for _, call in deeds(meeting.channel, bought):
        try:
            await call()
        except SluiceError:
            continue
    for name in meeting.channel.polls:
        await drained(meeting.channel, name, {}, utc_now())
    assert meeting.wire.strangers == set()


async def test_every_request_is_counted_where_requests_are_limited(meeting):
    bought = await ready_to_ship(meeting)
    meeting.has("budget")
    for _, call in deeds(meeting.channel, bought):
        try:
            await call()
        except SluiceError:
            continue
    assert meeting.channel.meter.asked == len(meeting.wire.asked) > 2


async def test_no_credential_is_shown(stage):
    settings = stage.connector.settings.model_validate(stage.given)
    bought = await stage.place()
    with capture_logs() as logs:
        async with meet(stage) as meeting:
            shown = [repr(settings), str(settings), repr(meeting.channel)]
            for reply in (httpx.Response(400, content=b"no"), httpx.Response(500), FAILURES[0]):
                meeting.wire.answer = answering(reply)
                for _, call in deeds(meeting.channel, bought):
                    try:
                        await call()
                    except SluiceError as error:
                        shown.append(f"{error!r} {error.__cause__!r}")
    everything = " ".join([*shown, *map(repr, logs)])
    assert [secret for secret in stage.secrets if secret in everything] == []
