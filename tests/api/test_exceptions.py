"""Exceptions: grouped by cause, retried once however often it is pressed."""

import asyncio

from app.domain.message import Draft, MessageClass, Owner, Violation
from app.outbox.cases import Case, open_cases
from tests.api.test_messages import draft, parked, put
from tests.api.test_orders import keep, order


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


async def test_a_cause_is_what_is_wrong_whatever_line_or_order_it_is_in(shop):
    await put(shop.pool, unknown("1", "GHOST", 1), unknown("2", "GHOST", 2), unknown("3", "PHANTOM", 1))
    told = [(one["field"], one["value"], one["cases"]) for one in (await get(shop, "/groups"))["items"]]
    assert told == [("lines.sku", "GHOST", 2), ("lines.sku", "PHANTOM", 1)]


def unknown(key, sku, line):
    wrong = Violation("E-SKU-UNKNOWN", f"lines[{line}].sku", sku, "alias it", need="sku_aliases")
    return draft(key, kind="sage200.sales_order.place", cls=MessageClass.EFFECT, order_ref=key, park=wrong)


async def test_an_exception_belongs_to_every_cause_that_it_has(shop):
    async with shop.pool.acquire() as conn:
        wrong = (
            Violation("E-A", "a", "1", "x", need="charges"),
            Violation("E-B", "b", "2", "x", need="customers"),
        )
        await open_cases(conn, [Case(None, "uk", "77", wrong, flag=True)])
    told = await get(shop, "/groups")
    assert [one["code"] for one in told["items"]] == ["E-A", "E-B"]
    one = await get(shop, f"/{await only_case(shop.pool)}")
    assert one["groups"] == [group["key"] for group in told["items"]]


async def test_an_exception_without_violations_is_in_a_group_too(shop):
    await shop.pool.execute(
        "INSERT INTO exception_case (source, flag, code, owner, violations) VALUES ('uk', true, 'E-X', 'cx', '[]')"
    )
    assert [(one["code"], one["owner"]) for one in (await get(shop, "/groups"))["items"]] == [("E-X", "cx")]


async def test_a_cause_tells_the_value_at_stake_by_currency(shop):
    await keep(shop.pool, order("1"), order("2"), order("3", currency="EUR"))
    await put(shop.pool, *(unknown(str(n), "GHOST", 1) for n in range(1, 5)))
    (one,) = (await get(shop, "/groups"))["items"]
    assert one["stakes"] == [{"currency": "EUR", "gross": "24.00"}, {"currency": "GBP", "gross": "48.00"}]


async def group_of(shop):
    return (await get(shop, "/groups"))["items"][0]["key"]


async def test_a_group_names_its_remedy_and_the_row_to_complete(shop):
    await put(shop.pool, unknown("1", "GHOST", 1))
    told = await get(shop, f"/groups/{await group_of(shop)}")
    assert (told["remedy"]["place"], told["remedy"]["acts"]) == ("mapping", ["map", "retry", "accept"])
    assert (told["remedy"]["table"], told["row"]) == (
        "sku_aliases",
        {"connection": "uk", "alias": "GHOST", "code": ""},
    )


async def test_a_plan_lists_what_would_go_the_oldest_first_and_changes_nothing(shop):
    numbers = await put(shop.pool, *(unknown(key, "GHOST", 1) for key in ("9", "3", "5")))
    plan = await get(shop, f"/groups/{await group_of(shop)}/plan")
    assert (plan["messages"], [one["order_ref"] for one in plan["exceptions"]]) == (numbers, ["9", "3", "5"])
    assert await shop.pool.fetchval("SELECT count(*) FROM message_state WHERE state = 'parked'") == 3


async def settle(shop, path, headers, **body):
    return await shop.client.post(
        f"/api/v1/exceptions{path}", json={"reason": "mended", **body}, headers=headers
    )


