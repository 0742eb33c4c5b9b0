"""What the pages tell: causes with their weight, one cause, one exception, orders, lanes, the audit trail."""

import hashlib

import pytest

from app.console.render import HERE, HTMX
from app.domain.message import Violation
from app.flows.aim import Aim
from app.flows.release import retry
from app.ledger.causes import groups
from app.outbox.cases import Case, open_cases
from tests.api.test_messages import draft, put
from tests.api.test_orders import bind
from tests.console.conftest import change, keep, place, unknown, visitor


async def key_of(pool, code="E-SKU-UNKNOWN"):
    return next(one.key for one in await groups(pool) if one.code == code)


async def test_the_front_page_tells_causes_with_count_value_and_what_is_held_up(shop, ann):
    await keep(shop.pool, "1", "2", "3")
    await put(shop.pool, place(1), place(2), place(3, sku="PHANTOM"))
    text = (await ann.get("/")).text
    assert text.index("<strong>GHOST</strong>") < text.index("<strong>PHANTOM</strong>")
    assert ("48.00 GBP" in text, "24.00 GBP" in text) == (True, True)
    assert "2 causes shown, 3 open in all." in text


async def test_the_front_page_can_show_one_owner(shop, ann):
    await put(shop.pool, place(1))
    assert "<strong>GHOST</strong>" not in (await ann.get("/?owner=finance")).text
    assert (await ann.get("/?owner=nobody")).status_code == 400


async def test_what_an_order_says_is_never_markup(shop, ann):
    await put(shop.pool, place(1, sku='<script>alert("1")</script>'))
    key = await key_of(shop.pool)
    for path in ("/", f"/groups/{key}", "/exceptions/1", "/exceptions", f"/groups/{key}/plan?act=retry"):
        answer = await ann.get(path)
        assert (answer.status_code, "<script>alert" in answer.text) == (200, False)


async def test_times_are_told_in_the_local_zone_and_in_utc(shop, ann):
    await put(shop.pool, place(1))
    await shop.pool.execute("UPDATE exception_case SET opened_at = '2026-07-01T23:30:00Z'")
    assert "02 Jul 2026 00:30:00 BST <small>(01 Jul 23:30:00 UTC)</small>" in (await ann.get("/")).text


async def test_a_group_lists_its_exceptions_and_a_prefilled_row(shop, ann):
    await keep(shop.pool, "1")
    await put(shop.pool, place(1), place(2))
    text = (await ann.get(f"/groups/{await key_of(shop.pool)}")).text
    assert ('name="row_alias" value="GHOST"' in text, 'name="row_connection" value="uk"' in text) == (
        True,
        True,
    )
    assert ('href="/console/exceptions/1"' in text, 'href="/console/exceptions/2"' in text) == (True, True)


async def test_a_group_has_pages(shop, ann):
    await put(shop.pool, *(place(n) for n in range(60)))
    path = f"/groups/{await key_of(shop.pool)}"
    first = (await ann.get(path)).text
    assert (first.count('<th scope="row"><a href="/console/exceptions/'), "?before=11" in first) == (50, True)
    assert (await ann.get(f"{path}?before=11")).text.count(
        '<th scope="row"><a href="/console/exceptions/'
    ) == 10


async def test_a_cause_that_was_settled_is_gone(shop, ann):
    await put(shop.pool, place(1))
    path = f"/groups/{await key_of(shop.pool)}"
    await retry(shop.pool, Aim(case=1), actor="bob", reason="mapped")
    assert (await ann.get(path)).status_code == 404


async def test_an_exception_tells_all_that_is_wrong_and_who_waits(shop, ann):
    await put(shop.pool, place(1))
    (behind,) = await put(shop.pool, change(1))
    await shop.pool.execute("INSERT INTO ticket SELECT order_lane, order_ticket, id FROM message_state")
    text = (await ann.get("/exceptions/1")).text
    assert ("add an alias" in text, f'<th scope="row">{behind}</th>' in text) == (True, True)


async def test_a_payload_is_for_those_who_may_see_it(shop, ann):
    await put(shop.pool, place(1))
    hidden = await ann.get("/exceptions/1")
    other = await visitor(shop, "messages:read", "messages:payload")
    await other.sign_in()
    shown = await other.get("/exceptions/1")
    assert ("Smith" in hidden.text, "Smith" in shown.text) == (False, True)


