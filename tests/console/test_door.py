"""Who comes in, for how long, and what a forged form gets."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.console.compose import POLICY
from app.flows.keys import revoke
from app.main import build
from tests.console.conftest import FORM, hidden, visitor

PAGES = (
    "/",
    "/exceptions",
    "/exceptions/1",
    "/exceptions/1/plan",
    "/groups/x",
    "/orders",
    "/lanes",
    "/audit",
)


async def test_without_a_visit_every_page_shows_the_door(stranger):
    answers = [await stranger.get(path) for path in PAGES]
    assert {answer.status_code for answer in answers} == {303}
    assert [answer.headers["location"] for answer in answers[:2]] == [
        "/console/sign-in?back=/",
        "/console/sign-in?back=/exceptions",
    ]


async def test_the_address_without_a_slash_leads_in(stranger):
    answer = await stranger.client.get("/console")
    assert (answer.status_code, answer.headers["location"]) == (308, "/console/")


async def test_a_key_opens_a_visit_and_leads_back(stranger):
    answer = await stranger.sign_in("/exceptions")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/exceptions")
    assert (await stranger.get("/exceptions")).status_code == 200


async def test_the_cookie_cannot_be_read_by_scripts_and_does_not_hold_the_key(stranger):
    cookie = (await stranger.sign_in()).headers["set-cookie"]
    assert {"HttpOnly", "SameSite=lax", "Path=/console", "Max-Age=28800"} <= set(cookie.split("; "))
    assert stranger.key.split("_")[3] not in cookie


async def test_over_https_the_cookie_stays_there(stranger):
    stranger.client.base_url = "https://gateway"
    assert "Secure" in (await stranger.sign_in()).headers["set-cookie"].split("; ")


@pytest.mark.parametrize(
    "back", ["//evil.example", "https://evil.example", "/\\evil", "/a?x=//b", "javascript:x"]
)
async def test_the_door_leads_to_no_other_site(stranger, back):
    assert (await stranger.sign_in(back)).headers["location"] == "/console/"


@pytest.mark.parametrize("key", ["", "nonsense", "slk_live_0000000000000000_" + "0" * 64 + "_00000000"])
async def test_a_wrong_key_opens_nothing_and_is_not_echoed(stranger, key):
    answer = await stranger.post("/sign-in", {"key": key, "back": "/"})
    assert (answer.status_code, "not valid" in answer.text, "set-cookie" in answer.headers) == (
        403,
        True,
        False,
    )
    assert not key or key not in answer.text


async def test_a_key_that_may_not_read_opens_nothing(shop):
    answer = await (await visitor(shop, "audit:read")).sign_in()
    assert (answer.status_code, "messages:read" in answer.text) == (403, True)


async def test_a_revoked_key_ends_its_visits_at_once(shop, ann):
    await revoke(shop.pool, ann.key.split("_")[2])
    assert (await ann.get("/")).status_code == 303


async def test_a_visit_ends_after_eight_hours(shop, ann):
    for hours, status in ((7.9, 200), (8.1, 303)):
        later = shop.state.now() + timedelta(hours=hours)
        ann.client._transport.app = build(replace(shop.state, now=lambda at=later: at))
        assert (await ann.get("/")).status_code == status


async def test_several_processes_share_a_visit(shop, ann):
    ann.client._transport.app = build(shop.state)
    assert (await ann.get("/")).status_code == 200


async def test_a_changed_cookie_is_no_visit(shop, ann):
    cookie = ann.client.cookies["sluice_console"]
    key_id, until, rest = cookie.split(".", 2)
    for forged in (f"{key_id}.{int(until) + 9999}.{rest}", cookie[:-1], "a.b.c.d", "..", "", "é"):
        answer = await shop.client.get("/console/", headers={"cookie": f"sluice_console={forged}".encode()})
        assert answer.status_code == 303


async def test_a_new_secret_ends_all_visits(shop, ann):
    await shop.pool.execute("DELETE FROM kept_secret")
    assert (await ann.get("/")).status_code == 303


async def test_signing_out_forgets_the_visit(ann):
    answer = await ann.post("/sign-out", {"token": await ann.token()})
    assert answer.headers["location"] == "/console/sign-in"
    assert (await ann.get("/")).status_code == 303


FORGED = [
    ({"token": ""}, {}),
    ({"token": "x" * 43}, {}),
    ({"token": "é"}, {}),
    (None, {"sec-fetch-site": "cross-site"}),
    (None, {"sec-fetch-site": "same-site"}),
    (None, {"sec-fetch-site": "none"}),
    (None, {"origin": "https://evil.example"}),
    (None, {"origin": "null"}),
]


@pytest.mark.parametrize(("fields", "headers"), FORGED)
async def test_a_forged_form_does_nothing(ann, fields, headers):
    answer = await ann.post("/sign-out", fields or {"token": await ann.token()}, **headers)
    assert answer.status_code == 403
    assert (await ann.get("/")).status_code == 200


async def test_the_token_of_another_visit_is_forged(shop, ann):
    other = await visitor(shop)
    await other.sign_in()
    assert (await ann.post("/sign-out", {"token": await other.token()})).status_code == 403


async def test_signing_in_from_another_site_is_refused(stranger):
    answer = await stranger.post("/sign-in", {"key": stranger.key}, **{"sec-fetch-site": "cross-site"})
    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)


async def test_the_form_of_the_page_itself_is_taken(ann):
    headers = {"sec-fetch-site": "same-origin", "origin": "http://gateway"}
    assert (await ann.post("/sign-out", {"token": await ann.token()}, **headers)).status_code == 303


@pytest.mark.parametrize("path", ["/", "/sign-in", "/nowhere", "/static/console.css"])
async def test_every_answer_is_guarded(ann, path):
    answer = await ann.get(path)
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == ("no-cache" if "static" in path else "no-store")


async def test_no_page_holds_a_script_or_a_style_of_its_own(ann):
    text = (await ann.get("/")).text
    assert (text.count("<script"), "<style" in text, " style=" in text, "onclick" in text) == (
        1,
        False,
        False,
        False,
    )


async def test_json_is_no_form(ann):
    answer = await ann.client.post("/console/sign-out", json={"token": "x"})
    assert answer.status_code == 415


@pytest.mark.parametrize(
    "content", [b"\xff", b"token=%ff", b"a=%00", b"&".join([b"a=1"] * 200), b"a=" + b"x" * 3000]
)
async def test_a_form_that_no_browser_sends_is_refused(ann, content):
    token = (await ann.token()).encode()
    body = b"token=" + token + b"&" + content
    answer = await ann.client.post("/console/sign-out", content=body, headers={"content-type": FORM})
    assert answer.status_code == 400


async def test_what_does_not_exist_is_a_page(ann):
    answers = [await ann.get("/nowhere"), await ann.get("/exceptions/99"), await ann.post("/lanes", {})]
    assert [answer.status_code for answer in answers] == [404, 404, 405]
    assert {answer.headers["content-type"] for answer in answers} == {"text/html; charset=utf-8"}


async def test_htmx_is_led_to_the_door_too(stranger):
    answer = await stranger.get("/", headers={"hx-request": "true"})
    assert (answer.status_code, answer.headers["hx-redirect"]) == (204, "/console/sign-in?back=/")


async def test_the_hidden_token_is_not_the_cookie(ann):
    assert hidden(await ann.get("/"), "token") not in ann.client.cookies["sluice_console"]
