"""Plan, then apply: by form, once however often it is pressed, never without scope, reason and token."""

import asyncio
from dataclasses import replace

import pytest

from app.domain.message import Violation
from app.ledger.causes import groups
from app.outbox.cases import Case, open_cases
from tests.api.test_messages import parked, put
from tests.api.test_orders import bind
from tests.console.conftest import change, form, hidden, keep, place, visitor

ROW = {"act": "map", "row_connection": "uk", "row_alias": "GHOST", "row_code": "A-1"}


async def path_of(pool, place_=0):
    return f"/groups/{(await groups(pool))[place_].key}"


async def states(pool):
    rows = await pool.fetch("SELECT id, state FROM message_state ORDER BY id")
    return {row["id"]: row["state"] for row in rows}


async def audited(pool):
    return await pool.fetch("SELECT * FROM audit WHERE action NOT LIKE 'keys.%' ORDER BY id")


async def test_a_plan_tells_what_would_go_in_order_and_changes_nothing(shop, ann):
    numbers = await put(shop.pool, place(9), place(3), place(5), place(4, sku="PHANTOM"))
    plan = (await ann.get(f"{await path_of(shop.pool)}/plan?act=retry")).text
    assert "Releases 3 messages, in this order." in plan
    assert plan.index("uk/9") < plan.index("uk/3") < plan.index("uk/5")
    assert "uk/4" not in plan
    assert set((await states(shop.pool)).values()) == {"parked"}
    assert (len(numbers), await audited(shop.pool)) == (4, [])


async def test_a_cause_is_retried_together(shop, ann):
    first, second, other = await put(shop.pool, place(1), place(2), place(3, sku="PHANTOM"))
    answer = await ann.apply(await path_of(shop.pool), act="retry", reason="created in Sage")
    assert answer.headers["location"] == "/console/?done=retry&messages=2&cases=2"
    found = await states(shop.pool)
    assert (found[first], found[second], found[other]) == ("ready", "waiting", "parked")
    assert len(shop.rings) == 1
    (row,) = await audited(shop.pool)
    assert (row["actor"], row["reason"], row["detail"]["messages"]) == (
        "key:ann",
        "created in Sage",
        [first, second],
    )
    assert row["detail"]["before"][0] == {"exception": 1, "code": "E-SKU-UNKNOWN", "state": "parked"}


