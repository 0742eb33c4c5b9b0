"""Exceptions: grouped by cause, retried once however often it is pressed."""

import asyncio

from app.domain.message import Violation
from app.outbox.cases import Case, open_cases
from tests.api.test_messages import parked, put


async def flag(pool, code):
    async with pool.acquire() as conn:
        case = Case(None, "uk", "77", (Violation(code, "vat", "1p", "look"),), flag=True)
        await open_cases(conn, [case])


async def get(shop, path):
    answer = await shop.client.get(f"/api/v1/exceptions{path}", headers=await shop.key("messages:read"))
    return answer.json()


async def retry(shop, number, headers, reason="mapped it"):
    return await shop.client.post(
        f"/api/v1/exceptions/{number}/retry", json={"reason": reason}, headers=headers
    )


async def only_case(pool):
    return await pool.fetchval("SELECT id FROM exception_case")


async def test_open_exceptions_are_grouped_by_code_and_owner(shop):
    await put(shop.pool, parked("1", "E-VAT"), parked("2", "E-VAT"), parked("3", "E-SKU"))
    await flag(shop.pool, "E-VAT-ROUNDED")
    groups = (await get(shop, "/groups"))["items"]
    assert [(one["code"], one["owner"], one["cases"], one["holding"]) for one in groups] == [
        ("E-VAT", "finance", 2, 2),
        ("E-SKU", "finance", 1, 1),
        ("E-VAT-ROUNDED", "operations", 1, 0),
    ]
    assert groups[0]["oldest_id"] == await shop.pool.fetchval("SELECT min(id) FROM exception_case")


async def test_exceptions_are_filtered(shop):
    await put(shop.pool, parked("1", "E-VAT", order_ref="77"), parked("2", "E-SKU", source="fr"))
    expected = {"?code=E-VAT": 1, "?owner=finance": 2, "?owner=cx": 0, "?source=fr": 1, "?order_ref=77": 1}
    found = {query: len((await get(shop, query))["items"]) for query in expected}
    assert found == expected


async def test_one_exception_says_what_is_wrong_and_how_to_mend_it(shop):
    await put(shop.pool, parked("1", "E-VAT"))
    told = await get(shop, f"/{await only_case(shop.pool)}")
    assert told["violations"][0] == {
        "code": "E-VAT",
        "field": "vat",
        "value": "21",
        "fix": "map it",
        "owner": "finance",
        "need": "tax_codes",
    }


async def test_an_exception_that_does_not_exist_is_404(shop):
    headers = await shop.key()
    answers = [
        await shop.client.get("/api/v1/exceptions/9", headers=headers),
        await retry(shop, 9, headers),
    ]
    assert [answer.status_code for answer in answers] == [404, 404]


async def test_a_retry_lets_the_message_go_on_and_rings(shop):
    (number,) = await put(shop.pool, parked("1", "E-VAT"))
    answer = await retry(shop, await only_case(shop.pool), await shop.key("exceptions:write"))
    assert answer.json() == {"messages": 1, "exceptions": 1}
    assert await shop.pool.fetchval("SELECT state FROM message_state WHERE id = $1", number) == "ready"
    assert len(shop.rings) == 1


async def test_a_retry_pressed_fifty_times_at_once_has_one_effect(shop):
    await put(shop.pool, parked("1", "E-VAT"))
    case, headers = await only_case(shop.pool), await shop.key("exceptions:write")
    answers = await asyncio.gather(*(retry(shop, case, headers) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert sum(answer.json()["messages"] for answer in answers) == 1
    assert await shop.pool.fetchval("SELECT count(*) FROM audit WHERE action = 'exceptions.retry'") == 1


async def test_a_retry_leaves_who_and_why_in_the_audit_trail(shop):
    await put(shop.pool, parked("1", "E-VAT"))
    await retry(shop, await only_case(shop.pool), await shop.key("exceptions:write"), "rate mapped")
    row = await shop.pool.fetchrow("SELECT actor, reason FROM audit WHERE action = 'exceptions.retry'")
    assert tuple(row) == ("key:test", "rate mapped")


async def test_a_retry_needs_a_reason_and_the_scope(shop):
    await put(shop.pool, parked("1", "E-VAT"))
    case = await only_case(shop.pool)
    without_scope = await retry(shop, case, await shop.key("messages:read"))
    without_reason = await retry(shop, case, await shop.key("exceptions:write"), "  ")
    assert (without_scope.status_code, without_reason.status_code) == (403, 422)
    assert await shop.pool.fetchval("SELECT state FROM message_state") == "parked"


async def test_a_settled_exception_is_listed_as_such(shop):
    await put(shop.pool, parked("1", "E-VAT"))
    await retry(shop, await only_case(shop.pool), await shop.key("exceptions:write"))
    (settled,) = (await get(shop, "?open=false"))["items"]
    assert (settled["resolution"], (await get(shop, ""))["items"]) == ("released", [])
