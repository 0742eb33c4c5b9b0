import asyncio
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from app.connectors.sage200.tokens import Tokens
from app.domain.errors import DestinationError
from app.domain.tokens import TokenPair
from tests.connectors.sage200.stage import START, MemoryTokens, order, reply, settings


def pair(number, *, age=0, lifetime=28_800, refresh="RT0"):
    saved = START - timedelta(seconds=age)
    return TokenPair(f"AT{number}", refresh, saved + timedelta(seconds=lifetime), saved)


@pytest.fixture
async def http(sage):
    async with httpx.AsyncClient(transport=httpx.MockTransport(sage)) as client:
        yield client


async def no_pause(_):
    await asyncio.sleep(0)


def holder(store, http, clock, **changes):
    return Tokens(settings(**changes), store, http, clock, no_pause)


async def test_a_stored_token_is_used_until_shortly_before_it_ends(sage, http, clock):
    store = MemoryTokens(pair(9, lifetime=600))
    assert await holder(store, http, clock).access() == "AT9"
    clock.pass_(541)
    assert await holder(store, http, clock).access() == "AT1"
    assert sage.refreshes == 1


async def test_a_token_of_seconds_is_used_for_most_of_them(sage, http, clock):
    sage.lifetime = 5
    tokens = holder(MemoryTokens(), http, clock)
    await tokens.access()
    clock.pass_(4)
    await tokens.access()
    assert sage.refreshes == 1


class FullOnce(MemoryTokens):
    full = True

    async def save(self, pair):
        if self.full:
            self.full = False
            raise OSError("disk full")
        await super().save(pair)


async def test_a_pair_that_is_not_saved_is_not_used(sage, http, clock):
    tokens = holder(FullOnce(), http, clock)
    with pytest.raises(OSError, match="disk full"):
        await tokens.access()
    assert sage.requests == []


async def test_a_pair_that_could_not_be_saved_is_not_lost(sage, http, clock):
    store = FullOnce()
    tokens = holder(store, http, clock)
    with pytest.raises(OSError, match="disk full"):
        await tokens.access()
    assert await tokens.access() == "AT1"
    assert (sage.refreshes, store.saved[0].refresh_token) == (1, "RT1")


async def test_each_refresh_uses_the_token_of_the_one_before(sage, http, clock):
    store = MemoryTokens()
    tokens = holder(store, http, clock)
    for _ in range(3):
        await tokens.access()
        clock.pass_(28_800)
    assert [saved.refresh_token for saved in store.saved] == ["RT1", "RT2", "RT3"]


async def test_two_processes_refresh_once(sage, http, clock):
    store = MemoryTokens()
    both = await asyncio.gather(*(holder(store, http, clock).access() for _ in range(2)))
    assert both == ["AT1", "AT1"]
    assert sage.refreshes == 1


async def test_many_calls_of_one_process_refresh_once(sage, http, clock):
    store = MemoryTokens()
    tokens = holder(store, http, clock)
    await asyncio.gather(*(tokens.access() for _ in range(20)))
    assert (sage.refreshes, store.asked) == (1, 1)


async def test_a_lease_that_never_ends_rests_the_destination(sage, http, clock):
    store = MemoryTokens()
    store.leased = True
    with pytest.raises(DestinationError):
        await holder(store, http, clock).access()
    assert sage.refreshes == 0


async def test_a_cancelled_worker_still_saves_the_pair_it_was_given(sage, clock):
    given = asyncio.Event()
    go_on = asyncio.Event()

    async def slow(request):
        response = sage(request)
        given.set()
        await go_on.wait()
        return response

    store = MemoryTokens()
    async with httpx.AsyncClient(transport=httpx.MockTransport(slow)) as http:
        work = asyncio.ensure_future(holder(store, http, clock).access())
        await given.wait()
        work.cancel()
        await asyncio.sleep(0)
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await work
    assert [saved.refresh_token for saved in store.saved] == ["RT1"]


