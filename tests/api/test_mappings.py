"""Mapping tables over HTTP: planned, guarded by their ETag, refused whole, releasing what waited."""

import asyncio

from app.domain.message import Violation
from tests.api.test_messages import draft, parked, put

ALIASES = "/api/v1/mappings/sku_aliases"
RED = {"connection": "uk", "alias": "RED-1", "code": "R1"}
BLUE = {"connection": "uk", "alias": "BLUE-1", "code": "B1"}


async def editor(shop):
    return await shop.key("messages:read", "mappings:write")


async def send(shop, method, rows, headers, **more):
    path = ALIASES if method == "PUT" else f"{ALIASES}/rows"
    body = {"rows": rows, "reason": "new season", **more}
    return await shop.client.request(method, path, json=body, headers=headers)


async def fill(shop, *rows):
    headers = {**await editor(shop), "if-match": "*"}
    answer = await send(shop, "PUT", list(rows), headers, apply=True)
    assert answer.status_code == 200, answer.text
    return headers


async def rows_of(shop, headers):
    return (await shop.client.get(ALIASES, headers=headers)).json()["rows"]


async def test_the_tables_are_listed(shop):
    answer = await shop.client.get("/api/v1/mappings", headers=await editor(shop))
    assert "tax_codes" in answer.json()["items"]


async def test_a_table_is_read_with_its_etag(shop):
    headers = await fill(shop, RED)
    answer = await shop.client.get(ALIASES, headers=headers)
    assert (answer.json()["rows"], answer.headers["etag"][0]) == ([RED], '"')


async def test_a_plan_tells_what_would_change_and_changes_nothing(shop):
    headers = await fill(shop, RED)
    plan = (await send(shop, "PUT", [{**RED, "code": "R2"}, BLUE], headers)).json()
    assert (plan["applied"], plan["added"], plan["removed"]) == (False, [BLUE], [])
    assert plan["changed"] == [[RED, {**RED, "code": "R2"}]]
    assert await rows_of(shop, headers) == [RED]


async def test_replacing_removes_what_is_not_sent(shop):
    headers = await fill(shop, RED)
    plan = (await send(shop, "PUT", [BLUE], headers, apply=True)).json()
    assert (plan["applied"], plan["removed"]) == (True, [RED])
    assert await rows_of(shop, headers) == [BLUE]


async def test_adding_keeps_the_other_rows(shop):
    headers = await fill(shop, RED)
    plan = (await send(shop, "POST", [BLUE], headers, apply=True)).json()
    assert (plan["added"], plan["equal"]) == ([BLUE], 1)
    assert len(await rows_of(shop, headers)) == 2


async def test_a_plan_to_add_counts_the_rows_that_stay(shop):
    headers = await fill(shop, RED)
    plan = (await send(shop, "POST", [BLUE], headers)).json()
    assert (plan["applied"], plan["added"], plan["removed"], plan["equal"]) == (False, [BLUE], [], 1)


async def test_applying_without_if_match_is_428(shop):
    answer = await send(shop, "PUT", [RED], await editor(shop), apply=True)
    assert (answer.status_code, answer.json()["code"]) == (428, "precondition_required")


async def test_applying_over_anothers_change_is_412_with_the_newer_etag(shop):
    headers = await fill(shop, RED)
    seen = (await shop.client.get(ALIASES, headers=headers)).headers["etag"]
    await fill(shop, BLUE)
    answer = await send(shop, "PUT", [RED], {**headers, "if-match": seen}, apply=True)
    now = (await shop.client.get(ALIASES, headers=headers)).headers["etag"]
    assert (answer.status_code, answer.headers["etag"]) == (412, now)
    assert await rows_of(shop, headers) == [BLUE]