async def test_fifty_clicks_at_once_release_each_message_once(shop, ann):
    await put(shop.pool, *(place(n) for n in range(20)))
    path = await path_of(shop.pool)
    plan = await ann.get(f"{path}/plan?act=retry")
    fields = {
        "token": hidden(plan, "token"),
        "act": "retry",
        "through": hidden(plan, "through"),
        "reason": "clicked",
    }
    answers = await asyncio.gather(*(ann.post(f"{path}/apply", fields) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {303}
    told = [answer.headers["location"] for answer in answers]
    assert sum(int(one.partition("messages=")[2].partition("&")[0]) for one in told) == 20
    rows = await audited(shop.pool)
    assert sorted(number for row in rows for number in row["detail"]["messages"]) == sorted(
        await states(shop.pool)
    )


async def test_what_came_after_the_plan_stays(shop, ann):
    await put(shop.pool, place(1))
    path = await path_of(shop.pool)
    through = hidden(await ann.get(f"{path}/plan?act=retry"), "through")
    (late,) = await put(shop.pool, place(2))
    await ann.post(
        f"{path}/apply", {"token": await ann.token(), "act": "retry", "through": through, "reason": "now"}
    )
    assert (await states(shop.pool))[late] == "parked"


async def test_a_value_is_mapped_and_all_that_waited_for_it_goes(shop, ann):
    await put(shop.pool, place(1), place(2), place(3, sku="PHANTOM"))
    path = await path_of(shop.pool)
    plan = await ann.get(f"{path}/plan", params=ROW)
    assert ("Releases 2 messages" in plan.text, "Adds to sku aliases: uk|GHOST" in plan.text) == (True, True)
    answer = await ann.apply(path, **ROW, reason="a spelling")
    assert answer.headers["location"] == "/console/?done=map&messages=2&cases=2"
    assert await shop.pool.fetchval("SELECT row ->> 'code' FROM mapping_row") == "A-1"
    assert [row["action"] for row in await audited(shop.pool)] == ["mappings.write"]


async def test_mapping_twice_changes_nothing_more(shop, ann):
    await put(shop.pool, place(1))
    path = await path_of(shop.pool)
    plan = await ann.get(f"{path}/plan", params=ROW)
    fields = {name: hidden(plan, name) for name in ("token", "table", "seen")}
    answers = [await ann.post(f"{path}/apply", {**fields, **ROW, "reason": "twice"}) for _ in range(2)]
    assert [answer.headers["location"] for answer in answers] == [
        "/console/?done=map&messages=1&cases=1",
        "/console/?done=map&messages=0&cases=0",
    ]
    assert len(await audited(shop.pool)) == 1


async def test_a_table_that_was_changed_meanwhile_is_not_written_over(shop, ann):
    await put(shop.pool, place(1), place(2, sku="PHANTOM"))
    path = await path_of(shop.pool)
    plan = await ann.get(f"{path}/plan", params=ROW)
    fields = {name: hidden(plan, name) for name in ("token", "table", "seen")}
    await ann.apply(await path_of(shop.pool, 1), **{**ROW, "row_alias": "PHANTOM"}, reason="quicker")
    answer = await ann.post(f"{path}/apply", {**fields, **ROW, "reason": "slower"})
    assert (answer.status_code, "changed meanwhile" in answer.text) == (422, True)
    assert await shop.pool.fetchval("SELECT count(*) FROM mapping_row") == 1


async def test_a_row_with_faults_says_all_of_them_and_keeps_what_was_typed(shop, ann):
    await put(shop.pool, place(1))
    path = await path_of(shop.pool)
    answer = await ann.get(f"{path}/plan", params={**ROW, "row_connection": "U K", "row_code": "x" * 31})
    assert (answer.status_code, answer.text.count("<li>connection:"), answer.text.count("<li>code:")) == (
        422,
        1,
        1,
    )
    assert 'value="U K"' in answer.text
    assert "Apply" not in answer.text


async def flag(pool):
    async with pool.acquire() as conn:
        wrong = Violation("E-TOTAL-MISMATCH", "totals.tax", "1p", "look")
        await open_cases(conn, [Case(None, "uk", "7", (wrong,), flag=True)])


async def test_flags_are_acknowledged(shop, ann):
    await flag(shop.pool)
    await flag(shop.pool)
    path = await path_of(shop.pool)
    assert "Acknowledges 2 flags." in (await ann.get(f"{path}/plan?act=accept")).text
    answer = await ann.apply(path, act="accept", reason="a penny")
    assert answer.headers["location"].endswith("messages=0&cases=2")
    assert (
        await shop.pool.fetchval("SELECT count(*) FROM exception_case WHERE resolution = 'acknowledged'") == 2
    )


async def test_an_edit_may_be_left_undone_in_the_erp(shop, ann):
    await keep(shop.pool, "1")
    await bind(shop.pool, "1", "UK-1")
    (number,) = await put(shop.pool, change(1))
    answer = await ann.apply("/exceptions/1", act="accept", reason="agreed by phone")
    assert answer.headers["location"] == "/console/exceptions/1?done=accept&messages=1&cases=1"
    row = await shop.pool.fetchrow("SELECT result, note FROM receipt WHERE message_id = $1", number)
    assert tuple(row) == ("no_effect", "accepted: the ERP stays as it is")
    same = "SELECT b.snapshot_hash = o.snapshot_hash FROM binding AS b JOIN order_snapshot AS o USING (connection, ref)"
    assert await shop.pool.fetchval(same)
    assert await shop.pool.fetchval("SELECT resolution FROM exception_case") == "accepted"


async def test_an_order_that_was_posted_by_hand_is_bound_and_never_sent(shop, ann):
    await keep(shop.pool, "1")
    (number,) = await put(shop.pool, place(1))
    plan = await ann.get("/exceptions/1/plan?act=accept")
    assert 'name="document"' in form(plan, "/apply")
    await ann.apply("/exceptions/1", act="accept", reason="typed it", document="0000000777")
    assert await shop.pool.fetchval("SELECT result FROM receipt WHERE message_id = $1", number) == "applied"
    bound = await shop.pool.fetchrow("SELECT document_no, probe_key, net, gross, adopted FROM binding")
    assert [str(value) for value in bound] == ["0000000777", "UK-1", "20.00", "24.00", "True"]


async def test_an_order_is_never_simply_dropped(shop, ann):
    await keep(shop.pool, "1")
    await put(shop.pool, place(1))
    answer = await ann.apply("/exceptions/1", act="accept", reason="away with it")
    assert (answer.status_code, "cancel it in the channel" in answer.text) == (422, True)
    assert list((await states(shop.pool)).values()) == ["parked"]


async def test_two_orders_are_not_one_document(shop, ann):
    await keep(shop.pool, "1", "2")
    await put(shop.pool, place(1), place(2))
    await ann.apply("/exceptions/1", act="accept", reason="typed it", document="777")
    answer = await ann.apply("/exceptions/2", act="accept", reason="typed it", document="777")
    assert (answer.status_code, "another order" in answer.text) == (422, True)


async def test_accepting_fifty_times_at_once_ends_it_once(shop, ann):
    await keep(shop.pool, "1")
    await put(shop.pool, place(1))
    plan = await ann.get("/exceptions/1/plan?act=accept")
    fields = {"token": hidden(plan, "token"), "act": "accept", "reason": "typed it", "document": "777"}
    answers = await asyncio.gather(*(ann.post("/exceptions/1/apply", fields) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {303}
    assert sum("messages=1" in answer.headers["location"] for answer in answers) == 1
    assert len(await audited(shop.pool)) == 1


async def test_a_notice_is_dismissed(shop, ann):
    (number,) = await put(shop.pool, parked("1", "E-UNREADABLE"))
    await ann.apply("/exceptions/1", act="accept", reason="a test of theirs")
    row = await shop.pool.fetchrow("SELECT result, note FROM receipt WHERE message_id = $1", number)
    assert tuple(row) == ("no_effect", "accepted: nothing follows from it")


async def test_who_waits_behind_what_was_accepted_goes_on(shop, ann):
    await keep(shop.pool, "1")
    await bind(shop.pool, "1", "UK-1")
    (first,) = await put(shop.pool, change(1))
    await shop.pool.execute("INSERT INTO ticket SELECT order_lane, order_ticket, id FROM message_state")
    (second,) = await put(shop.pool, replace(change(1), key="change/again", park=None))
    assert (await states(shop.pool))[second] == "waiting"
    await ann.apply("/exceptions/1", act="accept", reason="agreed")
    assert await states(shop.pool) == {second: "ready"}
    assert first not in await states(shop.pool)


@pytest.mark.parametrize("reason", ["", "  ", "no", "x" * 501])
async def test_nothing_is_done_without_a_reason(shop, ann, reason):
    await put(shop.pool, place(1))
    answer = await ann.apply("/exceptions/1", act="retry", reason=reason)
    assert (answer.status_code, "A reason of 3 to 500" in answer.text) == (422, True)
    assert list((await states(shop.pool)).values()) == ["parked"]


@pytest.mark.parametrize(
    ("act", "scope"),
    [("retry", "exceptions:write"), ("map", "mappings:write"), ("accept", "exceptions:write")],
)
async def test_each_deed_needs_its_scope_on_the_server(shop, ann, act, scope):
    await put(shop.pool, place(1))
    await flag(shop.pool)
    scopes = {"messages:read", "exceptions:write", "mappings:write"} - {scope}
    other = await visitor(shop, *scopes)
    await other.sign_in()
    fields = {
        "token": await other.token(),
        **ROW,
        "act": act,
        "reason": "because",
        "through": "9",
        "table": "sku_aliases",
    }
    for answer in (
        await other.get("/exceptions/1/plan", params={"act": act}),
        await other.post("/exceptions/1/apply", fields),
    ):
        assert (answer.status_code, scope in answer.text) == (403, True)
    assert (list((await states(shop.pool)).values()), await audited(shop.pool)) == (["parked"], [])


@pytest.mark.parametrize(
    "fields", [{"token": ""}, {"act": "drop"}, {"act": ""}, {"through": "x"}, {"act": "map", "table": "keys"}]
)
async def test_a_form_that_is_none_of_ours_does_nothing(shop, ann, fields):
    await put(shop.pool, place(1))
    given = {"token": await ann.token(), "act": "retry", "through": "1", "reason": "because", **fields}
    answer = await ann.post("/exceptions/1/apply", given)
    assert answer.status_code in {400, 403}
    assert list((await states(shop.pool)).values()) == ["parked"]


async def test_a_remedy_that_it_has_not_is_not_planned(shop, ann):
    await flag(shop.pool)
    answers = [await ann.get(f"/exceptions/1/plan?act={act}") for act in ("retry", "map", "nonsense")]
    assert [answer.status_code for answer in answers] == [409, 409, 400]