async def test_a_new_consent_in_the_settings_replaces_a_dead_stored_token(sage, http, clock):
    store = MemoryTokens(pair(9, age=90_000, refresh="DEAD"))
    assert await holder(store, http, clock).access() == "AT1"


async def test_a_dead_consent_says_that_a_person_must_act(sage, http, clock):
    with pytest.raises(DestinationError, match="consent"):
        await holder(MemoryTokens(), http, clock, refresh_token="DEAD").access()


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(503),
        httpx.Response(403, text="forbidden"),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json={"expires_in": 5}),
        httpx.Response(200, json={"access_token": "a\r\nX-Site: b"}),
        httpx.Response(200, json={"access_token": "é"}),
    ],
)
async def test_a_failed_refresh_rests_the_destination_and_saves_nothing(clock, answer):
    store = MemoryTokens()
    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: answer)) as http:
        with pytest.raises(DestinationError):
            await holder(store, http, clock).access()
    assert store.saved == []


async def test_a_refusal_of_the_token_endpoint_never_shows_a_token(clock):
    odd = httpx.Response(200, json={"access_token": "", "refresh_token": "very secret"})
    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: odd)) as http:
        with pytest.raises(DestinationError) as raised:
            await holder(MemoryTokens(), http, clock).access()
    assert "very secret" not in f"{raised.value} {raised.value.__cause__}"


async def test_an_answer_without_a_refresh_token_keeps_the_old_one(clock):
    plain = httpx.Response(200, json={"access_token": "AT7", "expires_in": 60})
    store = MemoryTokens()
    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: plain)) as http:
        await holder(store, http, clock).access()
    assert store.pair.refresh_token == "RT0"


async def test_a_pair_does_not_print_its_tokens():
    assert "AT9" not in repr(replace(pair(9)))


async def test_a_401_costs_one_refresh_and_is_repeated_once(erp, sage, clock):
    await erp.probe(["X"])
    clock.pass_(60)
    sage.access_token = "withdrawn"
    await erp.probe(["X"])
    assert sage.refreshes == 2


async def test_a_401_to_a_fresh_token_names_what_may_be_wrong(opened, sage):
    erp = await opened(company=99)
    with pytest.raises(DestinationError, match="X-Company"):
        await erp.probe(["X"])
    assert (sage.refreshes, len(sage.requests)) == (1, 1)


async def test_401s_without_end_do_not_loop(opened, sage, clock):
    erp = await opened()
    await erp.probe(["X"])
    clock.pass_(60)
    sage.requests.clear()
    sage.on_read = lambda _: httpx.Response(401)
    with pytest.raises(DestinationError, match="X-Site"):
        await erp.probe(["X"])
    assert (sage.refreshes, len(sage.requests)) == (2, 2)


async def test_a_401_to_a_create_is_repeated_once_with_a_new_token(erp, sage, clock):
    await erp.place(order(key="CEN-1"), lambda: None)
    clock.pass_(60)
    sage.access_token = "withdrawn"
    await erp.place(order(key="CEN-2"), lambda: None)
    assert [row["customer_document_no"] for row in sage.tables["sop_orders"]] == ["CEN-1", "CEN-2"]


async def test_a_refresh_asks_as_sage_id_wants_it(clock):
    seen = []

    def token(request):
        seen.append((request.headers["Content-Type"], request.content.decode()))
        return reply({"access_token": "AT1", "refresh_token": "RT1", "expires_in": 60})

    async with httpx.AsyncClient(transport=httpx.MockTransport(token)) as http:
        await holder(MemoryTokens(), http, clock).access()
    assert seen == [
        (
            "application/x-www-form-urlencoded",
            "grant_type=refresh_token&client_id=CID&client_secret=made-up&refresh_token=RT0",
        )
    ]


async def test_a_401_after_the_clock_went_back_costs_one_refresh(erp, sage, clock):
    """A token that was saved in what is now the future is not fresh: nobody knows how old it is."""
    await erp.probe(["CEN-1"])
    clock.pass_(-3600)
    sage.access_token = "withdrawn"
    await erp.probe(["CEN-1"])
    assert sage.refreshes == 2
