import base64

from tests.sandbox.virtualstock.conftest import LOGIN, ROOT


def basic(password: str) -> dict[str, str]:
    pair = base64.b64encode(f"{LOGIN['username']}:{password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


async def test_an_access_token_ends_after_five_minutes_and_the_refresh_gives_another(edge):
    client = edge.sandbox.client
    pair = (await client.post(f"{ROOT}/token", json=LOGIN)).json()
    edge.sandbox.world.clock.advance(301)
    answer = await edge.ask("GET", "/orders/")
    assert (answer.status_code, answer.json()["code"]) == (401, "token_not_valid")
    fresh = (await client.post(f"{ROOT}/token/refresh", json={"refresh": pair["refresh"]})).json()
    assert list(fresh) == ["access"]
    edge.token = fresh["access"]
    assert (await edge.ask("GET", "/orders/")).status_code == 200


async def test_a_refresh_token_ends_after_four_hours(edge):
    client = edge.sandbox.client
    pair = (await client.post(f"{ROOT}/token", json=LOGIN)).json()
    edge.sandbox.world.clock.advance(4 * 3600 + 1)
    answer = await client.post(f"{ROOT}/token/refresh", json={"refresh": pair["refresh"]})
    assert (answer.status_code, answer.json()["code"]) == (401, "token_not_valid")


async def test_an_access_token_refreshes_nothing_and_a_refresh_token_opens_nothing(edge):
    client = edge.sandbox.client
    pair = (await client.post(f"{ROOT}/token", json=LOGIN)).json()
    assert (await client.post(f"{ROOT}/token/refresh", json={"refresh": pair["access"]})).status_code == 401
    edge.token = pair["refresh"]
    assert (await edge.ask("GET", "/orders/")).status_code == 401


async def test_basic_serves_until_it_is_retired(edge):
    client = edge.sandbox.client
    assert (await client.get(f"{ROOT}/orders/", headers=basic(LOGIN["password"]))).status_code == 200
    wrong = await client.get(f"{ROOT}/orders/", headers=basic("guess"))
    assert (wrong.status_code, wrong.json()) == (401, {"detail": "Invalid username/password."})
    assert wrong.headers["www-authenticate"] == 'Basic realm="api"'
    await edge.sandbox.switch(virtualstock__basic_auth=False)
    assert (await client.get(f"{ROOT}/orders/", headers=basic(LOGIN["password"]))).status_code == 401


async def test_wrong_passwords_and_missing_fields_are_refused(edge):
    client = edge.sandbox.client
    wrong = await client.post(f"{ROOT}/token", json={**LOGIN, "password": "guess"})
    assert (wrong.status_code, "No active account" in wrong.text) == (401, True)
    missing = await client.post(f"{ROOT}/token", json={"username": "northgate"})
    assert (missing.status_code, missing.json()) == (400, {"password": ["This field is required."]})
    assert (await client.get(f"{ROOT}/orders/")).json()[
        "detail"
    ] == "Authentication credentials were not provided."


async def test_the_token_address_takes_no_slash_and_the_others_need_theirs(edge):
    client = edge.sandbox.client
    assert (await client.post(f"{ROOT}/token/", json=LOGIN)).status_code != 200
    order = await edge.place()
    answer = await edge.ask("POST", f"/orders/{order['id']}/acknowledge", {"items": []})
    assert (answer.status_code, answer.json()) == (405, {"detail": 'Method "POST" not allowed.'})
    assert (await edge.ask("GET", "/orders")).status_code == 404


async def test_a_revoked_token_and_a_disabled_account_are_refused(edge):
    pair = (await edge.sandbox.client.post(f"{ROOT}/token", json=LOGIN)).json()
    await edge.people("/logins/northgate/revoke", kinds=["access"])
    assert (await edge.ask("GET", "/orders/")).status_code == 401
    fresh = await edge.sandbox.client.post(f"{ROOT}/token/refresh", json={"refresh": pair["refresh"]})
    assert fresh.status_code == 200
    await edge.people("/logins/northgate/disable")
    assert (await edge.sandbox.client.post(f"{ROOT}/token", json=LOGIN)).status_code == 401
    answer = await edge.sandbox.client.post(f"{ROOT}/token/refresh", json={"refresh": pair["refresh"]})
    assert answer.json()["code"] == "user_inactive"
