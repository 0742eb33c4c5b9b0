"""Idempotency-Key: nothing is done twice, and the same answer is given again."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from app.main import build
from tests.api.conftest import NOW
from tests.api.test_exceptions import only_case
from tests.api.test_messages import parked, put

RED = {"connection": "uk", "alias": "RED-1", "code": "R1"}


async def retry(shop, headers, key="k-1", reason="mapped it"):
    case = await only_case(shop.pool)
    return await shop.client.post(
        f"/api/v1/exceptions/{case}/retry",
        json={"reason": reason},
        headers={**headers, "idempotency-key": key},
    )


@pytest.fixture
async def waiting(shop):
    await put(shop.pool, parked("1", "E-VAT"))
    return shop


def at(shop, now):
    """The same gateway at another time."""
    shop.client._transport.app = build(replace(shop.state, now=lambda: now))


async def claimed(shop, headers):
    """A first request that is still running, as another process would leave it."""
    await retry(shop, headers)
    await shop.pool.execute("UPDATE api_answer SET answer = NULL")


async def test_a_request_sent_again_is_answered_as_it_was(waiting):
    headers = await waiting.key()
    first, second = await retry(waiting, headers), await retry(waiting, headers)
    assert first.json() == {"messages": 1, "exceptions": 1}
    assert (second.status_code, second.content) == (200, first.content)
    assert len(waiting.rings) == 1


async def test_the_same_key_quoted_is_the_same_key(waiting):
    headers = await waiting.key()
    first, second = await retry(waiting, headers), await retry(waiting, headers, '"k-1"')
    assert second.content == first.content


async def test_many_at_once_do_it_once_and_the_others_wait_or_hear_the_answer(waiting):
    headers = await waiting.key()
    answers = await asyncio.gather(*(retry(waiting, headers) for _ in range(20)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert {answer.text for answer in answers if answer.status_code == 200} == {
        '{"messages":1,"exceptions":1}'
    }


@pytest.mark.parametrize("key", ["", "two words", "x" * 201, '"', "smørrebrød".encode("latin-1")])
async def test_a_malformed_key_is_400(waiting, key):
    answer = await retry(waiting, await waiting.key(), key)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    assert await waiting.pool.fetchval("SELECT count(*) FROM api_answer") == 0


async def test_another_request_under_the_same_key_is_422(waiting):
    headers = await waiting.key()
    await retry(waiting, headers)
    answer = await retry(waiting, headers, reason="something else")
    assert (answer.status_code, answer.json()["code"]) == (422, "key_reused")


async def test_while_the_first_is_running_it_is_409(waiting):
    headers = await waiting.key()
    await claimed(waiting, headers)
    answer = await retry(waiting, headers)
    assert (answer.status_code, answer.headers["retry-after"]) == (409, "1")


async def test_a_claim_whose_process_died_is_taken_over(waiting):
    headers = await waiting.key()
    await claimed(waiting, headers)
    at(waiting, NOW + timedelta(seconds=121))
    assert (await retry(waiting, headers)).json() == {"messages": 0, "exceptions": 0}


async def test_after_a_day_the_key_is_new_and_the_old_answers_are_gone(waiting):
    headers = await waiting.key()
    await retry(waiting, headers)
    await retry(waiting, headers, "k-2")
    at(waiting, NOW + timedelta(hours=24, seconds=1))
    assert (await retry(waiting, headers)).json() == {"messages": 0, "exceptions": 0}
    assert await waiting.pool.fetchval("SELECT array_agg(key) FROM api_answer") == ["k-1"]


async def test_keys_of_two_clients_are_two_keys(waiting):
    await retry(waiting, await waiting.key())
    answer = await retry(waiting, await waiting.key(), reason="mine")
    assert answer.status_code == 200


async def test_what_failed_may_be_tried_again_under_its_key(shop):
    headers = {**await shop.key(), "idempotency-key": "k-1"}
    path = "/api/v1/mappings/sku_aliases"
    body = {"rows": [RED], "reason": "new season", "apply": True}
    stale = await shop.client.put(path, json=body, headers={**headers, "if-match": '"old"'})
    done = await shop.client.put(path, json=body, headers={**headers, "if-match": "*"})
    again = await shop.client.put(path, json=body, headers={**headers, "if-match": "*"})
    assert [stale.status_code, done.status_code] == [412, 200]
    assert again.json() == done.json()