async def test_of_two_changes_with_the_same_etag_at_once_one_is_412(shop):
    headers = await fill(shop, RED)
    seen = (await shop.client.get(ALIASES, headers=headers)).headers["etag"]
    sent = [[{**RED, "code": f"R{n}"}] for n in range(2, 8)]
    answers = await asyncio.gather(
        *(send(shop, "PUT", rows, {**headers, "if-match": seen}, apply=True) for rows in sent)
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 5


async def test_of_two_additions_with_the_same_etag_at_once_one_is_412(shop):
    headers = await fill(shop, RED)
    seen = (await shop.client.get(ALIASES, headers=headers)).headers["etag"]
    sent = [[{**BLUE, "alias": f"B{n}"}] for n in range(4)]
    answers = await asyncio.gather(
        *(send(shop, "POST", rows, {**headers, "if-match": seen}, apply=True) for rows in sent)
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 3


async def spoil(pool):
    await pool.execute(
        "INSERT INTO mapping_row (table_name, row_key, row, version, changed_at, changed_by)"
        " VALUES ('sku_aliases', 'x', '{\"alias\": \"x\"}', 1, now(), 'a newer release')"
    )


async def test_a_stored_row_that_is_none_any_longer_is_409_with_its_place(shop):
    headers = await fill(shop, RED)
    await spoil(shop.pool)
    answers = [
        await shop.client.get(ALIASES, headers=headers),
        await send(shop, "PUT", [RED], headers),
        await send(shop, "POST", [BLUE], headers, apply=True),
    ]
    assert [answer.status_code for answer in answers] == [409] * 3
    assert answers[0].json()["errors"][0]["pointer"] == "#mappings/sku_aliases/1/code"


async def test_a_retry_over_a_faulty_stored_row_is_409_and_releases_nothing(shop):
    (number,) = await put(shop.pool, parked("1", "E-VAT"))
    await spoil(shop.pool)
    case = await shop.pool.fetchval("SELECT id FROM exception_case")
    answer = await shop.client.post(
        f"/api/v1/exceptions/{case}/retry", json={"reason": "again"}, headers=await shop.key()
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert await shop.pool.fetchval("SELECT state FROM message_state WHERE id = $1", number) == "parked"


async def test_applying_with_the_right_etag_is_done(shop):
    headers = await fill(shop, RED)
    seen = (await shop.client.get(ALIASES, headers=headers)).headers["etag"]
    answer = await send(shop, "PUT", [BLUE], {**headers, "if-match": seen}, apply=True)
    assert answer.status_code == 200


async def test_a_faulty_set_is_refused_whole_with_every_fault(shop):
    headers = await fill(shop, RED)
    answer = await send(shop, "PUT", [BLUE, {"alias": "x"}, BLUE], headers, apply=True)
    assert answer.status_code == 422
    assert [one["pointer"] for one in answer.json()["errors"]] == ["/rows/1/code", "/rows/2"]
    assert await rows_of(shop, headers) == [RED]


async def test_a_new_row_that_clashes_with_the_others_is_refused(shop):
    path, headers = "/api/v1/mappings/posting_rules", {**await editor(shop), "if-match": "*"}
    nominal = {"nominal": "41100"}
    first = {"rule": "a", "position": 1, **nominal}
    await shop.client.put(path, json={"rows": [first], "reason": "first", "apply": True}, headers=headers)
    for apply in (False, True):
        body = {"rows": [{"rule": "b", "position": 1, **nominal}], "reason": "again", "apply": apply}
        answer = await shop.client.post(f"{path}/rows", json=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


def unknown(key, sku):
    return draft(key, park=Violation("E-SKU-UNKNOWN", "lines[1].sku", sku, "alias it", need="sku_aliases"))


async def test_a_new_row_releases_what_waited_for_it_as_its_plan_said(shop):
    headers = {**await editor(shop), "if-match": "*"}
    waiting, twin, other, _ = await put(
        shop.pool, unknown("1", "red-1 "), unknown("2", "RED-1"), unknown("3", "GREEN"), parked("4", "E-VAT")
    )
    planned = (await send(shop, "POST", [RED], headers)).json()
    assert (planned["applied"], planned["released"]) == (False, [waiting, twin])
    plan = (await send(shop, "POST", [RED], headers, apply=True)).json()
    assert (plan["applied"], plan["released"]) == (True, [waiting, twin])
    assert await shop.pool.fetchval("SELECT state FROM message_state WHERE id = $1", other) == "parked"
    assert len(shop.rings) == 1


async def test_a_change_of_a_table_is_in_the_audit_trail_as_it_was_and_as_it_is(shop):
    headers = await fill(shop, RED)
    await send(shop, "PUT", [{**RED, "code": "R2"}], {**headers, "if-match": "*"}, apply=True)
    detail = await shop.pool.fetchval(
        "SELECT detail FROM audit WHERE action = 'mappings.write' ORDER BY id DESC"
    )
    assert (detail["before"], detail["after"]) == ([RED], [{**RED, "code": "R2"}])


async def test_an_unknown_table_is_404(shop):
    answer = await shop.client.get("/api/v1/mappings/nonsense", headers=await editor(shop))
    assert answer.status_code == 404


async def test_editing_needs_its_scope(shop):
    headers = await shop.key("messages:read")
    assert (await send(shop, "PUT", [RED], headers)).status_code == 403
