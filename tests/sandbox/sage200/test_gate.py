"""Tokens, company headers, the tunnel, load."""

import asyncio

import httpx
import pytest

from tests.sandbox.conftest import Running
from tests.sandbox.sage200.conftest import BASE, Sage, open_sage, sign_in


async def spend(sage: Sage, refresh_token: str) -> httpx.Response:
    form = {
        "grant_type": "refresh_token",
        "client_id": sage.seeded["client_id"],
        "client_secret": sage.seeded["client_secret"],
        "refresh_token": refresh_token,
    }
    return await sage.sandbox.client.post("/sage200/oauth/token", data=form)


async def works(sage: Sage, access_token: str) -> bool:
    headers = sage.headers | {"Authorization": f"Bearer {access_token}"}
    return (await sage.sandbox.client.get(f"{BASE}/products", headers=headers)).status_code == 200


@pytest.fixture
async def second(sage: Sage) -> str:
    """A refresh token; the seeded one is spent by signing in."""
    await sage.deed("revoke_tokens")
    return (await consent(sage))["refresh_token"]


async def consent(sage: Sage) -> dict:
    back = await sage.sandbox.client.get(
        "/sage200/authorize",
        params={"client_id": sage.seeded["client_id"], "redirect_uri": "http://us/back", "state": "s1"},
    )
    code = httpx.URL(back.headers["location"]).params["code"]
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": "http://us/back",
        "client_id": sage.seeded["client_id"],
        "client_secret": sage.seeded["client_secret"],
    }
    answer = await sage.sandbox.client.post("/sage200/oauth/token", data=form)
    assert (await sage.sandbox.client.post("/sage200/oauth/token", data=form)).status_code == 400
    return answer.json()


async def test_refresh_rotates_and_a_reused_token_is_refused(sage: Sage, second: str):
    answer = (await spend(sage, second)).json()
    assert answer["refresh_token"] != second
    assert answer["expires_in"] == 28_800
    reused = await spend(sage, second)
    assert (reused.status_code, reused.json()["error"]) == (400, "invalid_grant")
    assert await works(sage, answer["access_token"])
    assert (await spend(sage, answer["refresh_token"])).status_code == 200


async def test_reused_token_works_in_its_grace(sage: Sage, second: str):
    await sage.sandbox.switch(sage200__refresh_reuse="grace")
    await spend(sage, second)
    assert (await spend(sage, second)).status_code == 200
    await sage.sandbox.client.post("/_sandbox/clock", json={"advance_seconds": 61})
    assert (await spend(sage, second)).status_code == 400


async def test_reuse_can_revoke_everything(sage: Sage, second: str):
    await sage.sandbox.switch(sage200__refresh_reuse="revoke", sage200__invalid_grant_status=403)
    answer = (await spend(sage, second)).json()
    assert (await spend(sage, second)).status_code == 403
    assert not await works(sage, answer["access_token"])
    assert (await spend(sage, answer["refresh_token"])).status_code == 403


async def test_access_token_expires(sage: Sage, second: str):
    await sage.sandbox.switch(sage200__access_lifetime_seconds=5)
    token = (await spend(sage, second)).json()["access_token"]
    assert await works(sage, token)
    await sage.sandbox.client.post("/_sandbox/clock", json={"advance_seconds": 6})
    assert not await works(sage, token)


async def test_refresh_tokens_end_with_their_consent_however_often_renewed(sage: Sage, second: str):
    await sage.sandbox.client.post("/_sandbox/clock", json={"advance_seconds": 89 * 86_400})
    renewed = (await spend(sage, second)).json()["refresh_token"]
    await sage.sandbox.client.post("/_sandbox/clock", json={"advance_seconds": 2 * 86_400})
    assert (await spend(sage, renewed)).status_code == 400