async def test_a_cause_is_retried_by_its_plan_once_however_often_it_is_pressed(shop):
    numbers = await put(shop.pool, *(unknown(str(n), "GHOST", 1) for n in range(10)))
    group, headers = await group_of(shop), await shop.key()
    through = (await get(shop, f"/groups/{group}/plan"))["through"]
    (late,) = await put(shop.pool, unknown("99", "GHOST", 1))
    answers = await asyncio.gather(
        *(settle(shop, f"/groups/{group}/retry", headers, through=through) for _ in range(50))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert sum(answer.json()["messages"] for answer in answers) == len(numbers)
    assert [row["id"] for row in await parked_ids(shop.pool)] == [late]


async def parked_ids(pool):
    return await pool.fetch("SELECT id FROM message_state WHERE state = 'parked'")


async def test_a_group_that_is_settled_is_404_and_its_retry_does_nothing(shop):
    headers, gone = await shop.key(), "0" * 16
    assert (await shop.client.get(f"/api/v1/exceptions/groups/{gone}", headers=headers)).status_code == 404
    answer = await settle(shop, f"/groups/{gone}/retry", headers, through=9)
    assert answer.json() == {"messages": 0, "exceptions": 0}


async def test_exceptions_of_a_group_are_listed(shop):
    await put(shop.pool, unknown("1", "GHOST", 1), unknown("2", "PHANTOM", 1))
    found = (await get(shop, f"?group={await group_of(shop)}"))["items"]
    assert [one["violations"][0]["value"] for one in found] == ["GHOST"]


async def test_one_exception_tells_its_message_who_waits_and_hides_the_payload(shop):
    await put(shop.pool, unknown("1", "GHOST", 1))
    (behind,) = await put(shop.pool, draft("2", cls=MessageClass.EFFECT, order_ref="1"))
    assert (await get(shop, f"/{await only_case(shop.pool)}"))["behind"] == []
    await shop.pool.execute(
        "INSERT INTO ticket SELECT order_lane, 0, id FROM message_state WHERE state = 'parked'"
    )
    await shop.pool.execute("UPDATE message_state SET order_ticket = 0 WHERE state = 'parked'")
    case = await only_case(shop.pool)
    told = await get(shop, f"/{case}")
    assert (told["message"]["state"], [one["id"] for one in told["behind"]]) == ("parked", [behind])
    assert told["body"] is None
    shown = await shop.client.get(f"/api/v1/exceptions/{case}", headers=await shop.key())
    assert shown.json()["body"] == {"name": "Mrs Smith"}


async def test_accepting_needs_the_etag_that_was_read(shop):
    await put(shop.pool, parked("1", "E-UNREADABLE"))
    case, headers = await only_case(shop.pool), await shop.key()
    seen = (await shop.client.get(f"/api/v1/exceptions/{case}", headers=headers)).headers["etag"]
    answers = [
        await settle(shop, f"/{case}/accept", {**headers, **more})
        for more in ({}, {"if-match": '"other"'}, {"if-match": seen}, {"if-match": seen})
    ]
    assert [answer.status_code for answer in answers] == [428, 412, 200, 200]
    assert [answer.json().get("messages") for answer in answers[2:]] == [1, 0]


async def test_accepting_an_order_without_its_document_is_409(shop):
    await put(shop.pool, unknown("1", "GHOST", 1))
    headers = {**await shop.key(), "if-match": "*"}
    answer = await settle(shop, f"/{await only_case(shop.pool)}/accept", headers)
    assert (answer.status_code, "cancel it in the channel" in answer.json()["detail"]) == (409, True)
    assert len(await parked_ids(shop.pool)) == 1


async def test_flags_of_a_group_are_accepted_together_with_who_and_why(shop):
    await flag(shop.pool, "E-VAT-ROUNDED")
    await flag(shop.pool, "E-VAT-ROUNDED")
    headers = await shop.key("exceptions:write")
    answer = await settle(shop, f"/groups/{await group_of(shop)}/accept", headers, through=1 << 40)
    assert answer.json() == {"messages": 0, "exceptions": 2}
    row = await shop.pool.fetchrow(
        "SELECT actor, reason, detail FROM audit WHERE action = 'exceptions.accept'"
    )
    assert (row["actor"], row["reason"], row["detail"]["before"][0]["state"]) == (
        "key:test",
        "mended",
        "flagged",
    )


async def test_a_state_message_is_never_accepted_away(shop):
    """A poll that ended would not come back."""
    wrong = Violation("E-CENTRA-PERMISSION", "token", "Order:read", "grant it", Owner.SRE)
    poll = Draft("shop.poll", MessageClass.STATE, "shop:uk", "uk", coalesce_key="poll/uk", park=wrong)
    await put(shop.pool, poll)
    headers = {**await shop.key(), "if-match": "*"}
    assert (await settle(shop, f"/{await only_case(shop.pool)}/accept", headers)).status_code == 409
    assert len(await parked_ids(shop.pool)) == 1


async def test_settling_needs_the_scope(shop):
    await put(shop.pool, parked("1", "E-UNREADABLE"))
    headers = {**await shop.key("messages:read", "mappings:write"), "if-match": "*"}
    group = await group_of(shop)
    answers = [
        await settle(shop, path, headers, through=9)
        for path in ("/1/accept", "/1/retry", f"/groups/{group}/retry", f"/groups/{group}/accept")
    ]
    assert [answer.status_code for answer in answers] == [403] * 4


async def test_a_deed_that_is_sent_again_under_its_key_gets_the_first_answer(shop):
    await put(shop.pool, parked("1", "E-UNREADABLE"))
    headers = {**await shop.key(), "idempotency-key": "k-1"}
    path = f"/groups/{await group_of(shop)}/retry"
    answers = [await settle(shop, path, headers, through=9) for _ in range(2)]
    assert [answer.json() for answer in answers] == [{"messages": 1, "exceptions": 1}] * 2