async def test_only_what_the_key_allows_is_offered(shop):
    await put(shop.pool, place(1))
    reader = await visitor(shop, "messages:read")
    await reader.sign_in()
    text = (await reader.get("/exceptions/1")).text
    assert ("Plan a retry" in text, "Your key does not allow: map, retry, accept." in text) == (False, True)
    assert "/audit" not in text


@pytest.mark.parametrize("reference", ["1", "uk/1", "UK-1", "0000000123"])
async def test_an_order_is_found_by_any_reference_with_its_timeline(shop, ann, reference):
    await keep(shop.pool, "1")
    (notice,) = await put(shop.pool, draft("n", order_ref="1"))
    (effect,) = await put(shop.pool, place(1))
    await bind(shop.pool, "1", "UK-1")
    await shop.pool.execute(
        "INSERT INTO attempt (message_id, token, verdict, error) VALUES ($1, 1, 'park', 'x')", effect
    )
    text = (await ann.get("/orders", params={"reference": reference})).text
    told = ["shop.order", "sage200.sales_order.place", "park: x", "E-SKU-UNKNOWN", "0000000123"]
    assert [word for word in told if word not in text] == []
    assert text.index(">notice<") < text.index(">attempt<")
    assert str(notice) in text


async def test_an_order_names_nobody_without_the_scope(shop, ann):
    await keep(shop.pool, "1")
    other = await visitor(shop, "messages:read", "messages:payload")
    await other.sign_in()
    told = [(await one.get("/orders?reference=1")).text for one in (ann, other)]
    assert [("Smith" in text, "High Street" in text) for text in told] == [(False, False), (True, True)]


@pytest.mark.parametrize("number", [1, 1 << 63, 10**30])
async def test_a_number_that_no_exception_has_is_404(ann, number):
    answer = await ann.get(f"/exceptions/{number}")
    assert (answer.status_code, "There is no exception of this number." in answer.text) == (404, True)


async def test_a_reference_that_nothing_has_is_404(ann):
    answer = await ann.get("/orders?reference=nothing")
    assert (answer.status_code, "No order has this reference." in answer.text) == (404, True)


async def test_a_blocked_lane_tells_by_whom_and_why(shop, ann):
    await put(shop.pool, place(1))
    await put(shop.pool, change(1))
    await shop.pool.execute("INSERT INTO ticket SELECT order_lane, order_ticket, id FROM message_state")
    text = (await ann.get("/lanes")).text
    assert ("order:uk/1" in text, ">parked</td>" in text, "message 1" in text) == (True, True, True)
    assert (await ann.get("/lanes?after=order:zz")).status_code == 200


async def test_the_audit_trail_is_shown_to_those_who_may_see_it(shop, ann):
    await put(shop.pool, place(1))
    await retry(shop.pool, Aim(case=1), actor="bob", reason="mapped it")
    text = (await ann.get("/audit?actor=bob")).text
    assert ("exceptions.retry" in text, "mapped it" in text, "E-SKU-UNKNOWN" in text) == (True, True, True)
    reader = await visitor(shop, "messages:read")
    await reader.sign_in()
    assert (await reader.get("/audit")).status_code == 403


async def test_flags_are_told_apart(shop, ann):
    async with shop.pool.acquire() as conn:
        wrong = Violation("E-SKU-UNKNOWN", "sku", "GHOST", "look", need="sku_aliases")
        await open_cases(conn, [Case(None, "uk", "7", (wrong, unknown("X")), flag=True)])
    await put(shop.pool, place(1))
    text = (await ann.get("/")).text
    assert text.count("<small>flag</small>") == 2
    assert (await ann.get("/exceptions/1")).text.count("Plan to acknowledge") == 1


@pytest.mark.parametrize(
    "path",
    ["/?messages=x&done=retry", "/exceptions?before=-1", "/audit?before=1e9", "/lanes?after=" + "x" * 3000],
)
async def test_an_address_that_is_none_is_refused(ann, path):
    assert (await ann.get(path)).status_code == 400


async def test_news_say_no_more_than_numbers(ann):
    text = (await ann.get("/?done=retry&messages=40&cases=40")).text
    assert "Retried: 40 messages and 40 exceptions were settled." in text
    assert 'class="news"' not in (await ann.get("/?done=<b>pay</b>&messages=1")).text


def test_htmx_is_the_file_that_was_noted():
    content = (HERE / "static" / HTMX).read_bytes()
    note = (HERE / "static" / "README.md").read_text()
    assert (hashlib.sha256(content).hexdigest() in note, HTMX in note) == (True, True)