@pytest.mark.parametrize(
    ("change", "status"),
    [({"client_secret": "x"}, 401), ({"client_id": "x"}, 401), ({"grant_type": "client_credentials"}, 400)],
)
async def test_wrong_client_or_grant_is_refused(sage: Sage, change: dict, status: int):
    form = {k: sage.seeded[k] for k in ("client_id", "client_secret", "refresh_token")}
    answer = await sage.sandbox.client.post(
        "/sage200/oauth/token", data={"grant_type": "refresh_token", **form, **change}
    )
    assert answer.status_code == status


async def test_tokens_are_not_in_history(sage: Sage):
    rows = await sage.sandbox.history()
    assert rows[-1]["path"] == "/sage200/oauth/token"
    assert all(row["changed"] == [] for row in rows)


@pytest.mark.parametrize(
    "wrong",
    [
        {"Authorization": ""},
        {"Authorization": "Bearer x"},
        {"X-Site": ""},
        {"X-Site": "11111111-2222-3333-4444-555555555555"},
        {"X-Company": ""},
        {"X-Company": "13"},
        {"X-Company": "x"},
    ],
)
async def test_wrong_or_missing_header_is_401_with_an_empty_body(sage: Sage, wrong: dict):
    answer = await sage.sandbox.client.get(f"{BASE}/products", headers=sage.headers | wrong)
    assert (answer.status_code, answer.content) == (401, b"")


async def test_sites_needs_the_token_alone(sage: Sage):
    headers = {"Authorization": sage.headers["Authorization"], "ocp-apim-subscription-key": "old"}
    rows = (await sage.sandbox.client.get(f"{BASE}/sites", headers=headers)).json()
    assert (rows[0]["site_id"], rows[0]["company_id"]) == (sage.headers["X-Site"], 12)
    assert (await sage.sandbox.client.get(f"{BASE}/sites")).status_code == 401


async def test_standard_edition_answers_too(sage: Sage):
    path = "/sage200/uk/sage200/accounts/v1/products"
    assert (await sage.sandbox.client.get(path, headers=sage.headers)).status_code == 200


async def test_lost_tunnel_answers_504_and_sites_may_be_empty(sage: Sage):
    await sage.deed("tunnel", up=False)
    assert (await sage.call("GET", "products")).status_code == 504
    assert (await sage.call("GET", "sites")).status_code == 504
    await sage.sandbox.switch(sage200__sites_when_down="empty")
    assert await sage.get("sites") == []
    await sage.deed("tunnel", up=True)
    assert len(await sage.get("sites")) == 1


async def test_forbidden_module_is_403(sage: Sage):
    await sage.sandbox.switch(sage200__forbidden=["sop_orders"])
    assert (await sage.call("POST", "sop_orders", sage.order())).status_code == 403


async def test_long_query_can_be_refused(sage: Sage):
    text = " or ".join(["code eq 1"] * 50)
    assert (await sage.call("GET", "tax_codes", filter=text)).status_code == 200
    await sage.sandbox.switch(sage200__max_query_length=400)
    assert (await sage.call("GET", "tax_codes", filter=text)).status_code == 400


async def test_calls_above_the_ceiling_wait_and_are_all_served(sage: Sage):
    await sage.sandbox.client.post("/_sandbox/clock", json={"scale": 100})
    await sage.sandbox.switch(sage200__concurrency_ceiling=2, sage200__latency_seconds=2)
    started = sage.sandbox.world.clock.now()
    answers = await asyncio.gather(*[sage.call("GET", "tax_codes") for _ in range(6)])
    assert {answer.status_code for answer in answers} == {200}
    assert (sage.sandbox.world.clock.now() - started).total_seconds() >= 6


async def test_latency_may_be_a_range(sage: Sage):
    await sage.sandbox.client.post("/_sandbox/clock", json={"scale": 100})
    await sage.sandbox.switch(sage200__latency_seconds=[1, 2])
    started = sage.sandbox.world.clock.now()
    await sage.get("tax_codes")
    assert (sage.sandbox.world.clock.now() - started).total_seconds() >= 1


async def test_seeded_refresh_token_works_once(sandbox: Running):
    sage = await open_sage(sandbox)
    assert "error" in await sign_in(sandbox, sage.seeded)
